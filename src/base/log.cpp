#include "base/log.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/check.h"
#include "base/gathering_sink.h"

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

/// What stands as it is in a JSON string, looked up: every byte of every record is asked about.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7f; ++c)
    table[c] = c != '"' && c != '\\';
  return table;
}();
bool is_plain(char c) { return kPlain[static_cast<unsigned char>(c)]; }

/// `text` as a JSON string, put behind `json`: in pieces as long as nothing in them needs an escape.
void append_json_string(std::string& json, std::string_view text) {
  json += '"';
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    json += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) json += "\\ufffd";
    else if (length > 1) json += text.substr(0, length);
    else if (c == '"' || c == '\\') (json += '\\') += c;
    else json += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  json += '"';
}

/// `"key":` and `value` behind `json`, in one go where nothing needs an escape, as it is with nearly all.
void append_member(std::string& json, std::string_view key, std::string_view value) {
  static constexpr std::string_view kBefore = ",\"";
  static constexpr std::string_view kBetween = "\":\"";
  if (!std::ranges::all_of(value, is_plain)) {
    ((json += kBefore) += key) += "\":";
    return append_json_string(json, value);
  }
  const std::size_t begin = json.size();
  json.resize(begin + kBefore.size() + key.size() + kBetween.size() + value.size() + 1);
  char* to = json.data() + begin;
  for (const std::string_view part : {kBefore, key, kBetween, value})
    to = std::ranges::copy(part, to).out;
  *to = '"';
}

struct AppendJson {
  std::string& json;
  void operator()(const std::string& text) const { append_json_string(json, text); }
  void operator()(std::int64_t number) const { json += fmt::format_int(number).c_str(); }
  /// JSON has no infinities and no NaN (RFC 8259 section 6).
  void operator()(double number) const { json += std::isfinite(number) ? fmt::format("{}", number) : "null"; }
  void operator()(bool flag) const { json += flag ? "true" : "false"; }
};

/// Most records fit.
constexpr std::size_t kUsualLine = 512;

}  // namespace

std::string to_json_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

Log::Log(Options options, const Clock& clock, LogSink& sink)
    : options_(std::move(options)), clock_(clock), sink_(sink) {
  program_ = R"(","program":)" + to_json_string(options_.program) + R"(,"event":")";
}

/// Up to the event, which ends without its quote.
std::string Log::head(Level level, std::string_view event) const {
  std::string line;
  line.reserve(kUsualLine);
  line += R"({"time":")";
  line += to_rfc3339_millis(clock_.now());
  line += R"(","level":")";
  line += name(level);
  line += program_;
  line += event;
  return line;
}

std::string Log::prepare(const Fields& fields) {
  std::string text;
  for (const Field& field : fields) {
    text += ',';
    append_json_string(text, field.key);
    text += ':';
    std::visit(AppendJson{text}, field.value);
  }
  return text;
}

void Log::event(Level level, std::string_view event, const Fields& fields) const {
  if (level < options_.at_least) return;
  std::string line = head(level, event);
  line += '"';
  line += prepare(fields);
  line += '}';
  sink_.write(line);
}

Log::Line Log::begin(Level level, std::string_view event) const {
  if (level < options_.at_least) return {nullptr, {}};
  Line line(this, head(level, event));
  line.line_ += '"';
  return line;
}

void Log::Line::key(std::string_view key) {
  line_ += ",\"";
  line_ += key;
  line_ += "\":";
}

Log::Line& Log::Line::text(std::string_view key_text, std::string_view value) {
  if (log_ != nullptr) append_member(line_, key_text, value);
  return *this;
}

Log::Line& Log::Line::number(std::string_view key_text, std::int64_t value) {
  if (log_ == nullptr) return *this;
  key(key_text);
  const fmt::format_int digits(value);
  line_.append(digits.data(), digits.size());
  return *this;
}

Log::Line& Log::Line::prepared(std::string_view fields) {
  if (log_ != nullptr) line_ += fields;
  return *this;
}

void Log::Line::write() {
  if (log_ == nullptr) return;
  line_ += '}';
  log_->sink_.write(line_);
}

std::unique_ptr<LogSink> stderr_sink() { return std::make_unique<GatheringSink>(STDERR_FILENO); }

Result<std::unique_ptr<LogSink>> file_sink(const std::string& path) {
  try {
    return std::make_unique<SpdlogSink>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
  } catch (const spdlog::spdlog_ex& thrown) {
    return fail(Kind::unavailable, "log.unwritable", "cannot write the log '" + path + "': " + thrown.what());
  }
}

}  // namespace countersign::base
