#include "gateway/stapling/judgement.h"

#include <algorithm>

namespace countersign::gateway {
namespace {

using x509::OcspStatus;

StapleTrouble trouble_of(std::string_view code) {
  if (code == "staple.unsuccessful") return StapleTrouble::unsuccessful;
  if (code == "staple.other_certificate") return StapleTrouble::other_certificate;
  if (code == "staple.bad_signature") return StapleTrouble::bad_signature;
  return StapleTrouble::malformed;
}

}  // namespace

base::Result<GoodStaple, StapleRefusal> judge_staple(base::Bytes der, const x509::Certificate& leaf,
                                                     const x509::Certificate& issuer, base::Instant now) {
  const auto refused = [](StapleTrouble trouble, std::string detail, base::Instant this_update = {}) {
    return base::unexpected(StapleRefusal{trouble, std::move(detail), this_update});
  };
  const auto said = x509::verify_own_staple({.der = der, .leaf = leaf, .issuer = issuer, .at = now});
  if (!said) return refused(trouble_of(said.error().code), said.error().detail);
  if (said->status == OcspStatus::Kind::revoked)
    return refused(StapleTrouble::revoked, "the certificate is revoked", said->this_update);
  if (said->status == OcspStatus::Kind::unknown)
    return refused(StapleTrouble::unknown, "the responder does not know the certificate");
  if (!said->next_update)
    return refused(StapleTrouble::not_current, "the response has no nextUpdate: nobody could keep it for a moment");
  const base::Instant until = std::min(*said->next_update, said->signer_until);
  if (said->this_update > now + kOcspClockSkew || until <= now)
    return refused(StapleTrouble::not_current, "the response is of another time: from " +
                                                   base::to_rfc3339(said->this_update) + " to " +
                                                   base::to_rfc3339(until));
  return GoodStaple{std::move(der), said->this_update, until};
}

StapleRefusal no_staple(const base::Error& error) {
  const bool answered = error.code == "responder.status";
  return {answered ? StapleTrouble::refused : StapleTrouble::unreachable, base::to_string(error)};
}

}  // namespace countersign::gateway
