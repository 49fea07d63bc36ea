#include "http/h2_head.h"

#include <algorithm>
#include <array>

#include "http/refusal.h"
#include "http/strict_head.h"
#include "http/text.h"

namespace countersign::http {
namespace {

/// RFC 9113 section 6.5.2: what a field counts beside its name and value.
constexpr std::size_t kFieldOverhead = 32;
/// RFC 9113 section 8.2.2: they speak of a connection, and there is none of that kind.
constexpr std::array<std::string_view, 5> kConnectionFields = {"connection", "keep-alive", "proxy-connection",
                                                               "transfer-encoding", "upgrade"};

bool has_upper_case(std::string_view name) {
  return std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

base::Result<void> set_once(std::optional<std::string>& into, std::string_view name, std::string_view value) {
  if (into) return malformed("more than one " + std::string(name));
  into = std::string(value);
  return {};
}

}  // namespace

base::Result<void> check_h2_field(std::string_view name, std::string_view value) {
  if (!is_token(name)) return malformed("a field name is not a token");
  if (has_upper_case(name)) return malformed("a field name holds an upper-case letter");
  if (!is_field_text(value)) return malformed("a control character in a field value");
  if (trim(value).size() != value.size()) return malformed("a space at an end of a field value");
  if (std::find(kConnectionFields.begin(), kConnectionFields.end(), name) != kConnectionFields.end())
    return malformed("the field '" + std::string(name) + "' has no place in HTTP/2");
  if (name == "te" && !equals_ignoring_case(value, "trailers")) return malformed("TE may only be 'trailers'");
  return check_decisive_spelling(name);
}

void H2Head::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  if (fault_) return;
  auto taken = take(name, value);
  if (!taken) fault_ = std::move(taken).error();
}

base::Result<void> H2Head::take(std::string_view name, std::string_view value) {
  if (bytes_ > limits_.head_bytes)
    return too_large("the head is larger than " + std::to_string(limits_.head_bytes) + " bytes");
  if (name.starts_with(':')) return take_pseudo(name, value);
  fields_begun_ = true;
  if (++count_ > limits_.fields) return too_large("more than " + std::to_string(limits_.fields) + " fields");
  BASE_TRY_VOID(check_h2_field(name, value));
  return take_field(name, value);
}

/// RFC 9113 section 8.3.1: each once, before all fields, and none but these.
base::Result<void> H2Head::take_pseudo(std::string_view name, std::string_view value) {
  if (fields_begun_) return malformed("a pseudo-header behind a field");
  if (name == ":method") {
    if (std::exchange(has_method_, true)) return malformed("more than one :method");
    if (!is_token(value)) return malformed("the method is not a token");
    request_.head.method = value;
    return {};
  }
  if (name == ":path") {
    if (std::exchange(has_path_, true)) return malformed("more than one :path");
    if (value.size() > limits_.target_bytes) return too_large("the request target is too long");
    request_.head.target = value;
    return {};
  }
  if (name == ":scheme") return set_once(scheme_, name, value);
  if (name == ":authority") {
    BASE_TRY_VOID(set_once(authority_, name, value));
    request_.head.fields.add("Host", *authority_);
    return {};
  }
  return malformed("a pseudo-header that does not belong into a request");
}

base::Result<void> H2Head::take_field(std::string_view name, std::string_view value) {
  if (name == "host") {
    BASE_TRY_VOID(set_once(host_, name, value));
    if (!authority_) request_.head.fields.add("Host", *host_);
    return {};
  }
  if (name == "content-length") {
    if (request_.content_length) return ambiguous("more than one Content-Length");
    request_.content_length = parse_decimal(value);
    if (!request_.content_length) return malformed("Content-Length is not a number, or too large");
    return {};
  }
  if (name == "cookie") {
    if (!cookies_.empty()) cookies_ += "; ";
    cookies_ += value;
    return {};
  }
  request_.head.fields.add(std::string(name), std::string(value));
  return {};
}

base::Result<void> H2Head::check_whole() {
  if (!has_method_) return malformed(":method is missing");
  const bool connects = request_.head.method == "CONNECT";
  if (connects) {  // RFC 9113 section 8.5; whether it is served is decided where the others are
    if (scheme_ || has_path_ || !authority_) return malformed("CONNECT has :authority, and neither :scheme nor :path");
    request_.head.target = *authority_;
  } else {
    if (!scheme_ || !has_path_) return malformed(":scheme or :path is missing");
    if (*scheme_ != "https") return malformed(":scheme must be https on a TLS connection");
    const bool origin = request_.head.target.starts_with('/');
    const bool asterisk = request_.head.target == "*" && request_.head.method == "OPTIONS";
    if (!origin && !asterisk) return malformed(":path must start with '/'");  // RFC 9113 section 8.3.1
    BASE_TRY_VOID(check_target(request_.head.method, request_.head.target));
  }
  if (!authority_ && !host_) return ambiguous(":authority is missing");
  if (authority_ && host_ && *authority_ != *host_) return ambiguous(":authority and Host differ");
  if (!is_host(authority_ ? *authority_ : *host_))
    return malformed(":authority is not a host name or address with an optional port");
  return {};
}

base::Result<H2Request> H2Head::finish() && {
  if (fault_) return base::unexpected(std::move(*fault_));
  BASE_TRY_VOID(check_whole());
  if (!cookies_.empty()) request_.head.fields.add("cookie", std::move(cookies_));
  return std::move(request_);
}

void H2ResponseHead::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  if (fault_) return;
  auto taken = take(name, value);
  if (!taken) fault_ = std::move(taken).error();
}

base::Result<void> H2ResponseHead::take(std::string_view name, std::string_view value) {
  Fields& fields = response_.head.fields;
  if (bytes_ > limits_.head_bytes || fields.size() >= limits_.fields)
    return too_large("the head of the response is too large");
  if (name == ":status") {
    const auto status = parse_decimal(value);
    if (std::exchange(has_status_, true) || fields.size() > 0) return malformed(":status twice, or behind a field");
    // RFC 9113 section 8.6: there is no 101.
    if (value.size() != 3 || !status || *status < 100 || *status > 599 || *status == 101)
      return malformed(":status is no status");
    response_.head.status = static_cast<int>(*status);
    response_.head.reason = reason_phrase(response_.head.status);
    return {};
  }
  if (name.starts_with(':')) return malformed("a pseudo-header that does not belong into a response");
  BASE_TRY_VOID(check_h2_field(name, value));
  if (name == "content-length") {
    if (response_.content_length) return ambiguous("more than one Content-Length");
    response_.content_length = parse_decimal(value);
    if (!response_.content_length) return malformed("Content-Length is not a number, or too large");
    return {};
  }
  fields.add(std::string(name), std::string(value));
  return {};
}

base::Result<H2Response> H2ResponseHead::finish() && {
  if (fault_) return base::unexpected(std::move(*fault_));
  if (!has_status_) return malformed(":status is missing");
  return std::move(response_);
}

}  // namespace countersign::http
