#include "tls/examination.h"

#include <memory>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "tls/alert.h"

namespace countersign::tls {
namespace {

/// libssl turns a verification error into an alert by a table of its own; these are errors that give the alert we mean.
int verify_error_for(Alert alert) {
  switch (alert) {
    case Alert::handshake_failure: return X509_V_ERR_APPLICATION_VERIFICATION;
    case Alert::bad_certificate: return X509_V_ERR_CERT_REJECTED;
    case Alert::unsupported_certificate: return X509_V_ERR_INVALID_PURPOSE;
    case Alert::certificate_revoked: return X509_V_ERR_CERT_REVOKED;
    case Alert::certificate_expired: return X509_V_ERR_CERT_HAS_EXPIRED;
    case Alert::certificate_unknown: return X509_V_ERR_UNNESTED_RESOURCE;  // in no row of libssl's table
    case Alert::unknown_ca: return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case Alert::decrypt_error: return X509_V_ERR_CERT_SIGNATURE_FAILURE;
    case Alert::certificate_required: return X509_V_ERR_APPLICATION_VERIFICATION;  // sent by libssl itself
  }
  BASE_UNREACHABLE();
}

std::vector<X509*> presented_in(X509_STORE_CTX* store) {
  std::vector<X509*> presented;
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  if (leaf != nullptr) presented.push_back(leaf);
  const STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; i < sk_X509_num(sent); ++i)
    if (X509* certificate = sk_X509_value(sent, i); certificate != leaf) presented.push_back(certificate);
  return presented;
}

base::Bytes der_of(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  base::Bytes bytes;
  if (size > 0) bytes.assign(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

/// Without the limits of the library that the handshake runs with, and with no pointer into it.
x509::Certificate read_anew(const base::Bytes& der, X509* otherwise) {
  const std::uint8_t* at = der.data();
  const std::unique_ptr<X509, decltype(&X509_free)> again(d2i_X509(nullptr, &at, static_cast<long>(der.size())),
                                                          X509_free);
  ERR_clear_error();
  return x509::Certificate::from_native(again != nullptr ? again.get() : otherwise);
}

trust::Presented to_presented(const std::vector<X509*>& natives, bool anew) {
  std::vector<base::Bytes> ders;
  for (X509* native : natives)
    ders.push_back(der_of(native));
  const crypto::Digest256 digest = trust::Presented::digest_of(ders);
  return {digest, [natives, anew, ders = std::move(ders)] {
            trust::PresentedChain chain;
            for (std::size_t i = 0; i < natives.size(); ++i)
              chain.push_back(anew ? read_anew(ders[i], natives[i]) : x509::Certificate::from_native(natives[i]));
            return chain;
          }};
}

}  // namespace

void Examination::attach_to(SSL* ssl) { SSL_set_app_data(ssl, this); }

int examine_presented_chain(X509_STORE_CTX* store, void*) {
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* examination = ssl == nullptr ? nullptr : static_cast<Examination*>(SSL_get_app_data(ssl));
  if (examination == nullptr) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
  examination->refusal = examination->judge(to_presented(presented_in(store), examination->read_anew));
  examination->believed = !examination->refusal;
  X509_STORE_CTX_set_error(
      store, examination->believed ? X509_V_OK : verify_error_for(to_alert(examination->refusal->reason)));
  return examination->believed ? 1 : 0;
}

}  // namespace countersign::tls
