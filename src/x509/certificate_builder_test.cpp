#include "x509/certificate_builder.h"

#include <functional>

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "testing/code_of.h"
#include "testing/pki.h"

namespace countersign::x509 {
namespace {

using crypto::PrivateKey;
using testing::code_of;
using testing::Pki;

CertificateSpec good_spec() {
  return {.serial = Serial::parse("1234567890").value(),
          .subject = {"payments", "acme", "production"},
          .not_before = testing::kPkiNow,
          .not_after = testing::kPkiNow + std::chrono::hours(24),
          .key = PrivateKey::generate(PrivateKey::Kind::p256).value().public_key(),
          .key_usage = {KeyUsage::digital_signature, KeyUsage::non_repudiation},
          .extended_key_usage = {},
          .subject_alt_names = {.dns = {"a.example"}, .uris = {"urn:x:y"}, .ip_addresses = {"127.0.0.1", "::1"}},
          .ca = std::nullopt};
}

TEST(CertificateBuilder, LintedBytesAreSignedBytes) {
  Pki pki;
  const testing::Ca& issuer = pki.issuing_ca(base::Environment::production, trust::Purpose::signing);
  const TbsCertificate tbs = build_tbs(good_spec(), issuer.certificate, issuer.key.public_key()).value();
  const PrivateKey throw_away = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const Certificate linted = assemble(tbs, throw_away.sign(tbs.der).value()).value();
  const Certificate issued = assemble(tbs, issuer.key.sign(tbs.der).value()).value();
  EXPECT_EQ(linted.tbs_der(), tbs.der);
  EXPECT_EQ(issued.tbs_der(), tbs.der);
  EXPECT_FALSE(linted.is_signed_by(issuer.key.public_key()));
  EXPECT_TRUE(issued.is_signed_by(issuer.key.public_key()));
}

TEST(CertificateBuilder, LintedBytesUnderAnotherSignatureAreTheCertificate) {
  Pki pki;
  const testing::Ca& issuer = pki.issuing_ca(base::Environment::production, trust::Purpose::signing);
  const TbsCertificate tbs = build_tbs(good_spec(), issuer.certificate, issuer.key.public_key()).value();
  const PrivateKey throw_away = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const Certificate linted = assemble_to_read(tbs, throw_away.sign(tbs.der).value()).value();
  const base::Bytes signature = issuer.key.sign(tbs.der).value();
  const Certificate made = linted.with_signature(signature).value();
  const Certificate whole = assemble(tbs, signature).value();
  EXPECT_EQ(made.der(), whole.der());
  EXPECT_EQ(made, whole);
  EXPECT_NE(made, linted);
  EXPECT_EQ(made.tbs_der(), tbs.der);
  EXPECT_EQ(made.serial(), whole.serial());
  EXPECT_EQ(made.public_key().to_spki(), whole.public_key().to_spki());
  EXPECT_EQ(made.subject_alt_names().dns, whole.subject_alt_names().dns);
  EXPECT_TRUE(made.is_signed_by(issuer.key.public_key()));
  EXPECT_FALSE(made.is_signed_by(throw_away.public_key()));
  EXPECT_FALSE(linted.with_signature(throw_away.sign(tbs.der).value())->is_signed_by(issuer.key.public_key()));
  EXPECT_FALSE(made.is_signed_by(PrivateKey::generate(PrivateKey::Kind::p384)->public_key())) << "another algorithm";
  EXPECT_EQ(X509_cmp(made.native(), whole.native()), 0) << "libcrypto reads it when it is asked to";
  EXPECT_EQ(code_of(linted.with_signature({})), "certificate.malformed");
}

TEST(CertificateBuilder, WhatIsReadToBeLookedAtIsReadAlike) {
  Pki pki;
  const testing::Ca& issuer = pki.issuing_ca(base::Environment::production, trust::Purpose::signing);
  for (const auto kind :
       {PrivateKey::Kind::p256, PrivateKey::Kind::p384, PrivateKey::Kind::ed25519, PrivateKey::Kind::rsa2048}) {
    CertificateSpec spec = good_spec();
    const PrivateKey key = PrivateKey::generate(kind).value();
    spec.key = key.public_key();
    const Certificate read = testing::issue(spec, issuer);
    const Certificate looked_at = Certificate::read_der(read.der()).value();
    EXPECT_EQ(looked_at.der(), read.der());
    EXPECT_EQ(looked_at.subject().text, read.subject().text);
    EXPECT_EQ(looked_at.key_usages(), read.key_usages());
    EXPECT_EQ(looked_at.extensions().size(), read.extensions().size());
    EXPECT_EQ(looked_at.public_key().to_spki(), key.public_key().to_spki());
    EXPECT_EQ(looked_at.public_key().type(), key.public_key().type());
    EXPECT_EQ(looked_at.has_strong_signature(), read.has_strong_signature());
    EXPECT_TRUE(looked_at.public_key().verify(base::as_bytes("x"), key.sign(base::as_bytes("x")).value()));
  }
  base::Bytes behind = testing::issue(good_spec(), issuer).der();
  behind.push_back(0);
  EXPECT_EQ(code_of(Certificate::read_der(behind)), "certificate.malformed");
  EXPECT_EQ(code_of(Certificate::read_der(base::as_bytes("no certificate"))), "certificate.malformed");
}

TEST(CertificateBuilder, SaysAllOfTheSpecAndNothingElse) {
  Pki pki;
  const testing::Ca& issuer = pki.issuing_ca(base::Environment::production, trust::Purpose::signing);
  const CertificateSpec spec = good_spec();
  const Certificate made = testing::issue(spec, issuer);
  EXPECT_EQ(made.serial(), spec.serial);
  EXPECT_EQ(made.subject().text, "CN=payments,OU=production,O=acme");
  EXPECT_EQ(made.issuer().der, issuer.certificate.subject().der);
  EXPECT_EQ(made.not_before(), spec.not_before);
  EXPECT_EQ(made.not_after(), spec.not_after);
  EXPECT_EQ(made.key_usages(), spec.key_usage);
  EXPECT_FALSE(made.extended_key_usages().has_value());
  EXPECT_EQ(made.subject_alt_names().dns, spec.subject_alt_names.dns);
  EXPECT_EQ(made.subject_alt_names().uris, spec.subject_alt_names.uris);
  EXPECT_EQ(made.subject_alt_names().ip_addresses, spec.subject_alt_names.ip_addresses);
  EXPECT_FALSE(made.is_ca());
  EXPECT_EQ(made.extensions().size(), 5U);
}

TEST(CertificateBuilder, IssuerNameIsTakenByteForByte) {
  Pki pki;
  const testing::Ca& root = pki.partner_root();
  // The same name, but as PrintableString: another encoding than ours.
  const Certificate odd = testing::forge(root.certificate, root.key, [](X509* copy) {
    const crypto::Handle<X509_NAME, X509_NAME_free> name(X509_NAME_new());
    const base::BytesView text = base::as_bytes("Odd Root");
    X509_NAME_add_entry_by_NID(name.get(), NID_commonName, V_ASN1_PRINTABLESTRING, text.data(),
                               static_cast<int>(text.size()), -1, 0);
    X509_set_subject_name(copy, name.get());
  });
  const TbsCertificate tbs = build_tbs(good_spec(), odd, root.key.public_key()).value();
  EXPECT_EQ(assemble(tbs, root.key.sign(tbs.der).value()).value().issuer().der, odd.subject().der);
}

TEST(CertificateBuilder, EmptySubjectMakesTheAltNamesCritical) {
  Pki pki;
  CertificateSpec spec = good_spec();
  spec.subject = {};
  for (const auto& [oid, critical] : testing::issue(spec, pki.web_intermediate()).extensions())
    if (oid == "2.5.29.17") {
      EXPECT_TRUE(critical);
    }
  for (const auto& [oid, critical] : testing::issue(good_spec(), pki.web_intermediate()).extensions())
    if (oid == "2.5.29.17") {
      EXPECT_FALSE(critical);
    }
}

TEST(CertificateBuilder, AlgorithmFitsTheIssuersKey) {
  for (const char* kind : {"p256", "p384", "ed25519", "rsa2048"}) {
    SCOPED_TRACE(kind);
    const testing::Ca root = testing::make_root({.common_name = "Root",
                                                 .organisation = "Test",
                                                 .not_before = testing::kPkiNow,
                                                 .not_after = testing::kPkiNow + std::chrono::hours(48),
                                                 .key_kind = PrivateKey::parse_kind(kind).value()});
    EXPECT_TRUE(root.certificate.is_signed_by(root.key.public_key()));
    EXPECT_TRUE(root.certificate.has_strong_signature());
    EXPECT_TRUE(testing::issue(good_spec(), root).is_signed_by(root.key.public_key()));
  }
}

TEST(CertificateBuilder, SaysWhereItsStatusIsToBeHad) {
  Pki pki;
  CertificateSpec spec = good_spec();
  spec.crl_distribution_points = {{"http://pki.example/crl/a-1.crl"}};
  spec.information_access = {{"http://pki.example/ocsp"}, {"http://pki.example/ca/a.cer"}};
  spec.ocsp_no_check = OcspNoCheck::yes;
  const Certificate made = testing::issue(spec, pki.web_intermediate());
  EXPECT_EQ(made.crl_distribution_points().urls, spec.crl_distribution_points.urls);
  EXPECT_FALSE(made.crl_distribution_points().has_others);
  EXPECT_EQ(made.information_access().ocsp, spec.information_access.ocsp);
  EXPECT_EQ(made.information_access().ca_issuers, spec.information_access.ca_issuers);
  EXPECT_FALSE(made.information_access().has_others);
  EXPECT_EQ(made.extensions().size(), 8U);
  for (const auto& [name, critical] : made.extensions())
    if (name == "2.5.29.31" || name == "1.3.6.1.5.5.7.1.1" || name == oid::kOcspNoCheck) {
      EXPECT_FALSE(critical) << name;
    }
}

TEST(CertificateBuilder, RefusalRows) {
  Pki pki;
  const struct {
    const char* name;
    std::function<void(CertificateSpec&)> change;
    const char* code;
  } rows[] = {
      {"unchanged", [](CertificateSpec&) {}, "ok"},
      {"times turned round", [](CertificateSpec& s) { std::swap(s.not_before, s.not_after); }, "certificate.build"},
      {"no key", [](CertificateSpec& s) { s.key = crypto::PublicKey::from_native(nullptr); }, "certificate.build"},
      {"name too long", [](CertificateSpec& s) { s.subject.common_name = std::string(65, 'a'); }, "name.invalid"},
      {"NUL in a name", [](CertificateSpec& s) { s.subject.common_name = std::string("a\0b", 3); }, "name.invalid"},
      {"EKU is no OID", [](CertificateSpec& s) { s.extended_key_usage = {"clientAuth"}; }, "certificate.build"},
      {"DNS name with a space", [](CertificateSpec& s) { s.subject_alt_names.dns = {"a b"}; }, "certificate.build"},
      {"DNS name outside of ASCII", [](CertificateSpec& s) { s.subject_alt_names.dns = {"m\xc3\xbc"}; },
       "certificate.build"},
      {"empty DNS name", [](CertificateSpec& s) { s.subject_alt_names.dns = {""}; }, "certificate.build"},
      {"address is none", [](CertificateSpec& s) { s.subject_alt_names.ip_addresses = {"1.2.3"}; },
       "certificate.build"},
      {"CRL's URL with a space", [](CertificateSpec& s) { s.crl_distribution_points = {{"http://a b"}}; },
       "certificate.build"},
      {"OCSP's URL is empty", [](CertificateSpec& s) { s.information_access.ocsp = {""}; }, "certificate.build"},
      {"other kinds of names", [](CertificateSpec& s) { s.subject_alt_names.has_others = true; }, "certificate.build"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    CertificateSpec spec = good_spec();
    row.change(spec);
    EXPECT_EQ(code_of(build_tbs(spec, pki.web_root().certificate, pki.web_root().key.public_key())), row.code);
  }
}

TEST(CertificateBuilder, AssembleRefusesWhatIsNoTbs) {
  Pki pki;
  TbsCertificate tbs = build_tbs(good_spec(), pki.web_root().certificate, pki.web_root().key.public_key()).value();
  const base::Bytes signature = pki.web_root().key.sign(tbs.der).value();
  ASSERT_TRUE(assemble(tbs, signature));
  tbs.der.pop_back();
  EXPECT_EQ(code_of(assemble(tbs, signature)), "certificate.malformed");
}

}  // namespace
}  // namespace countersign::x509
