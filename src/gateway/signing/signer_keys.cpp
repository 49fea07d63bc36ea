#include "gateway/signing/signer_keys.h"

#include <cstring>

namespace countersign::gateway {
namespace {

using signatures::refuse;

signatures::Refusal refused(const x509::Certificate& certificate, const trust::Refusal& why, std::string_view keyid) {
  return refuse(signatures::Reason::key_refused,
                "the Signing Certificate " + certificate.serial().hex() + " is refused as " +
                    std::string(trust::name(why.reason)) + ": " + why.detail,
                keyid);
}

}  // namespace

std::size_t SignerKeys::DigestHash::operator()(const crypto::Digest256& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

std::shared_ptr<const SignerKeys::Known> SignerKeys::look_at(const feed::SigningCertificates::Kept& kept) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(kept.fingerprint); found != known_.end()) return found->second;
  }
  const auto certificate = x509::Certificate::from_der(kept.told.der);
  if (!certificate) return nullptr;
  auto key = signatures::VerificationKey::of(*certificate);
  if (!key) return nullptr;
  auto known = std::make_shared<const Known>(Known{*certificate, std::move(*key)});
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kRemembered) known_.clear();
  known_.insert_or_assign(kept.fingerprint, known);
  return known;
}

base::Result<Signer, signatures::Refusal> SignerKeys::admit(const Known& known,
                                                            const feed::SigningCertificates::Kept& kept,
                                                            std::string_view keyid) {
  const auto trust = knowledge_.trust();
  if (trust == nullptr)
    return base::unexpected(refuse(signatures::Reason::key_refused, "nothing is trusted here yet", keyid));
  const base::Instant now = clock_.now();
  if (known.chain && known.generation == trust->generation()) {
    if (const auto gone = trust::reconsider(*known.chain, knowledge_.registry(), now))
      return base::unexpected(refused(known.certificate, *gone, keyid));
    return Signer{*known.chain, known.key};
  }
  const trust::Policy policy{.purposes = {trust::Purpose::signing}, .environment = kept.told.identity.environment};
  auto verified = trust::verify_chain({known.certificate}, policy, *trust, now);
  if (!verified) return base::unexpected(refused(known.certificate, verified.error(), keyid));
  auto admitted = trust::admit(std::move(*verified), knowledge_.registry());
  if (!admitted) return base::unexpected(refused(known.certificate, admitted.error(), keyid));
  if (admitted->identity() != kept.told.identity)
    return base::unexpected(
        refuse(signatures::Reason::unknown_key, "that Signing Certificate is another application's", keyid));
  Known whole = known;
  whole.chain = *admitted;
  whole.generation = trust->generation();
  const std::lock_guard lock(mutex_);
  known_.insert_or_assign(kept.fingerprint, std::make_shared<const Known>(std::move(whole)));
  return Signer{std::move(*admitted), known.key};
}

base::Result<Signer, signatures::Refusal> SignerKeys::find(const base::Identity& caller, RouteSignatures::Signer rule,
                                                           std::string_view keyid) {
  const auto& all = knowledge_.signing_certificates();
  const auto theirs =
      rule == RouteSignatures::Signer::application ? all.of_application(caller) : all.of_organisation(caller);
  for (const auto& kept : theirs) {
    const auto known = look_at(*kept);
    if (known != nullptr && known->key.is_named(keyid)) return admit(*known, *kept, keyid);
  }
  return base::unexpected(refuse(signatures::Reason::unknown_key,
                                 "'" + std::string(keyid.substr(0, 100)) + "' names none of the " +
                                     std::to_string(theirs.size()) + " Signing Certificates of " + caller.to_urn(),
                                 keyid));
}

}  // namespace countersign::gateway
