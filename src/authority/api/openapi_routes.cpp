// The route by which anybody reads the OpenAPI document.
#include <array>

#include "authority/api/openapi.h"
#include "authority/api/routes.h"
#include "crypto/digest.h"

namespace countersign::authority {
namespace {

constexpr std::size_t kTagDigits = 32;

const std::string& document_tag() {
  static const std::string tag =
      '"' + base::to_hex(crypto::sha256(base::as_bytes(openapi_document()))).substr(0, kTagDigits) + '"';
  return tag;
}

/// RFC 9110 section 13.1.2: `*`, or our tag by the weak comparison.
bool has_document(const http::Request& request) {
  const auto named = [&](const std::string& tag) { return request.head.fields.has_token("If-None-Match", tag); };
  return named("*") || named(document_tag()) || named("W/" + document_tag());
}

Answer openapi(Authority&, const Call& call) {
  http::Response response;
  response.fields.add("ETag", document_tag());
  response.fields.add("Cache-Control", "public, max-age=3600");
  if (has_document(call.request)) {
    response.status = 304;
    return response;
  }
  response.fields.add("Content-Type", "application/json");
  response.body = openapi_document();
  return response;
}

}  // namespace

std::span<const Route> openapi_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/openapi.json", OpenHandler{openapi}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
