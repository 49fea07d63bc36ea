#include "x509/pkcs12.h"

#include <openssl/pkcs12.h>

#include "crypto/openssl_error.h"
#include "x509/native.h"

namespace countersign::x509 {
namespace {

using NativePkcs12 = crypto::Handle<PKCS12, PKCS12_free>;

/// What Java 17 and Windows open without delay, and a guesser pays for.
constexpr int kIterations = 100'000;
constexpr int kNoMac = -1;

/// What Java takes for "trusted" in a bag with a certificate (JEP 229): an attribute that lists what for.
constexpr const char* kTrustedKeyUsage = "2.16.840.1.113894.746875.1.1";
constexpr const char* kAnyUsage = "2.5.29.37.0";

using Bags = crypto::Handle<STACK_OF(PKCS12_SAFEBAG), [](STACK_OF(PKCS12_SAFEBAG) * bags) {
  sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}>;
using Safes = crypto::Handle<STACK_OF(PKCS7), [](STACK_OF(PKCS7) * safes) { sk_PKCS7_pop_free(safes, PKCS7_free); }>;
using Object = crypto::Handle<ASN1_OBJECT, ASN1_OBJECT_free>;

/// The passphrase with the end that libcrypto wants, wiped afterwards.
class Terminated {
 public:
  explicit Terminated(const base::Secret& secret) : text_(secret.reveal_text()) {}
  Terminated(const Terminated&) = delete;
  Terminated& operator=(const Terminated&) = delete;
  ~Terminated() { OPENSSL_cleanse(text_.data(), text_.size()); }
  const char* text() const { return text_.c_str(); }

 private:
  std::string text_;
};

base::Result<void> check_passphrase(const base::Secret& passphrase) {
  if (!passphrase.empty() && passphrase.reveal_text().find('\0') == std::string_view::npos) return {};
  return base::fail(base::Kind::invalid, "pkcs12.build", "a PKCS#12 file needs a passphrase, without NUL characters");
}

bool mark_as_trusted(PKCS12_SAFEBAG* bag) {
  const Object usage(OBJ_txt2obj(kAnyUsage, 1));
  // With a length of -1, the "bytes" are the value itself (X509_ATTRIBUTE_set1_data(3)).
  return usage != nullptr && PKCS12_add1_attr_by_txt(bag, kTrustedKeyUsage, V_ASN1_OBJECT,
                                                     reinterpret_cast<const unsigned char*>(usage.get()), -1) == 1;
}

bool add_trusted(STACK_OF(PKCS12_SAFEBAG) * bags, const Certificate& certificate) {
  PKCS12_SAFEBAG* bag = PKCS12_SAFEBAG_create_cert(certificate.native());
  if (bag == nullptr) return false;
  if (sk_PKCS12_SAFEBAG_push(bags, bag) <= 0) return PKCS12_SAFEBAG_free(bag), false;
  const std::string& name = certificate.subject().common_name;
  return mark_as_trusted(bag) && PKCS12_add_friendlyname_utf8(bag, name.c_str(), -1) == 1;
}

tl::unexpected<base::Error> not_made() {
  return base::unexpected(
      crypto::openssl_error(base::Kind::invalid, "pkcs12.build", "the PKCS#12 file could not be made"));
}

}  // namespace

base::Result<base::Bytes> to_truststore(const std::vector<Certificate>& trusted, const base::Secret& passphrase) {
  BASE_TRY_VOID(check_passphrase(passphrase));
  const Terminated password(passphrase);
  const Bags bags(sk_PKCS12_SAFEBAG_new_null());
  bool good = bags != nullptr;
  for (const Certificate& certificate : trusted)
    good = good && add_trusted(bags.get(), certificate);
  STACK_OF(PKCS7)* raw = nullptr;
  good = good && PKCS12_add_safe(&raw, bags.get(), NID_aes_256_cbc, kIterations, password.text()) == 1;
  const Safes safes(raw);
  const NativePkcs12 file(good ? PKCS12_add_safes(safes.get(), 0) : nullptr);
  const bool sealed =
      file != nullptr && PKCS12_set_mac(file.get(), password.text(), -1, nullptr, 0, kIterations, EVP_sha256()) == 1;
  if (!sealed) return not_made();
  return to_der<i2d_PKCS12>(file.get());
}

base::Result<base::Bytes> to_pkcs12(const Pkcs12& content, const base::Secret& passphrase) {
  BASE_TRY_VOID(check_passphrase(passphrase));
  const Terminated password(passphrase);
  const NativeStack chain(sk_X509_new_null());
  bool good = chain != nullptr;
  for (const Certificate& certificate : content.chain)
    good = good && sk_X509_push(chain.get(), certificate.native()) > 0;
  const NativePkcs12 file(good ? PKCS12_create(password.text(), content.friendly_name.c_str(), content.key.native(),
                                               content.certificate.native(), chain.get(), NID_aes_256_cbc,
                                               NID_aes_256_cbc, kIterations, kNoMac, 0)
                               : nullptr);
  const bool sealed =
      file != nullptr && PKCS12_set_mac(file.get(), password.text(), -1, nullptr, 0, kIterations, EVP_sha256()) == 1;
  if (!sealed) return not_made();
  return to_der<i2d_PKCS12>(file.get());
}

}  // namespace countersign::x509
