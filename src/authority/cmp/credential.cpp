#include "authority/cmp/credential.h"

#include <algorithm>

#include "authority/issuance/code_binding.h"
#include "authority/registry/rows.h"
#include "store/requests.h"

namespace countersign::authority {
namespace {

using base::Kind;

/// What the registry says of one credential and one key.
struct Standing {
  store::AcmeCredentialRow credential;
  bool is_bound = false;         ///< to this key and purpose
  bool awaits_approval = false;  ///< was asked for with it, and people can still say yes
  bool had_certificate = false;  ///< the key, for this application and purpose, valid or not
};

base::Result<Standing> look_up(Authority& authority, const CredentialOrder& order) {
  const std::string purpose(trust::name(order.purpose));
  const std::string spki = spki_sha256_hex(order.csr.public_key());
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(auto credential, store::find_acme_credential(rows, order.kid));
  if (!credential) return base::fail(Kind::corrupt, "registry.corrupt", "the credential of the caller is missing");
  Standing standing{std::move(*credential)};
  const store::AcmeCredentialRow& row = standing.credential;
  standing.is_bound = row.account == to_direct_use(order.purpose, spki);
  BASE_TRY(const auto request, store::find_newest_request(rows, row.key, purpose, spki));
  standing.awaits_approval = request && request->requested_by == credential_holder(order.kid).name &&
                             authority.clock().now() < request->expires_at;
  BASE_TRY(const auto certificates, store::list_certificates_of_key(rows, spki));
  standing.had_certificate =
      std::ranges::any_of(certificates, [&](const auto& one) { return one.key == row.key && one.purpose == purpose; });
  return standing;
}

/// Is the credential still good for one certificate, this one?
base::Result<void> check(const Standing& standing, const CredentialOrder& order, base::Instant now) {
  const store::AcmeCredentialRow& row = standing.credential;
  if (row.cancelled_at) return credential_cancelled();
  if (row.account && !standing.is_bound) return credential_used();
  if (std::ranges::find(row.purposes, trust::name(order.purpose)) == row.purposes.end())
    return base::fail(Kind::denied, "purpose.not_allowed",
                      "this credential is not for " + std::string(trust::name(order.purpose)) +
                          ": ask an operator for one that is, or send to /.well-known/cmp/p/PURPOSE");
  if (standing.had_certificate && !standing.is_bound)
    return base::fail(Kind::denied, "key.reused",
                      "this key has a certificate already, and a new certificate needs a new key: make one");
  if (standing.had_certificate)
    return base::fail(
        Kind::denied, "eab_credential.used",
        "the certificate that this credential gave was revoked or has ended: ask an operator for a new one");
  if (now < row.expires_at || (standing.is_bound && standing.awaits_approval)) return {};
  return base::fail(Kind::denied, "eab_credential.expired",
                    "this credential ended at " + base::to_rfc3339(row.expires_at) + ": ask an operator for a new one");
}

}  // namespace

Actor credential_holder(const std::string& kid) { return {"eab-credential:" + kid}; }

base::Result<Outcome> enrol_by_credential(Authority& authority, const CredentialOrder& order) {
  BASE_TRY(const Standing standing, look_up(authority, order));
  BASE_TRY(const auto identity, to_identity(standing.credential.key));
  if (standing.is_bound && !standing.credential.cancelled_at) {
    BASE_TRY(auto known, authority.enrolment().find_valid(identity, order.purpose, order.csr.public_key()));
    if (known) return std::move(*known);
  }
  BASE_TRY_VOID(check(standing, order, authority.clock().now()));
  return authority.enrolment().enrol({.identity = identity,
                                      .purpose = order.purpose,
                                      .csr = order.csr,
                                      .asked_by = credential_holder(order.kid),
                                      .sponsor = standing.credential.created_by,
                                      .eab_kid = order.kid});
}

}  // namespace countersign::authority
