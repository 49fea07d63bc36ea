#include "base/log.h"

#include <cmath>

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/check.h"

namespace countersign::base {
namespace {

std::string_view name(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  BASE_UNREACHABLE();
}

/// How many bytes of valid UTF-8 (RFC 3629 section 4) start at `text`, or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
  if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

class SpdlogSink final : public LogSink {
 public:
  explicit SpdlogSink(std::shared_ptr<spdlog::sinks::sink> sink) : logger_("countersign", std::move(sink)) {
    logger_.set_pattern("%v");
    logger_.flush_on(spdlog::level::info);
  }
  void write(std::string_view line) override { logger_.log(spdlog::level::info, line); }

 private:
  spdlog::logger logger_;
};

struct ToJson {
  std::string operator()(const std::string& text) const { return to_json_string(text); }
  std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
  /// JSON has no infinities and no NaN (RFC 8259 section 6).
  std::string operator()(double number) const { return std::isfinite(number) ? fmt::format("{}", number) : "null"; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
};

}  // namespace

std::string to_json_string(std::string_view text) {
  std::string json = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) json += "\\ufffd";
    else if (length > 1) json += text.substr(0, length);
    else if (c == '"' || c == '\\') (json += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      json += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else json += c;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return json += '"';
}

void Log::event(Level level, std::string_view event, const Fields& fields) const {
  if (level < options_.at_least) return;
  std::string line =
      fmt::format(R"({{"time":"{}","level":"{}","program":{},"event":{})", to_rfc3339_millis(clock_.now()), name(level),
                  to_json_string(options_.program), to_json_string(event));
  for (const Field& field : fields) {
    line += ',';
    line += to_json_string(field.key);
    line += ':';
    line += std::visit(ToJson{}, field.value);
  }
  line += '}';
  sink_.write(line);
}

std::unique_ptr<LogSink> stderr_sink() {
  return std::make_unique<SpdlogSink>(std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

Result<std::unique_ptr<LogSink>> file_sink(const std::string& path) {
  try {
    return std::make_unique<SpdlogSink>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
  } catch (const spdlog::spdlog_ex& thrown) {
    return fail(Kind::unavailable, "log.unwritable", "cannot write the log '" + path + "': " + thrown.what());
  }
}

}  // namespace countersign::base
