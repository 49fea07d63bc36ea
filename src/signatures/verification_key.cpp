#include "signatures/verification_key.h"

#include <algorithm>
#include <array>

namespace countersign::signatures {
namespace {

constexpr std::array kNotForMessages = {x509::oid::kClientAuth, x509::oid::kServerAuth, x509::oid::kOcspSigning,
                                        x509::oid::kAnyExtendedKeyUsage};

tl::unexpected<base::Error> other_purpose(std::string_view why) {
  return base::fail(base::Kind::denied, "signature.other_purpose",
                    "this certificate signs no messages: " + std::string(why) + "; use the Signing Certificate");
}

}  // namespace

base::Result<VerificationKey> VerificationKey::of(const x509::Certificate& certificate) {
  if (certificate.is_ca()) return other_purpose("it is that of a CA");
  if (!certificate.has_key_usage(x509::KeyUsage::digital_signature))
    return other_purpose("its keyUsage has no digitalSignature");
  if (const auto& usages = certificate.extended_key_usages())
    for (const std::string_view usage : kNotForMessages)
      if (std::ranges::find(*usages, usage) != usages->end())
        return other_purpose("its extendedKeyUsage is for connections (" + std::string(usage) + ")");
  BASE_TRY(const jose::Jwk jwk, jose::Jwk::from(certificate.public_key()));
  return VerificationKey({jwk.key(), jwk.thumbprint(), base::to_base64url(certificate.fingerprint())});
}

VerificationKey VerificationKey::of(const jose::Jwk& jwk) { return VerificationKey({jwk.key(), jwk.thumbprint(), {}}); }

}  // namespace countersign::signatures
