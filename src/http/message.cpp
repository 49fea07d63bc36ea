#include "http/message.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "http/text.h"

namespace countersign::http {
namespace {

bool same_spelling(std::string_view a, std::string_view b) {
  const auto fold = [](char c) { return c == '_' ? '-' : to_lower(c); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return fold(x) == fold(y); });
}

struct Phrase {
  int status;
  std::string_view text;
};

// RFC 9110 section 15, RFC 6585.
constexpr std::array kPhrases{
    Phrase{100, "Continue"},
    Phrase{101, "Switching Protocols"},
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{421, "Misdirected Request"},
    Phrase{422, "Unprocessable Content"},
    Phrase{426, "Upgrade Required"},
    Phrase{428, "Precondition Required"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
};

/// Control characters become spaces: nothing we write can end a line early.
void append_safely(std::string& out, std::string_view text) {
  if (is_field_text(text)) {
    out += text;
    return;
  }
  for (const char c : text)
    out += is_field_text({&c, 1}) ? c : ' ';
}

/// What no target may hold is percent-encoded.
void append_target(std::string& out, std::string_view target) {
  if (is_visible_ascii(target)) {
    out += target;
    return;
  }
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : target) {
    if (is_visible_ascii({&c, 1})) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

void append_token(std::string& out, std::string_view token) {
  if (is_token(token)) {
    out += token;
    return;
  }
  for (const char c : token)
    out += is_token_character(c) ? c : '_';
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_token(out, name);
  out += ": ";
  append_safely(out, value);
  out += "\r\n";
}

/// Most heads fit, with what a gateway adds.
constexpr std::size_t kUsualRequestHead = 2'560;
constexpr std::size_t kUsualResponseHead = 1'000;

/// The target behind scheme and authority, if it is in absolute form (RFC 9112 section 3.2.2).
std::string_view without_authority(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const std::size_t path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

}  // namespace

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (equals_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      fields_.begin(), fields_.end(), [&](const Field& field) { return equals_ignoring_case(field.name, name); }));
}

void Fields::add(std::string name, std::string value) {
  if (fields_.empty()) fields_.reserve(16);
  fields_.push_back({std::move(name), std::move(value)});
}

void Fields::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Fields::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return equals_ignoring_case(field.name, name); });
}

void Fields::remove_every_spelling(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return same_spelling(field.name, name); });
}

bool Fields::has_token(std::string_view name, std::string_view token) const {
  for (const Field& field : fields_) {
    if (!equals_ignoring_case(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (equals_ignoring_case(trim(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

base::Result<std::string> Request::path() const {
  const std::string_view target = without_authority(head.target);
  const std::optional<std::string> path = percent_decode(target.substr(0, target.find('?')), PlusSign::literal);
  if (!path || !is_field_text(*path))
    return base::fail(base::Kind::invalid, "http.bad_target", "the path holds a broken escape or a control character");
  return path->empty() ? "/" : *path;
}

std::optional<std::string> Request::query(std::string_view name) const {
  const std::size_t question = head.target.find('?');
  if (question == std::string::npos) return std::nullopt;
  for (std::string_view rest = std::string_view(head.target).substr(question + 1); !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (percent_decode(pair.substr(0, equals), PlusSign::space) != name) continue;
    return percent_decode(pair.substr(std::min(equals + 1, pair.size())), PlusSign::space);
  }
  return std::nullopt;
}

/// Our programs stay in the C locale.
std::string to_http_date(base::Instant at) {
  const std::time_t seconds = at.unix_seconds();
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[40] = "";
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

std::string_view reason_phrase(int status) {
  const auto found =
      std::find_if(kPhrases.begin(), kPhrases.end(), [&](const Phrase& phrase) { return phrase.status == status; });
  return found == kPhrases.end() ? "Unknown" : found->text;
}

HeadWriter::HeadWriter(std::string_view method, std::string_view target, int minor_version, std::string memory)
    : text_(std::move(memory)) {
  text_.clear();
  text_.reserve(kUsualRequestHead);
  append_token(text_, method);
  text_ += ' ';
  append_target(text_, target);
  text_ += minor_version == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n";
}

HeadWriter::HeadWriter(int status, std::string_view reason, int minor_version) {
  text_.reserve(kUsualResponseHead);
  text_ += minor_version == 0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  text_ += std::to_string(status);
  text_ += ' ';
  append_safely(text_, reason);
  text_ += "\r\n";
}

void HeadWriter::add(std::string_view name, std::string_view value) { append_field(text_, name, value); }

std::string HeadWriter::finish() && {
  text_ += "\r\n";
  return std::move(text_);
}

std::string to_lines(const Fields& fields) {
  std::string out;
  for (const Field& field : fields)
    append_field(out, field.name, field.value);
  return out;
}

std::string serialise(const RequestHead& head) {
  HeadWriter writer(head.method, head.target, head.minor_version);
  for (const Field& field : head.fields)
    writer.add(field.name, field.value);
  return std::move(writer).finish();
}

std::string serialise(const ResponseHead& head) {
  HeadWriter writer(head.status, head.reason, head.minor_version);
  for (const Field& field : head.fields)
    writer.add(field.name, field.value);
  return std::move(writer).finish();
}

}  // namespace countersign::http
