#include "x509/imitation.h"

#include <openssl/x509v3.h>

#include "crypto/algorithm.h"
#include "crypto/openssl_error.h"
#include "x509/native.h"

namespace countersign::x509 {
namespace {

using Extension = crypto::Handle<X509_EXTENSION, X509_EXTENSION_free>;

tl::unexpected<base::Error> failed() {
  return base::unexpected(
      crypto::openssl_error(base::Kind::internal, "certificate.build", "the imitation could not be made"));
}

/// With the lowest bit of the last octet the other way round: still positive, of the same length.
bool change_serial(X509* certificate) {
  base::Bytes magnitude = to_bytes(X509_get0_serialNumber(certificate));
  if (magnitude.empty()) return false;
  magnitude.back() ^= 1U;
  return ASN1_STRING_set(X509_get_serialNumber(certificate), magnitude.data(), static_cast<int>(magnitude.size())) == 1;
}

void leave_out(X509* certificate, int extension) {
  const int at = X509_get_ext_by_NID(certificate, extension, -1);
  if (at >= 0) const Extension dropped(X509_delete_ext(certificate, at));
}

bool name_issuer(X509* certificate, const X509_NAME* issuer) {
  if (X509_NAME_cmp(issuer, X509_get_issuer_name(certificate)) == 0) return true;
  leave_out(certificate, NID_authority_key_identifier);
  return X509_set_issuer_name(certificate, issuer) == 1;
}

base::Result<Certificate> finished(X509* certificate) {
  const base::Bytes der = to_der<i2d_X509>(certificate);
  if (der.empty()) return failed();
  return Certificate::from_der(der);
}

}  // namespace

base::Result<Certificate> imitate(const Certificate& model, const crypto::PublicKey& key, const Forger& forger) {
  const NativeCertificate copy(X509_dup(model.native()));
  if (copy == nullptr) return failed();
  const X509_NAME* issuer =
      X509_get_subject_name(forger.certificate == nullptr ? copy.get() : forger.certificate->native());
  const bool made =
      change_serial(copy.get()) && X509_set_pubkey(copy.get(), key.native()) == 1 && name_issuer(copy.get(), issuer) &&
      X509_sign(copy.get(), forger.key.native(), crypto::signing_digest(forger.key.public_key().type())) > 0;
  if (!made) return failed();
  return finished(copy.get());
}

base::Result<Certificate> tamper_with(const Certificate& model) {
  const NativeCertificate copy(X509_dup(model.native()));
  if (copy == nullptr || !change_serial(copy.get())) return failed();
  // Without this libcrypto would write out the encoding that it keeps.
  const base::Bytes tbs = [&] {
    std::uint8_t* raw = nullptr;
    const int length = i2d_re_X509_tbs(copy.get(), &raw);
    const crypto::Handle<std::uint8_t, crypto::free_openssl_bytes> owner(raw);
    return length > 0 ? base::Bytes(raw, raw + length) : base::Bytes{};
  }();
  if (tbs.empty()) return failed();
  return finished(copy.get());
}

}  // namespace countersign::x509
