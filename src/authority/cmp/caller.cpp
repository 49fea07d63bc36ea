#include "authority/cmp/caller.h"

#include "authority/cmp/credential.h"

namespace countersign::authority {
namespace {

using base::Kind;

/// No reference of ours is longer.
constexpr std::size_t kReferenceLimit = 64;

/// One answer for a reference that is not known and for a secret that is wrong: neither can be guessed by itself.
tl::unexpected<base::Error> bad_mac() {
  return base::fail(
      Kind::denied, "cmp.bad_mac",
      "the MAC does not fit: give key id and HMAC key of a credential as you were given them (-ref KEY-ID "
      "-secret pass:HMAC-KEY), and look whether it was made for this authority");
}

base::Error to_error(const trust::Refusal& refusal) {
  const trust::Explanation& why = trust::explanation(refusal.reason);
  const char* code = refusal.reason == trust::Reason::revoked ? "cmp.signer_revoked" : "cmp.signer_refused";
  return {Kind::denied, code,
          "the certificate that signs is not accepted (" + std::string(why.name) + "): " + std::string(why.meaning) +
              " " + std::string(why.remedy(trust::Party::client))};
}

/// The leaf and the CA of ours that it names: what else was sent with it does not count.
trust::PresentedChain chain_of(const x509::Certificate& leaf, const Hierarchy& hierarchy) {
  trust::PresentedChain chain{leaf};
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    if (ca.certificate.subject().der == leaf.issuer().der && chain.size() < trust::kPresentedLimit)
      chain.push_back(ca.certificate);
  return chain;
}

base::Result<trust::AdmittedChain> admit(Authority& authority, const x509::Certificate& leaf) {
  const trust::Policy policy{.purposes = {trust::Purpose::transport, trust::Purpose::signing}};
  auto chain =
      trust::verify_chain(chain_of(leaf, authority.hierarchy()), policy, *authority.trust(), authority.clock().now());
  if (!chain) return base::unexpected(to_error(chain.error()));
  auto admitted = trust::admit(std::move(*chain), authority.view());
  if (!admitted) return base::unexpected(to_error(admitted.error()));
  return std::move(*admitted);
}

}  // namespace

base::Result<CmpCaller> CmpCaller::verify(Authority& authority, const x509::CmpMessage& message) {
  if (!message.is_protected())
    return base::fail(Kind::denied, "cmp.unprotected",
                      "a message must be protected: by the MAC of a credential, or by a signature");
  BASE_TRY(auto how, message.mac());
  if (how) return verify_mac(authority, message, std::move(*how));
  return verify_signature(authority, message);
}

base::Result<CmpCaller> CmpCaller::verify_mac(Authority& authority, const x509::CmpMessage& message,
                                              crypto::PasswordMac how) {
  const std::string kid(base::as_text(message.header().sender_key_id));
  if (kid.empty() || kid.size() > kReferenceLimit) return bad_mac();
  base::Secret secret = authority.acme_accounts().shown_key(kid);
  if (!message.has_mac_of(secret, how)) return bad_mac();
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto credential, store::find_acme_credential(rows, kid));
  if (!credential) return bad_mac();
  return CmpCaller(credential_holder(kid).name, Credential{kid, std::move(secret), std::move(how)});
}

base::Result<CmpCaller> CmpCaller::verify_signature(Authority& authority, const x509::CmpMessage& message) {
  if (message.certificates().empty())
    return base::fail(Kind::invalid, "cmp.no_certificate",
                      "a signed message brings the certificate that signs as the first of extraCerts");
  const auto leaf = x509::Certificate::from_der(message.certificates().front());
  if (!leaf)
    return base::fail(Kind::invalid, "cmp.no_certificate",
                      "the first of extraCerts does not parse: " + leaf.error().detail);
  if (!message.is_signed_by(leaf->public_key()))
    return base::fail(
        Kind::denied, "cmp.bad_signature",
        "the signature is not by the first of extraCerts, or not by ECDSA, RSA or Ed25519 with SHA-2: sign "
        "with the key of the certificate that you send (-cert and -key)");
  BASE_TRY(auto admitted, admit(authority, *leaf));
  return CmpCaller("certificate:" + base::to_hex(leaf->fingerprint()), std::move(admitted));
}

}  // namespace countersign::authority
