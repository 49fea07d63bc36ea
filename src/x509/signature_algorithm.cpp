#include "x509/signature_algorithm.h"

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "crypto/openssl_error.h"
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

namespace {

base::Bytes write(crypto::KeyType signer) {
  const crypto::Handle<X509_ALGOR, X509_ALGOR_free> field(X509_ALGOR_new());
  if (field == nullptr || !set_signature_algorithm(field.get(), signer)) return {};
  return to_der<i2d_X509_ALGOR>(field.get());
}

template <crypto::KeyType kSigner>
const base::Bytes& written_once() {
  static const base::Bytes kDer = write(kSigner);
  return kDer;
}

}  // namespace

base::Bytes signature_algorithm_der(crypto::KeyType signer) {
  using crypto::KeyType;
  switch (signer) {
    case KeyType::rsa: return written_once<KeyType::rsa>();
    case KeyType::ec_p256: return written_once<KeyType::ec_p256>();
    case KeyType::ec_p384: return written_once<KeyType::ec_p384>();
    case KeyType::ed25519: return written_once<KeyType::ed25519>();
    case KeyType::other: return written_once<KeyType::other>();
  }
  BASE_UNREACHABLE();
}

bool is_signed_by(const Signed& what, const crypto::PublicKey& key) {
  const std::uint8_t* at = what.algorithm.data();
  const crypto::Handle<X509_ALGOR, X509_ALGOR_free> named(
      d2i_X509_ALGOR(nullptr, &at, static_cast<long>(what.algorithm.size())));
  const ASN1_OBJECT* object = nullptr;
  if (named != nullptr) X509_ALGOR_get0(&object, nullptr, nullptr, named.get());
  int digest = NID_undef;
  int key_kind = NID_undef;
  const bool known = object != nullptr && OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, &key_kind) == 1;
  const bool is_edwards = known && key_kind == NID_ED25519;
  const bool is_strong = digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512;
  const bool fits = known && (is_strong || is_edwards) && EVP_PKEY_get_base_id(key.native()) == key_kind;
  bool good = false;
  if (fits) {
    const crypto::Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    const EVP_MD* const hash = is_edwards ? nullptr : EVP_get_digestbynid(digest);
    good = context != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key.native()) == 1 &&
           EVP_DigestVerify(context.get(), what.signature.data(), what.signature.size(), what.message.data(),
                            what.message.size()) == 1;
  }
  crypto::drop_openssl_errors();
  return good;
}

}  // namespace countersign::x509
