#include "authority/acme/problem.h"

#include <algorithm>
#include <array>

#include "http/problem.h"

namespace countersign::authority {
namespace {

struct Row {
  std::string_view code;  ///< ours, or the beginning of it with a dot at its end
  std::string_view type;
  int status;
};

/// The first that fits. Whatever is not here is `unauthorized`, `malformed` or `serverInternal` by its kind.
constexpr std::array kRows = {
    Row{"acme.bad_nonce", "badNonce", 400},
    Row{"acme.content_type", "malformed", 415},
    Row{"acme.no_account", "accountDoesNotExist", 400},
    Row{"acme.account_ended", "unauthorized", 401},
    Row{"acme.eab_required", "externalAccountRequired", 403},
    Row{"acme.contact", "invalidContact", 400},
    Row{"acme.contact_scheme", "unsupportedContact", 400},
    Row{"acme.identifier", "rejectedIdentifier", 403},
    Row{"acme.identifier_type", "unsupportedIdentifier", 400},
    Row{"acme.not_ready", "orderNotReady", 403},
    Row{"acme.too_many_orders", "rateLimited", 429},
    Row{"acme.bad_csr", "badCSR", 400},
    Row{"acme.revocation_reason", "badRevocationReason", 400},
    Row{"acme.already_replaced", "alreadyReplaced", 409},
    Row{"acme.key_taken", "malformed", 409},
    Row{"certificate.already_revoked", "alreadyRevoked", 400},
    Row{"jws.algorithm", "badSignatureAlgorithm", 400},
    Row{"jws.", "malformed", 400},
    Row{"jwk.", "badPublicKey", 400},
    Row{"csr.", "badCSR", 400},
    Row{"key.weak", "badPublicKey", 400},
    Row{"key.malformed", "badPublicKey", 400},
    Row{"key.", "badCSR", 400},
    Row{"api.method_not_allowed", "malformed", 405},
};

bool fits(const Row& row, std::string_view code) {
  return row.code.ends_with('.') ? code.starts_with(row.code) : code == row.code;
}

Row row_of(const base::Error& error) {
  const auto found = std::ranges::find_if(kRows, [&](const Row& row) { return fits(row, error.code); });
  const int status = http::to_status(error.kind);
  if (status >= 500) return {"", "serverInternal", status};
  if (found != kRows.end()) return *found;
  return {"", error.kind == base::Kind::denied ? "unauthorized" : "malformed", status};
}

}  // namespace

bool is_acme(const http::Request& request) {
  const auto path = request.path();
  return path && path->starts_with(kAcmePrefix);
}

base::json::object to_acme_problem(const base::Error& error) {
  const Row row = row_of(error);
  base::json::object problem{
      {"type", "urn:ietf:params:acme:error:" + std::string(row.type)}, {"status", row.status}, {"code", error.code}};
  const bool is_ours = error.kind == base::Kind::internal || error.kind == base::Kind::corrupt;
  if (!is_ours) problem["detail"] = error.detail;
  // RFC 8555 section 6.2.
  if (row.type == "badSignatureAlgorithm") problem["algorithms"] = {"ES256", "ES384", "RS256", "EdDSA"};
  return problem;
}

http::Response to_acme_response(const base::Error& error) {
  const Row row = row_of(error);
  http::Response response = http::json_response(row.status, base::json::serialize(to_acme_problem(error)));
  response.fields.set("Content-Type", "application/problem+json");
  // RFC 8555 section 6.6: an hour, or what a busy registry needs.
  if (row.status == 429) response.fields.add("Retry-After", "3600");
  if (row.status == 503) response.fields.add("Retry-After", "10");
  return response;
}

}  // namespace countersign::authority
