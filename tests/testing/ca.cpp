#include "testing/ca.h"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "crypto/handle.h"

namespace countersign::testing {
namespace {

x509::Serial serial_of(const crypto::PublicKey& key) {
  const crypto::Digest256 digest = key.spki_sha256();
  return x509::Serial::from_magnitude({digest.data(), 15});
}

x509::CertificateSpec to_certificate_spec(const CaSpec& spec, const crypto::PublicKey& key) {
  return {.serial = serial_of(key),
          .subject = {spec.common_name, spec.organisation, ""},
          .not_before = spec.not_before,
          .not_after = spec.not_after,
          .key = key,
          .key_usage = {x509::KeyUsage::cert_sign, x509::KeyUsage::crl_sign},
          .extended_key_usage = {},
          .subject_alt_names = {},
          .ca = x509::CertificateSpec::Ca{spec.path_length}};
}

x509::Certificate sign(const x509::TbsCertificate& tbs, const crypto::PrivateKey& key) {
  return x509::assemble(tbs, key.sign(tbs.der).value()).value();
}

}  // namespace

Ca make_root(const CaSpec& spec) {
  crypto::PrivateKey key = crypto::PrivateKey::generate(spec.key_kind).value();
  const auto tbs = x509::build_self_issued_tbs(to_certificate_spec(spec, key.public_key())).value();
  x509::Certificate certificate = sign(tbs, key);
  return {std::move(certificate), std::move(key)};
}

Ca make_issuing(const CaSpec& spec, const Ca& issuer) {
  crypto::PrivateKey key = crypto::PrivateKey::generate(spec.key_kind).value();
  x509::Certificate certificate = issue(to_certificate_spec(spec, key.public_key()), issuer);
  return {std::move(certificate), std::move(key)};
}

x509::Certificate issue(const x509::CertificateSpec& spec, const Ca& issuer) {
  const auto tbs = x509::build_tbs(spec, issuer.certificate, issuer.key.public_key());
  BASE_CHECK(tbs.has_value());
  return sign(*tbs, issuer.key);
}

crypto::PrivateKey make_weak_key(unsigned bits) {
  const crypto::Handle<EVP_PKEY, EVP_PKEY_free> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)));
  const crypto::Handle<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  BASE_CHECK(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* data = nullptr;
  const long length = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
  return crypto::PrivateKey::from_pem({data, static_cast<std::size_t>(length)}, base::Secret()).value();
}

x509::Certificate forge(const x509::Certificate& certificate, const crypto::PrivateKey& signer,
                        const std::function<void(X509*)>& change, const char* digest) {
  const std::uint8_t* at = certificate.der().data();
  const crypto::Handle<X509, X509_free> copy(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
  change(copy.get());
  BASE_CHECK(X509_sign(copy.get(), signer.native(), EVP_get_digestbyname(digest)) > 0);
  // As over the wire: what the change left in OpenSSL's caches is forgotten.
  std::uint8_t* raw = nullptr;
  const int length = i2d_X509(copy.get(), &raw);
  const std::uint8_t* again = raw;
  const crypto::Handle<X509, X509_free> fresh(d2i_X509(nullptr, &again, length));
  OPENSSL_free(raw);
  return x509::Certificate::from_native(fresh.get());
}

void add_unknown_critical_extension(X509* certificate) {
  const crypto::Handle<ASN1_OBJECT, ASN1_OBJECT_free> oid(OBJ_txt2obj("1.3.6.1.4.1.32473.1", 1));
  const crypto::Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> value(ASN1_OCTET_STRING_new());
  const std::uint8_t null_value[] = {0x05, 0x00};
  ASN1_OCTET_STRING_set(value.get(), null_value, sizeof null_value);
  const crypto::Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 1, value.get()));
  BASE_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_extension(X509* certificate, const char* name, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, nullptr, certificate, nullptr, nullptr, 0);
  const crypto::Handle<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_nconf(nullptr, &context, name, value));
  BASE_CHECK(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void remove_extension(X509* certificate, const char* name) {
  const int at = X509_get_ext_by_NID(certificate, OBJ_sn2nid(name), -1);
  BASE_CHECK(at >= 0);
  X509_EXTENSION_free(X509_delete_ext(certificate, at));
}

x509::Certificate with_changed_signature(const x509::Certificate& certificate) {
  base::Bytes der = certificate.der();
  der.back() ^= 1U;
  return x509::Certificate::from_der(der).value();
}

x509::Certificate with_changed_content(const x509::Certificate& certificate) {
  base::Bytes der = certificate.der();
  const base::Bytes serial = certificate.serial().magnitude();
  const auto found = std::search(der.begin(), der.end(), serial.begin(), serial.end());
  BASE_CHECK(found != der.end());
  *(found + static_cast<std::ptrdiff_t>(serial.size()) - 1) ^= 1U;
  return x509::Certificate::from_der(der).value();
}

}  // namespace countersign::testing
