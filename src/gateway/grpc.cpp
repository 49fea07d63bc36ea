#include "gateway/grpc.h"

#include "http/problem.h"

namespace countersign::gateway {
namespace {

constexpr std::string_view kContentType = "application/grpc";

/// The nearest that gRPC has. 5xx of a gateway may be tried again (UNAVAILABLE); a limit that is used up is not what a
/// service that is down is (RESOURCE_EXHAUSTED).
int grpc_status(int status) {
  switch (status) {
    case 400: return 13;  // INTERNAL: whoever speaks gRPC never sends that
    case 401: return 16;  // UNAUTHENTICATED
    case 403: return 7;   // PERMISSION_DENIED
    case 404: return 12;  // UNIMPLEMENTED
    case 408:
    case 504: return 4;  // DEADLINE_EXCEEDED
    case 413:
    case 429:
    case 431: return 8;  // RESOURCE_EXHAUSTED
    case 421: return 9;  // FAILED_PRECONDITION: another connection may have it
    case 502:
    case 503: return 14;                     // UNAVAILABLE
    default: return status >= 500 ? 13 : 2;  // INTERNAL, UNKNOWN
  }
}

/// Percent-encoded but for 0x20 to 0x7E without '%'.
std::string encode_message(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f && c != '%') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace

bool is_grpc(const http::Fields& fields) {
  const std::string_view type = fields.find("content-type").value_or("");
  if (!type.starts_with(kContentType)) return false;
  const std::string_view rest = type.substr(kContentType.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';';
}

http::Response to_grpc(const http::Response& answer) {
  http::Response told;
  told.status = 200;
  told.fields.add("content-type", std::string(kContentType));
  told.fields.add("grpc-status", std::to_string(grpc_status(answer.status)));
  const base::Error error = http::from_problem(answer);
  told.fields.add("grpc-message", encode_message(error.code + ": " + error.detail));
  if (const auto after = answer.fields.find("Retry-After")) told.fields.add("retry-after", std::string(*after));
  return told;
}

}  // namespace countersign::gateway
