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

}  // namespace

base::Result<base::Bytes> to_pkcs12(const Pkcs12& content, const base::Secret& passphrase) {
  const bool usable = !passphrase.empty() && passphrase.reveal_text().find('\0') == std::string_view::npos;
  if (!usable)
    return base::fail(base::Kind::invalid, "pkcs12.build", "a PKCS#12 file needs a passphrase, without NUL characters");
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
  if (!sealed)
    return base::unexpected(
        crypto::openssl_error(base::Kind::invalid, "pkcs12.build", "the PKCS#12 file could not be made"));
  return to_der<i2d_PKCS12>(file.get());
}

}  // namespace countersign::x509
