#include "x509/signature_algorithm.h"

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "x509/native.h"

namespace countersign::x509 {

bool set_signature_algorithm(X509_algor_st* field, crypto::KeyType signer) {
  const auto algorithm = [&]() -> std::pair<int, int> {
    switch (signer) {
      case crypto::KeyType::rsa: return {NID_sha256WithRSAEncryption, V_ASN1_NULL};
      case crypto::KeyType::ec_p256: return {NID_ecdsa_with_SHA256, V_ASN1_UNDEF};
      case crypto::KeyType::ec_p384: return {NID_ecdsa_with_SHA384, V_ASN1_UNDEF};
      case crypto::KeyType::ed25519: return {NID_ED25519, V_ASN1_UNDEF};
      case crypto::KeyType::other: return {NID_undef, V_ASN1_UNDEF};
    }
    BASE_UNREACHABLE();
  }();
  if (algorithm.first == NID_undef) return false;
  return X509_ALGOR_set0(field, OBJ_nid2obj(algorithm.first), algorithm.second, nullptr) == 1;
}

base::Bytes signature_algorithm_der(crypto::KeyType signer) {
  const crypto::Handle<X509_ALGOR, X509_ALGOR_free> field(X509_ALGOR_new());
  if (field == nullptr || !set_signature_algorithm(field.get(), signer)) return {};
  return to_der<i2d_X509_ALGOR>(field.get());
}

}  // namespace countersign::x509
