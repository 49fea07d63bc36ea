#include "courier/responder.h"

#include "courier/transfer.h"

namespace countersign::courier {
namespace {

constexpr long kFound = 200;
/// RFC 5019 section 5: GET where the request is no longer than this once it is encoded, and POST else.
constexpr std::size_t kLongestGet = 255;

/// RFC 6960 appendix A.1: the URL-encoding of the base64 encoding of the request.
std::string to_path(base::BytesView question) {
  std::string path;
  for (const char c : base::to_base64(question)) {
    if (c == '+') path += "%2B";
    else if (c == '/') path += "%2F";
    else if (c == '=') path += "%3D";
    else path += c;
  }
  return path;
}

}  // namespace

base::Result<base::Bytes> ask_responder(const ResponderCall& call, const Stop& stop) {
  BASE_TRY(const auto transfer, Transfer::make({.protocols = "http",
                                                .addresses = {.reach = Reach::anywhere},
                                                .ca_file = {},
                                                .deadline = call.time,
                                                .stop = stop}));
  const std::string question = to_path(call.question);
  transfer->set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  transfer->set(CURLOPT_USERAGENT, "countersign");
  transfer->add("Accept: application/ocsp-response");
  // What would be appended to a query is no longer a path.
  if (question.size() <= kLongestGet && call.url.find('?') == std::string::npos) {
    transfer->set(CURLOPT_URL, (call.url + (call.url.ends_with('/') ? "" : "/") + question).c_str());
  } else {
    transfer->set(CURLOPT_URL, call.url.c_str());
    transfer->set(CURLOPT_POST, 1L);
    transfer->set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.question.size()));
    transfer->set(CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(call.question.data()));
    transfer->add("Content-Type: application/ocsp-request");
    transfer->add("Expect:");
  }
  transfer->set(CURLOPT_HTTPHEADER, transfer->list());
  BASE_TRY(const long status, transfer->perform());
  if (status != kFound)
    return base::fail(base::Kind::unavailable, "responder.status",
                      "the OCSP responder answered " + std::to_string(status) + " instead of 200");
  return base::to_bytes(base::as_bytes(transfer->answer()));
}

}  // namespace countersign::courier
