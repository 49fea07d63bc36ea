#include "http/strict_head.h"

#include <algorithm>

#include "http/refusal.h"
#include "http/text.h"

namespace countersign::http {
namespace {

/// The fields that decide where a message ends and whom it is for.
struct Decisive {
  int minor_version = 1;
  int content_lengths = 0;
  int transfer_encodings = 0;
  int hosts = 0;
  std::string_view content_length;
  std::string_view transfer_encoding;
  std::string_view host;
};

/// Takes one line off `rest`, without its CRLF.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find("\r\n"), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 2, rest.size()));
  return line;
}

/// '-' for what is neither letter nor digit: CGI and WSGI do so with '-', some servers with '.' and others too.
char fold(char c) {
  const char lower = to_lower(c);
  const bool kept = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
  return kept ? lower : '-';
}

/// Would somebody behind us read `name` as `wanted` (lower case)?
bool folds_to(std::string_view name, std::string_view wanted) { return std::ranges::equal(name, wanted, {}, fold); }

constexpr std::string_view kContentLength = "content-length";
constexpr std::string_view kTransferEncoding = "transfer-encoding";
constexpr std::string_view kHost = "host";
constexpr std::string_view kConnection = "connection";

/// RFC 9110 section 7.6.1: it names fields and what is to become of the connection, and nothing else.
base::Result<void> check_connection(std::string_view name, std::string_view rest) {
  if (!equals_ignoring_case(name, kConnection)) return {};
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view option = trim(rest.substr(0, comma));
    if (!option.empty() && !is_token(option)) return malformed("Connection is not a list of tokens");
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return {};
}

base::Result<void> note_if_decisive(Decisive& found, std::string_view name, std::string_view value) {
  const auto note = [&](std::string_view wanted, int& count, std::string_view& into) -> base::Result<void> {
    if (!folds_to(name, wanted)) return {};
    if (!equals_ignoring_case(name, wanted))
      return ambiguous("a field name that some would read as " + std::string(wanted));
    ++count;
    into = value;
    return {};
  };
  // By its size it could be one of them at most.
  switch (name.size()) {
    case kContentLength.size(): return note(kContentLength, found.content_lengths, found.content_length);
    case kTransferEncoding.size(): return note(kTransferEncoding, found.transfer_encodings, found.transfer_encoding);
    case kConnection.size(): return check_connection(name, value);
    case kHost.size(): return note(kHost, found.hosts, found.host);
    default: return {};
  }
}

base::Result<void> take_fields(std::string_view rest, std::size_t max_fields, Decisive& found, Fields& fields) {
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    if (fields.size() >= max_fields) return too_large("more than " + std::to_string(max_fields) + " fields");
    BASE_TRY_VOID(check_field_line(line));
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    BASE_TRY_VOID(note_if_decisive(found, name, value));
    fields.add(std::string(name), std::string(value));
  }
  if (!rest.empty()) return malformed("the head does not end where it should");
  return {};
}

base::Result<int> parse_minor_version(std::string_view version) {
  if (version == "HTTP/1.1") return 1;
  if (version == "HTTP/1.0") return 0;
  return malformed("the version must be HTTP/1.1 or HTTP/1.0");
}

base::Result<void> take_request_line(std::string_view line, const H1Limits& limits, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return malformed("the request line needs method, target, version");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method)) return malformed("the method is not a token");
  if (target.size() > limits.target_bytes) return too_large("the request target is too long");
  BASE_TRY_VOID(check_target(method, target));
  BASE_TRY(head.minor_version, parse_minor_version(line.substr(last + 1)));
  head.method = method;
  head.target = target;
  return {};
}

/// The status of "HTTP/1.1 200 OK"; RFC 9112 section 4 wants the second space even when there is no reason.
base::Result<void> take_status_line(std::string_view line, ResponseHead& head) {
  BASE_TRY(head.minor_version, parse_minor_version(line.substr(0, 8)));
  const bool spaces = line.size() >= 13 && line[8] == ' ' && line[12] == ' ';
  const auto status = spaces ? parse_decimal(line.substr(9, 3)) : std::nullopt;
  if (!status || *status < 100 || *status > 599) return malformed("the status must be a number from 100 to 599");
  if (!is_field_text(line.substr(13))) return malformed("a control character in the status line");
  head.status = static_cast<int>(*status);
  head.reason = line.substr(13);
  return {};
}

bool is_port(std::string_view text) {
  const auto port = parse_decimal(text);
  return port && *port <= 65535;
}

base::Result<void> check_host(const Decisive& found) {
  if (found.hosts > 1) return ambiguous("more than one Host");
  if (found.hosts == 0 && found.minor_version == 1) return ambiguous("Host is missing");
  if (found.hosts == 1 && !is_host(found.host))
    return malformed("Host is not a host name or address with an optional port");
  return {};
}

