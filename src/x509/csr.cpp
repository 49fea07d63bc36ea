#include "x509/csr.h"

#include <openssl/x509.h>

#include "crypto/openssl_error.h"
#include "crypto/pem.h"
#include "x509/der.h"
#include "x509/native.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using NativeRequest = crypto::Handle<X509_REQ, X509_REQ_free>;

tl::unexpected<base::Error> malformed(std::string detail) {
  crypto::drop_openssl_errors();
  return base::fail(base::Kind::invalid, "csr.malformed",
                    std::move(detail) + "; send one PKCS#10 request in PEM or DER, as `openssl req -new` makes it");
}

base::Result<base::Bytes> der_of(std::string_view pem_or_der) {
  if (!crypto::is_pem(pem_or_der)) return base::to_bytes(base::as_bytes(pem_or_der));
  auto blocks = crypto::pem_blocks(pem_or_der, {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"});
  if (!blocks) return malformed(blocks.error().detail);
  if (blocks->size() != 1)
    return malformed("the text holds " + std::to_string(blocks->size()) + " certificate requests");
  return std::move(blocks->front());
}

}  // namespace

base::Result<Csr> Csr::parse(std::string_view pem_or_der) {
  if (pem_or_der.size() > kCsrLimit)
    return base::fail(base::Kind::too_large, "csr.too_large", "a certificate request has at most 64 KiB");
  BASE_TRY(const base::Bytes der, der_of(pem_or_der));
  const std::uint8_t* at = der.data();
  const NativeRequest request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (request == nullptr) return malformed("this is no certificate request");
  if (at != der.data() + der.size()) return malformed("there are bytes behind the certificate request");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) return malformed("the public key in the certificate request cannot be read");
  const bool proved = X509_REQ_verify(request.get(), key) == 1;
  crypto::drop_openssl_errors();
  if (!proved)
    return base::fail(base::Kind::denied, "csr.bad_proof",
                      "the certificate request is not signed by the key it names: make it again from that key");
  return Csr(crypto::PublicKey::from_native(key));
}

/// RFC 2986 section 4.2.
base::Result<std::string> Csr::make_pem(const crypto::PublicKey& key, const Sign& sign, const SubjectName& hint) {
  BASE_TRY(const NativeName name, make_name(hint));
  const NativeRequest request(X509_REQ_new());
  const bool described = request != nullptr && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                         X509_REQ_set_subject_name(request.get(), name.get()) == 1 &&
                         X509_REQ_set_pubkey(request.get(), key.native()) == 1;
  const base::Bytes algorithm = signature_algorithm_der(key.type());
  base::Bytes info;
  if (described) info = to_der<i2d_re_X509_REQ_tbs>(request.get());
  if (info.empty() || algorithm.empty())
    return base::unexpected(
        crypto::openssl_error(base::Kind::internal, "csr.build", "the certificate request could not be made"));
  BASE_TRY(const base::Bytes signature, sign(info));
  base::Bytes bits;
  der::append_bits(bits, signature);
  return crypto::to_pem("CERTIFICATE REQUEST", der::element(der::kSequence, {info, algorithm, bits}));
}

base::Result<std::string> Csr::make_pem(const crypto::PrivateKey& key, const SubjectName& hint) {
  BASE_TRY(const NativeName name, make_name(hint));
  const NativeRequest request(X509_REQ_new());
  const bool made = request != nullptr && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                    X509_REQ_set_subject_name(request.get(), name.get()) == 1 &&
                    X509_REQ_set_pubkey(request.get(), key.native()) == 1 &&
                    X509_REQ_sign(request.get(), key.native(), crypto::signing_digest(key.public_key().type())) > 0;
  if (!made)
    return base::unexpected(
        crypto::openssl_error(base::Kind::internal, "csr.build", "the certificate request could not be made"));
  return crypto::to_pem("CERTIFICATE REQUEST", to_der<i2d_X509_REQ>(request.get()));
}

}  // namespace countersign::x509
