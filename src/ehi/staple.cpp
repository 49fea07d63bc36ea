#include "ehi/staple.h"

#include <algorithm>

#include "x509/ocsp_staple.h"

namespace countersign::ehi {
namespace {

using x509::OcspStatus;

/// Good, or revoked, with its end; else why it cannot be used.
struct Read {
  bool revoked = false;
  std::optional<base::Instant> until = {};
  std::string why = {};
};

Read read(const trust::VerifiedChain& chain, base::BytesView der, base::Instant now) {
  if (der.empty()) return {.why = "none was sent"};
  if (chain.path().size() < 2)
    return {.why = "the certificate is an anchor itself, which has no issuer to speak of it"};
  const auto staple = x509::verify_staple({.der = der, .leaf = chain.path()[0], .issuer = chain.path()[1]});
  if (!staple) return {.why = staple.error().detail};
  if (staple->status == OcspStatus::Kind::revoked) return {.revoked = true};
  if (staple->status == OcspStatus::Kind::unknown) return {.why = "its responder does not know the certificate"};
  const base::Instant until = staple->next_update.value_or(staple->this_update + kStapleWithoutEnd);
  if (staple->this_update > now + kStapleSkew || until + kStapleSkew < now)
    return {.why = "it speaks of another time: from " + base::to_rfc3339(staple->this_update) + " to " +
                   base::to_rfc3339(until)};
  return {.until = until + kStapleSkew};
}

}  // namespace

base::Result<base::Instant, CallFailure> check_staple(const Endpoint& endpoint, const trust::VerifiedChain& chain,
                                                      base::BytesView staple, base::Instant now) {
  if (endpoint.staple == StapleRule::off) return chain.valid_until();
  const Read said = read(chain, staple, now);
  if (said.revoked)
    return base::unexpected(to_failure(
        trust::refuse(trust::Reason::revoked, chain.leaf(), 0, "the server's own stapled OCSP response says so"),
        endpoint));
  const bool by_certificate = x509::demands_staple(chain.leaf());
  if (endpoint.staple == StapleRule::check && !by_certificate) return chain.valid_until();
  if (said.until) return std::min(chain.valid_until(), *said.until);
  return base::unexpected(
      CallFailure{{base::Kind::denied, "ehi.no_staple",
                   "the server of '" + endpoint.name.text() + "' must staple a current OCSP response, as " +
                       (by_certificate ? "its certificate says (RFC 7633)" : "'staple' requires") +
                       ", and did not: " + said.why + ". Have the partner switch OCSP stapling on"}});
}

}  // namespace countersign::ehi
