#include "ceremony/throw_away.h"

#include "base/check.h"

namespace countersign::ceremony {
namespace {

base::Result<crypto::PrivateKey::Kind> kind_like(const crypto::PublicKey& key) {
  using Kind = crypto::PrivateKey::Kind;
  switch (key.type()) {
    case crypto::KeyType::ec_p256: return Kind::p256;
    case crypto::KeyType::ec_p384: return Kind::p384;
    case crypto::KeyType::ed25519: return Kind::ed25519;
    case crypto::KeyType::rsa:
      if (key.bits() <= 2048) return Kind::rsa2048;
      return key.bits() <= 3072 ? Kind::rsa3072 : Kind::rsa4096;
    case crypto::KeyType::other: break;
  }
  return base::fail(base::Kind::internal, "lint.failed", "the issuing CA's key is of a kind that signs no certificate");
}

/// Making a key takes as long as signing with it, an RSA key up to seconds, so one of each kind serves for all: nobody
/// believes it, and it never leaves.
template <crypto::PrivateKey::Kind kKind>
base::Result<base::Bytes> sign_with_kept(base::BytesView bytes) {
  static const auto kKey = crypto::PrivateKey::generate(kKind);
  if (!kKey) return base::unexpected(kKey.error());
  return kKey->sign(bytes);
}

base::Result<base::Bytes> sign_with_throw_away(crypto::PrivateKey::Kind kind, base::BytesView bytes) {
  using Kind = crypto::PrivateKey::Kind;
  switch (kind) {
    case Kind::rsa2048: return sign_with_kept<Kind::rsa2048>(bytes);
    case Kind::rsa3072: return sign_with_kept<Kind::rsa3072>(bytes);
    case Kind::rsa4096: return sign_with_kept<Kind::rsa4096>(bytes);
    case Kind::p256: return sign_with_kept<Kind::p256>(bytes);
    case Kind::p384: return sign_with_kept<Kind::p384>(bytes);
    case Kind::ed25519: return sign_with_kept<Kind::ed25519>(bytes);
  }
  BASE_UNREACHABLE();
}

}  // namespace

base::Result<x509::Certificate> sign_for_show(const x509::TbsCertificate& tbs, const crypto::PublicKey& issuer) {
  BASE_TRY(const auto kind, kind_like(issuer));
  BASE_TRY(const base::Bytes signature, sign_with_throw_away(kind, tbs.der));
  return x509::assemble_to_read(tbs, signature);
}

}  // namespace countersign::ceremony
