// The quick reader against libcrypto's, and what it leaves to that.
#include "x509/certificate_reader.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "testing/pki.h"
#include "x509/certificate_builder.h"
#include "x509/der.h"

namespace countersign::x509 {
namespace {

using crypto::PrivateKey;
using testing::Pki;

CertificateSpec full_spec() {
  return {.serial = Serial::parse("0123456789abcdef").value(),
          .subject = {"payments", "acme", "production"},
          .not_before = testing::kPkiNow,
          .not_after = testing::kPkiNow + std::chrono::hours(24) * 365 * 30,  // beyond 2049
          .key = PrivateKey::generate(PrivateKey::Kind::p256).value().public_key(),
          .key_usage = {KeyUsage::digital_signature, KeyUsage::non_repudiation},
          .extended_key_usage = {std::string(oid::kClientAuth), std::string(oid::kServerAuth)},
          .subject_alt_names = {.dns = {"a.example"}, .uris = {"urn:x:y"}, .ip_addresses = {"127.0.0.1", "::1"}},
          .ca = std::nullopt,
          .crl_distribution_points = {{"http://pki.example/crl/a-1.crl", "http://b.example/1.crl"}},
          .information_access = {{"http://pki.example/ocsp"}, {"http://pki.example/ca/a.cer"}},
          .ocsp_no_check = OcspNoCheck::yes};
}

struct Row {
  const char* name;
  std::function<void(CertificateSpec&)> change;
};

const Row kSpecs[] = {
    {"all of it", [](CertificateSpec&) {}},
    {"no extension that is not always there",
     [](CertificateSpec& s) {
       s.key_usage.clear();
       s.extended_key_usage.clear();
       s.subject_alt_names = {};
       s.crl_distribution_points = {};
       s.information_access = {};
       s.ocsp_no_check = OcspNoCheck::no;
     }},
    {"a CA", [](CertificateSpec& s) { s.ca = CertificateSpec::Ca{}; }},
    {"a CA above others",
     [](CertificateSpec& s) {
       s.ca = CertificateSpec::Ca{3};
       s.key_usage = {KeyUsage::cert_sign, KeyUsage::crl_sign};
     }},
    {"every usage",
     [](CertificateSpec& s) {
       s.key_usage = {KeyUsage::digital_signature, KeyUsage::non_repudiation, KeyUsage::key_encipherment,
                      KeyUsage::key_agreement,     KeyUsage::cert_sign,       KeyUsage::crl_sign};
     }},
    {"no subject", [](CertificateSpec& s) { s.subject = {}; }},
    {"a name to be escaped",
     [](CertificateSpec& s) {
       s.subject = {"a,b+c=\"d\"", "#acme", " x "};
     }},
    {"a name beyond ASCII", [](CertificateSpec& s) { s.subject.organisation = "M\xc3\xbcller & S\xc3\xb6hne"; }},
    {"a name with spaces", [](CertificateSpec& s) { s.subject.organisation = "Acme Payments Ltd."; }},
    {"a serial that looks negative", [](CertificateSpec& s) { s.serial = Serial::parse("ff00000000000001").value(); }},
    {"a short serial", [](CertificateSpec& s) { s.serial = Serial::parse("01").value(); }},
    {"an RSA key",
     [](CertificateSpec& s) { s.key = PrivateKey::generate(PrivateKey::Kind::rsa2048).value().public_key(); }},
    {"an Ed25519 key",
     [](CertificateSpec& s) { s.key = PrivateKey::generate(PrivateKey::Kind::ed25519).value().public_key(); }},
};

void expect_alike(const CertificateContent& plain, const Certificate& whole) {
  const ReadExtensions& extensions = plain.extensions;
  EXPECT_EQ(plain.serial, whole.serial());
  for (const auto& [a, b] : {std::pair(plain.subject, whole.subject()), std::pair(plain.issuer, whole.issuer())}) {
    EXPECT_EQ(a.text, b.text);
    EXPECT_EQ(a.der, b.der);
    EXPECT_EQ(a.common_name, b.common_name);
    EXPECT_EQ(a.organisation, b.organisation);
    EXPECT_EQ(a.organisational_unit, b.organisational_unit);
  }
  EXPECT_EQ(plain.not_before, whole.not_before());
  EXPECT_EQ(plain.not_after, whole.not_after());
  EXPECT_EQ(plain.key.to_spki(), whole.public_key().to_spki());
  EXPECT_EQ(plain.key.type(), whole.public_key().type());
  EXPECT_EQ(extensions.is_ca, whole.is_ca());
  EXPECT_EQ(extensions.key_usages, whole.key_usages());
  EXPECT_EQ(extensions.extended_key_usages, whole.extended_key_usages());
  EXPECT_EQ(extensions.subject_alt_names.dns, whole.subject_alt_names().dns);
  EXPECT_EQ(extensions.subject_alt_names.uris, whole.subject_alt_names().uris);
  EXPECT_EQ(extensions.subject_alt_names.ip_addresses, whole.subject_alt_names().ip_addresses);
  EXPECT_EQ(extensions.subject_alt_names.has_others, whole.subject_alt_names().has_others);
  EXPECT_EQ(extensions.subject_key_id, whole.subject_key_id());
  EXPECT_EQ(extensions.authority_key_id, whole.authority_key_id());
  EXPECT_EQ(extensions.crl_distribution_points.urls, whole.crl_distribution_points().urls);
  EXPECT_EQ(extensions.crl_distribution_points.has_others, whole.crl_distribution_points().has_others);
  EXPECT_EQ(extensions.information_access.ocsp, whole.information_access().ocsp);
  EXPECT_EQ(extensions.information_access.ca_issuers, whole.information_access().ca_issuers);
  EXPECT_EQ(extensions.information_access.has_others, whole.information_access().has_others);
  ASSERT_TRUE(plain.plain_extensions.has_value());
  EXPECT_TRUE(std::ranges::equal(*plain.plain_extensions, whole.extensions(), [](const auto& a, const auto& b) {
    return a.oid == b.oid && a.critical == b.critical;
  }));
  EXPECT_TRUE(whole.has_strong_signature());
}

TEST(CertificateReader, ReadsWhatWeWriteAsLibcryptoDoes) {
  Pki pki;
  for (const Row& row : kSpecs) {
    SCOPED_TRACE(row.name);
    CertificateSpec spec = full_spec();
    row.change(spec);
    const Certificate whole = testing::issue(spec, pki.web_intermediate());
    const auto plain = read_plain(whole.der());
    ASSERT_TRUE(plain.has_value());
    expect_alike(*plain, whole);
  }
}

/// Each extension's value, and then the whole TBS, decoded by libcrypto and encoded again.
void expect_written_as_libcrypto_does(const Certificate& certificate) {
  X509* native = certificate.native();
  for (int i = 0; i < X509_get_ext_count(native); ++i) {
    X509_EXTENSION* extension = X509_get_ext(native, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    void* decoded = X509V3_EXT_d2i(extension);
    ASSERT_NE(decoded, nullptr) << nid;
    X509_EXTENSION* again = X509V3_EXT_i2d(nid, X509_EXTENSION_get_critical(extension), decoded);
    ASSERT_NE(again, nullptr) << nid;
    EXPECT_EQ(ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(extension), X509_EXTENSION_get_data(again)), 0) << nid;
    X509_EXTENSION_free(again);
    const X509V3_EXT_METHOD* method = X509V3_EXT_get_nid(nid);
    ASN1_item_free(static_cast<ASN1_VALUE*>(decoded), ASN1_ITEM_ptr(method->it));
  }
  std::uint8_t* raw = nullptr;
  const int length = i2d_re_X509_tbs(native, &raw);
  ASSERT_GT(length, 0);
  EXPECT_EQ(base::Bytes(raw, raw + length), certificate.tbs_der());
  OPENSSL_free(raw);
}

TEST(CertificateReader, WhatWeWriteIsWhatLibcryptoWouldWrite) {
  Pki pki;
  for (const Row& row : kSpecs) {
    SCOPED_TRACE(row.name);
    CertificateSpec spec = full_spec();
    row.change(spec);
    expect_written_as_libcrypto_does(testing::issue(spec, pki.web_intermediate()));
  }
}

/// A certificate whose TBS has `part` (by its place) replaced, under any signature.
base::Bytes with_part(const Certificate& certificate, std::size_t place, const base::Bytes& part) {
  const base::Bytes tbs = certificate.tbs_der();
  const auto whole = der::Reader(tbs).next(der::kSequence);
  der::Reader parts(whole->content);
  base::Bytes content;
  for (std::size_t i = 0; !parts.at_end(); ++i) {
    const base::BytesView one = parts.next()->whole;
    const base::BytesView chosen = i == place ? base::BytesView(part) : one;
    content.insert(content.end(), chosen.begin(), chosen.end());
  }
  const auto outer = der::Reader(certificate.der()).next(der::kSequence);
  der::Reader rest(outer->content);
  rest.next();
  const base::Bytes algorithm = base::to_bytes(rest.next()->whole);
  const base::Bytes signature = base::to_bytes(rest.next()->whole);
  return der::element(der::kSequence, {der::element(der::kSequence, {content}), algorithm, signature});
}

base::Bytes hex(const char* text) { return base::from_hex(text).value(); }

TEST(CertificateReader, LeavesTheRestToLibcrypto) {
  Pki pki;
  const Certificate good = testing::issue(full_spec(), pki.web_intermediate());
  const base::Bytes with_more = [&] {
    base::Bytes der = good.der();
    der.push_back(0);
    return der;
  }();
  const auto extensions = [](const char* some) {
    return der::element(der::constructed(3), {der::element(der::kSequence, {hex(some)})});
  };
  const struct {
    const char* name;
    bool read;
    base::Bytes der;
  } rows[] = {
      {"as it is", true, good.der()},
      {"the same serial", true, with_part(good, 1, hex("02080123456789abcdef"))},
      {"bytes behind it", false, with_more},
      {"nothing", false, {}},
      {"cut off", false, base::Bytes(good.der().begin(), good.der().end() - 1)},
      {"version 1", false, with_part(good, 0, hex("a003020100"))},
      {"no version", false, with_part(good, 0, {})},
      {"serial 0", false, with_part(good, 1, hex("020100"))},
      {"a negative serial", false, with_part(good, 1, hex("0201ff"))},
      {"a serial with a needless octet", false, with_part(good, 1, hex("02020001"))},
      {"another algorithm inside", false, with_part(good, 2, hex("300a06082a8648ce3d040303"))},
      {"an unknown algorithm inside", false, with_part(good, 2, hex("300a06082a8648ce3d040301"))},
      {"no such day", false,
       with_part(good, 4, hex("301e170d3236303233303030303030305a170d3237303130313030303030305a"))},
      {"an element behind the name", false, with_part(good, 5, hex("3000020101"))},
      {"a key on no curve", false, with_part(good, 6, hex("300d300706052b8104000103020004"))},
      {"one extension", true, with_part(good, 7, extensions("300c0603551d130101ff04023000"))},
      {"one that is not critical by default", true, with_part(good, 7, extensions("30090603551d1304023000"))},
      {"FALSE said in full", false, with_part(good, 7, extensions("300c0603551d1301010004023000"))},
      {"TRUE said otherwise", false, with_part(good, 7, extensions("300c0603551d1301010104023000"))},
      {"the same one twice", false,
       with_part(good, 7, extensions("300c0603551d130101ff04023000300c0603551d130101ff04023000"))},
      {"an unknown one", false, with_part(good, 7, extensions("30090603551d7f04023000"))},
      {"a value that is none", false, with_part(good, 7, extensions("300c0603551d130101ff04020500"))},
      {"bytes behind a value", false, with_part(good, 7, extensions("300d0603551d130101ff0403300000"))},
      {"a length of chains for no CA", false, with_part(good, 7, extensions("300f0603551d130101ff04053003020100"))},
      {"no usage at all", false, with_part(good, 7, extensions("300e0603551d0f0101ff040403020000"))},
      {"an element more in an extension", false, with_part(good, 7, extensions("300e0603551d130101ff040230000500"))},
  };
  for (const auto& row : rows)
    EXPECT_EQ(read_plain(row.der).has_value(), row.read) << row.name;
}

}  // namespace
}  // namespace countersign::x509