/// What the fields say, whatever the method or status says later. RFC 9112 section 6.3.
base::Result<BodyFraming> framing_of(const Decisive& found, Framing otherwise) {
  BodyFraming body;
  body.framing = otherwise;
  if (found.transfer_encodings > 0) {
    if (found.content_lengths > 0) return ambiguous("both Content-Length and Transfer-Encoding");
    if (found.minor_version == 0) return ambiguous("Transfer-Encoding in HTTP/1.0");
    if (found.transfer_encodings > 1 || !equals_ignoring_case(found.transfer_encoding, "chunked"))
      return ambiguous("the only Transfer-Encoding taken is 'chunked', once");
    body.framing = Framing::chunked;
  }
  if (found.content_lengths > 1) return ambiguous("more than one Content-Length");
  if (found.content_lengths == 0) return body;
  if (found.content_length.find(',') != std::string_view::npos) return ambiguous("Content-Length is a list");
  body.content_length = parse_decimal(found.content_length);
  if (!body.content_length) return malformed("Content-Length is not a number, or too large");
  body.length = *body.content_length;
  body.framing = body.length > 0 ? Framing::length : Framing::none;
  return body;
}

bool has_no_body(int status, std::string_view request_method) {
  return status < 200 || status == 204 || status == 304 || request_method == "HEAD" ||
         (request_method == "CONNECT" && status < 300);
}

}  // namespace

base::Result<void> check_target(std::string_view method, std::string_view target) {
  if (target.empty() || !is_visible_ascii(target)) return malformed("the request target holds a character it must not");
  if (target.find('#') != std::string_view::npos) return malformed("the request target holds a fragment");
  if (target.front() == '/') return {};
  if (target == "*" && method == "OPTIONS") return {};
  if (method == "CONNECT" && target.find('/') == std::string_view::npos) return {};
  const std::size_t colon = target.find("://");
  if (method != "CONNECT" && colon != std::string_view::npos && is_token(target.substr(0, colon))) return {};
  return malformed("the request target has none of the four forms");
}

bool is_host(std::string_view host) {
  const bool brackets = !host.empty() && host.front() == '[';
  const std::size_t end = brackets ? host.find(']') + 1 : std::min(host.find(':'), host.size());
  if (end == 0) return false;
  const std::string_view name = brackets ? host.substr(1, end - 2) : host.substr(0, end);
  const std::string_view rest = host.substr(end);
  const std::string_view punctuation = brackets ? ":." : "-._";
  const auto allowed = [&](char c) {
    const char lower = to_lower(c);
    const bool letter = lower >= 'a' && lower <= (brackets ? 'f' : 'z');
    return letter || (c >= '0' && c <= '9') || punctuation.find(c) != std::string_view::npos;
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), allowed)) return false;
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

base::Result<void> check_decisive_spelling(std::string_view name) {
  for (const std::string_view wanted : {kContentLength, kTransferEncoding, kHost})
    if (folds_to(name, wanted) && !equals_ignoring_case(name, wanted))
      return ambiguous("a field name that some would read as " + std::string(wanted));
  return {};
}

base::Result<void> check_field_line(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return ambiguous("a folded line (obs-fold)");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("a field line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!name.empty() && (name.back() == ' ' || name.back() == '\t')) return ambiguous("a space before the colon");
  if (!is_token(name)) return malformed("a field name is not a token");
  if (!is_field_text(line.substr(colon + 1))) return malformed("a control character in a field value");
  return {};
}

base::Result<ReadHead<RequestHead>> read_request_head(std::string_view text, const H1Limits& limits) {
  ReadHead<RequestHead> read;
  BASE_TRY_VOID(take_request_line(take_line(text), limits, read.head));
  Decisive found;
  found.minor_version = read.head.minor_version;
  BASE_TRY_VOID(take_fields(text, limits.fields, found, read.head.fields));
  BASE_TRY_VOID(check_host(found));
  BASE_TRY(read.body, framing_of(found, Framing::none));
  return read;
}

base::Result<ReadHead<ResponseHead>> read_response_head(std::string_view text, std::string_view request_method,
                                                        const H1Limits& limits) {
  ReadHead<ResponseHead> read;
  BASE_TRY_VOID(take_status_line(take_line(text), read.head));
  Decisive found;
  found.minor_version = read.head.minor_version;
  BASE_TRY_VOID(take_fields(text, limits.fields, found, read.head.fields));
  BASE_TRY(read.body, framing_of(found, Framing::until_close));
  if (has_no_body(read.head.status, request_method)) read.body.framing = Framing::none;
  return read;
}

base::Result<std::uint64_t> parse_chunk_line(std::string_view line) {
  const std::size_t semicolon = std::min(line.find(';'), line.size());
  const auto size = parse_hexadecimal(line.substr(0, semicolon));
  if (!size) return malformed("a chunk size is not a hexadecimal number, or too large");
  if (!is_field_text(line.substr(semicolon))) return malformed("a control character in a chunk extension");
  return *size;
}

}  // namespace countersign::http
