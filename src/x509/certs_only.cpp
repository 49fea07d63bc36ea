#include "x509/certs_only.h"

#include <openssl/pkcs7.h>

#include "crypto/openssl_error.h"
#include "x509/native.h"

namespace countersign::x509 {
namespace {

using NativeBag = crypto::Handle<PKCS7, PKCS7_free>;

tl::unexpected<base::Error> malformed(std::string what) {
  crypto::drop_openssl_errors();
  return base::fail(base::Kind::invalid, "certs_only.malformed",
                    std::move(what) + "; a certs-only PKCS#7 file in DER is wanted");
}

}  // namespace

base::Result<base::Bytes> to_certs_only(const std::vector<Certificate>& certificates) {
  const NativeBag bag(PKCS7_new());
  bool good = bag != nullptr && !certificates.empty() && PKCS7_set_type(bag.get(), NID_pkcs7_signed) == 1 &&
              PKCS7_content_new(bag.get(), NID_pkcs7_data) == 1 && PKCS7_set_detached(bag.get(), 1) == 1;
  for (const Certificate& certificate : certificates)
    good = good && PKCS7_add_certificate(bag.get(), certificate.native()) == 1;
  base::Bytes der = good ? to_der<i2d_PKCS7>(bag.get()) : base::Bytes{};
  if (!der.empty()) return der;
  return base::unexpected(
      crypto::openssl_error(base::Kind::internal, "certs_only.build", "the PKCS#7 file could not be made"));
}

base::Result<std::vector<Certificate>> parse_certs_only(base::BytesView der) {
  if (der.size() > kCertsOnlyLimit)
    return base::fail(base::Kind::too_large, "certs_only.too_large", "a certs-only PKCS#7 file has at most 256 KiB");
  const std::uint8_t* at = der.data();
  const NativeBag bag(d2i_PKCS7(nullptr, &at, static_cast<long>(der.size())));
  if (bag == nullptr) return malformed("this is no PKCS#7");
  if (at != der.data() + der.size()) return malformed("there are bytes behind the PKCS#7");
  if (PKCS7_type_is_signed(bag.get()) == 0) return malformed("this PKCS#7 is no SignedData");
  const PKCS7_SIGNED* content = bag->d.sign;
  const bool is_empty = content->contents != nullptr && PKCS7_type_is_data(content->contents) == 1 &&
                        (content->contents->d.data == nullptr || ASN1_STRING_length(content->contents->d.data) == 0);
  if (!is_empty) return malformed("this PKCS#7 has a content");
  if (sk_PKCS7_SIGNER_INFO_num(content->signer_info) > 0) return malformed("this PKCS#7 has a signer");
  const int count = content->cert == nullptr ? 0 : sk_X509_num(content->cert);
  if (count <= 0) return malformed("this PKCS#7 holds no certificate");
  if (static_cast<std::size_t>(count) > kCertsOnlyCount)
    return base::fail(base::Kind::too_large, "certs_only.too_large", "a certs-only PKCS#7 file holds at most 64");
  std::vector<Certificate> certificates;
  for (int i = 0; i < count; ++i) {
    X509* const native = sk_X509_value(content->cert, i);
    BASE_TRY(auto certificate, Certificate::from_der(to_der<i2d_X509>(native)));
    certificates.push_back(std::move(certificate));
  }
  crypto::drop_openssl_errors();
  return certificates;
}

}  // namespace countersign::x509
