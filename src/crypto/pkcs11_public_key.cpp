#include "crypto/pkcs11_public_key.h"

#include <algorithm>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/check.h"
#include "crypto/algorithm.h"
#include "crypto/openssl_error.h"

namespace countersign::crypto {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;
using base::Bytes;
using base::BytesView;

constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kUncompressed = 0x04;

const Bytes& p256_parameters() {
  static const Bytes oid = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  return oid;
}
const Bytes& p384_parameters() {
  static const Bytes oid = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
  return oid;
}

base::Result<PublicKey> from_parameters(const char* algorithm, const OSSL_PARAM* parameters) {
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  EVP_PKEY* raw = nullptr;
  const bool made =
      context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1 &&
      EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(parameters)) == 1;
  const Handle<EVP_PKEY, EVP_PKEY_free> key(raw);
  if (!made)
    return base::unexpected(openssl_error(base::Kind::invalid, "key.malformed", "the token's public key is none"));
  return PublicKey::from_spki(PublicKey::from_native(key.get()).to_spki());
}

/// What lies in a DER OCTET STRING of less than 128 bytes, which points of our curves have; otherwise all of it.
BytesView unwrapped(BytesView point, std::size_t wanted) {
  const bool wrapped =
      point.size() == wanted + 2 && point[0] == kOctetString && point[1] == static_cast<std::uint8_t>(wanted);
  return wrapped ? point.subspan(2) : point;
}

}  // namespace

base::Result<PublicKey> ec_public_key(BytesView parameters, BytesView point) {
  const bool is_p256 = std::ranges::equal(parameters, p256_parameters());
  if (!is_p256 && !std::ranges::equal(parameters, p384_parameters()))
    return base::fail(base::Kind::invalid, "key.malformed", "the token's key is on neither P-256 nor P-384");
  const std::size_t length = is_p256 ? 65 : 97;
  const BytesView octets = unwrapped(point, length);
  if (octets.size() != length || octets[0] != kUncompressed)
    return base::fail(base::Kind::invalid, "key.malformed", "the token's key is no uncompressed point");
  const Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  const bool pushed =
      builder != nullptr &&
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, is_p256 ? "P-256" : "P-384", 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size()) == 1;
  BASE_CHECK(pushed);
  const Handle<OSSL_PARAM, OSSL_PARAM_free> built(OSSL_PARAM_BLD_to_param(builder.get()));
  return from_parameters("EC", built.get());
}

base::Result<PublicKey> rsa_public_key(BytesView modulus, BytesView exponent) {
  const BigNumber n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const BigNumber e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  const bool pushed = n != nullptr && e != nullptr && builder != nullptr &&
                      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1;
  BASE_CHECK(pushed);
  const Handle<OSSL_PARAM, OSSL_PARAM_free> built(OSSL_PARAM_BLD_to_param(builder.get()));
  return from_parameters("RSA", built.get());
}

Bytes ec_parameters(PrivateKey::Kind kind) {
  switch (kind) {
    case PrivateKey::Kind::p256: return p256_parameters();
    case PrivateKey::Kind::p384: return p384_parameters();
    case PrivateKey::Kind::ed25519:
    case PrivateKey::Kind::rsa2048:
    case PrivateKey::Kind::rsa3072:
    case PrivateKey::Kind::rsa4096: return {};
  }
  BASE_UNREACHABLE();
}

unsigned long rsa_bits(PrivateKey::Kind kind) {
  switch (kind) {
    case PrivateKey::Kind::rsa2048: return 2048;
    case PrivateKey::Kind::rsa3072: return 3072;
    case PrivateKey::Kind::rsa4096: return 4096;
    case PrivateKey::Kind::p256:
    case PrivateKey::Kind::p384:
    case PrivateKey::Kind::ed25519: return 0;
  }
  BASE_UNREACHABLE();
}

base::Result<Bytes> to_ecdsa_sig_value(BytesView raw) {
  if (raw.empty() || raw.size() % 2 != 0)
    return base::fail(base::Kind::invalid, "key.malformed", "the token's signature is not two numbers of one length");
  const auto half = static_cast<int>(raw.size() / 2);
  BigNumber r(BN_bin2bn(raw.data(), half, nullptr));
  BigNumber s(BN_bin2bn(raw.data() + half, half, nullptr));
  const Handle<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  BASE_CHECK(r != nullptr && s != nullptr && signature != nullptr);
  BASE_CHECK(ECDSA_SIG_set0(signature.get(), r.release(), s.release()) == 1);
  std::uint8_t* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  const Handle<std::uint8_t, free_openssl_bytes> owner(der);
  BASE_CHECK(length > 0);
  return Bytes(der, der + length);
}

}  // namespace countersign::crypto
