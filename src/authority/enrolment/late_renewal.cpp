#include "authority/enrolment/late_renewal.h"

#include "authority/enrolment/renewal.h"
#include "authority/registry/rows.h"
#include "feed/late_renewal.h"

namespace countersign::authority {
namespace {

using base::Kind;

base::Result<void> check_not_ended_early(store::Transaction& rows, const store::CertificateRow& held) {
  if (held.revoked_at) return held_is_revoked();
  BASE_TRY(const bool compromised, store::was_key_revoked_for(rows, held.spki_sha256, "key_compromise"));
  if (!compromised) return {};
  return base::fail(Kind::denied, "key.compromised", "the key held was reported as compromised: it proves nothing");
}

/// Who signed it must be believed yet: what a lost CA key has signed may be anybody's.
base::Result<void> check_issuer(const Hierarchy& hierarchy, const store::CertificateRow& held) {
  const IssuingCa* issuer = hierarchy.find_issuing_ca(held.issuer);
  if (issuer != nullptr && is_trusted(issuer->state)) return {};
  return base::fail(Kind::denied, "issuer.over",
                    "the issuing CA '" + held.issuer +
                        "' of this certificate is over: ask the provider for an "
                        "enrolment code");
}

}  // namespace

base::Result<store::CertificateRow> verify_late_holder(Ledger& ledger, const LateRenewalOrder& order) {
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(auto held, store::find_certificate_by_fingerprint(rows, base::to_hex(order.held.fingerprint())));
  if (!held)
    return base::fail(Kind::not_found, "certificate.unknown", "the registry does not know the certificate you hold");
  const std::string content = feed::late_renewal_content(order.purpose, order.csr.public_key(), order.held);
  if (!order.held.public_key().verify(base::as_bytes(content), order.signature))
    return base::fail(Kind::denied, "renewal.bad_proof",
                      "the order is not signed by the key of the certificate held, or is not what was signed");
  BASE_TRY(const trust::Purpose of, to_purpose(held->purpose));
  if (of != order.purpose || !may_renew(of, order.purpose))
    return base::fail(Kind::denied, "purpose.not_allowed",
                      "with a certificate for " + held->purpose + " that has ended, one for " +
                          std::string(trust::name(order.purpose)) + " cannot be renewed");
  if (held->spki_sha256 == spki_sha256_hex(order.csr.public_key()))
    return base::fail(Kind::denied, "key.reused",
                      "a renewal needs a new key, and this is the one you have: make a new key and a new CSR");
  return std::move(*held);
}

base::Result<Order> check_late_renewal(Ledger& ledger, const Hierarchy& hierarchy, const IssuancePolicy& policy,
                                       const LateRenewalOrder& order, const store::CertificateRow& held) {
  const base::Instant now = ledger.now();
  BASE_TRY(auto identity, to_identity(held.key));
  if (now <= held.not_after)
    return base::fail(Kind::denied, "renewal.not_ended",
                      "the certificate held is good yet: renew it in the ordinary way, with it in the handshake");
  const base::Duration allowed = policy.rules_for(identity.environment, order.purpose).renew_after_expiry;
  if (now > held.not_after + allowed)
    return base::fail(Kind::denied, "renewal.too_late",
                      "the certificate held ended at " + base::to_rfc3339(held.not_after) +
                          ", and with it the time to renew it: ask the provider for an enrolment code");
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY_VOID(check_not_ended_early(rows, held));
    BASE_TRY_VOID(check_is_last(rows, held));
  }
  BASE_TRY_VOID(check_issuer(hierarchy, held));
  const std::string urn = identity.to_urn();
  return Order{.identity = std::move(identity),
               .purpose = order.purpose,
               .csr = order.csr,
               .asked_by = Actor{urn},
               .replaces = held.serial,
               .origin = Order::Origin::renewal};
}

}  // namespace countersign::authority
