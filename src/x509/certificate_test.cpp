#include "x509/certificate.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "crypto/pem.h"
#include "testing/code_of.h"
#include "testing/pki.h"

namespace countersign::x509 {
namespace {

using testing::code_of;
using testing::Pki;

std::string text(const base::Bytes& bytes) { return std::string(base::as_text(bytes)); }

base::Bytes with(base::Bytes der, std::initializer_list<std::uint8_t> more) {
  der.insert(der.end(), more);
  return der;
}

/// A copy of the leaf whose subject is one CN of these raw bytes.
Certificate with_common_name(Pki& pki, const std::string& name) {
  const auto issued = pki.client().issue();
  const testing::Ca& ca = pki.issuing_ca(base::Environment::production, trust::Purpose::transport);
  return testing::forge(issued.certificate, ca.key, [&](X509* copy) {
    const crypto::Handle<X509_NAME, X509_NAME_free> subject(X509_NAME_new());
    const base::BytesView bytes = base::as_bytes(name);
    X509_NAME_add_entry_by_NID(subject.get(), NID_commonName, V_ASN1_UTF8STRING, bytes.data(),
                               static_cast<int>(bytes.size()), -1, 0);
    X509_set_subject_name(copy, subject.get());
  });
}

TEST(Certificate, SaysWhatThePkiWrote) {
  Pki pki;
  const auto issued = pki.client("acme", "payments").issue();
  const Certificate& leaf = issued.certificate;
  const Certificate& issuing = issued.chain.at(1);
  EXPECT_EQ(leaf.subject().text, "CN=payments,OU=production,O=acme");
  EXPECT_EQ(leaf.subject().common_name, "payments");
  EXPECT_EQ(leaf.subject().organisation, "acme");
  EXPECT_EQ(leaf.subject().organisational_unit, "production");
  EXPECT_EQ(leaf.issuer().der, issuing.subject().der);
  EXPECT_EQ(leaf.authority_key_id(), issuing.subject_key_id());
  EXPECT_EQ(leaf.subject_key_id().size(), 20U);
  EXPECT_EQ(leaf.subject_alt_names().uris, std::vector<std::string>{"urn:countersign:production:acme:payments"});
  EXPECT_FALSE(leaf.subject_alt_names().has_others);
  EXPECT_EQ(leaf.extended_key_usages(), std::vector<std::string>{std::string(oid::kClientAuth)});
  EXPECT_EQ(leaf.key_usages(), std::set<KeyUsage>{KeyUsage::digital_signature});
  EXPECT_FALSE(leaf.has_key_usage(KeyUsage::cert_sign));
  EXPECT_FALSE(leaf.is_ca());
  EXPECT_TRUE(issuing.is_ca());
  EXPECT_TRUE(pki.partner_root().certificate.is_self_issued());
  EXPECT_EQ(leaf.not_before(), pki.now() - std::chrono::minutes(5));
  EXPECT_EQ(leaf.not_after(), pki.now() + std::chrono::hours(24 * 350));
  EXPECT_EQ(leaf.public_key().to_spki(), issued.key.public_key().to_spki());
  EXPECT_TRUE(leaf.is_signed_by(issuing.public_key()));
  EXPECT_FALSE(leaf.is_signed_by(leaf.public_key()));
  EXPECT_TRUE(leaf.has_strong_signature());
  EXPECT_FALSE(pki.client().weak_signature().issue().certificate.has_strong_signature());
}

TEST(Certificate, ReadRows) {
  Pki pki;
  const Certificate leaf = pki.client().issue().certificate;
  const base::Bytes& der = leaf.der();
  const std::string pem = leaf.to_pem();
  const struct {
    const char* name;
    std::string input;
    const char* code;
  } rows[] = {
      {"DER", text(der), "ok"},
      {"PEM", pem, "ok"},
      {"PEM among words", "subject=CN = payments\n" + pem + "bye\n", "ok"},
      {"PEM beside a key", crypto::to_pem("PRIVATE KEY", der) + pem, "ok"},
      {"two certificates", pem + pem, "certificate.not_one"},
      {"no certificate", crypto::to_pem("PUBLIC KEY", der), "certificate.none"},
      {"empty", "", "certificate.none"},
      {"bytes behind", text(with(der, {0})), "certificate.malformed"},
      {"truncated", text(der).substr(0, der.size() - 1), "certificate.malformed"},
      {"truncated PEM", pem.substr(0, pem.size() - 20), "certificate.malformed"},
      {"a broken line",
       [&] {
         std::string broken = pem;
         broken[100] = '!';
         return broken;
       }(),
       "certificate.malformed"},
      {"too large", text(base::Bytes{0x30, 0x84}) + std::string(kCertificateLimit, 'x'), "certificate.too_large"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(code_of(Certificate::one_from(row.input)), row.code);
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

TEST(Certificate, RefusesContradictoryExtensions) {
  Pki pki;
  const Certificate leaf = pki.client().issue().certificate;
  const testing::Ca& ca = pki.partner_root();
  const struct {
    const char* name;
    void (*change)(X509*);
    const char* code;
  } rows[] = {
      {"unchanged", [](X509*) {}, "ok"},
      {"another, unknown extension", testing::add_unknown_critical_extension, "ok"},
      {"keyUsage twice", [](X509* copy) { testing::add_extension(copy, "keyUsage", "keyAgreement"); },
       "certificate.malformed"},
      {"subjectAltName twice", [](X509* copy) { testing::add_extension(copy, "subjectAltName", "DNS:a.example"); },
       "certificate.malformed"},
      {"SAN that is no SAN",
       [](X509* copy) {
         testing::remove_extension(copy, "subjectAltName");
         testing::add_extension(copy, "2.5.29.17", "DER:0500");
       },
       "certificate.malformed"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const Certificate forged = testing::forge(leaf, ca.key, row.change);
    EXPECT_EQ(code_of(Certificate::from_der(forged.der())), row.code);
  }
}

TEST(Certificate, ForeignSerialsAreReadLeniently) {
  Pki pki;
  const Certificate leaf = pki.client().issue().certificate;
  const struct {
    const char* name;
    int type;
    base::Bytes magnitude;
    const char* hex;
  } rows[] = {{"zero", V_ASN1_INTEGER, {0}, "00"},
              {"negative", V_ASN1_NEG_INTEGER, {0x11}, "11"},
              {"21 octets", V_ASN1_INTEGER, base::Bytes(21, 0x42), "424242424242424242424242424242424242424242"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const Certificate forged = testing::forge(leaf, pki.partner_root().key, [&](X509* copy) {
      ASN1_INTEGER* serial = X509_get_serialNumber(copy);
      ASN1_STRING_set(serial, row.magnitude.data(), static_cast<int>(row.magnitude.size()));
      serial->type = row.type;
    });
    const auto read = Certificate::from_der(forged.der());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->serial().hex(), row.hex);
  }
}

TEST(Certificate, NamesAreSafeInLogs) {
  Pki pki;
  const struct {
    const char* name;
    std::string common_name;
    const char* text;
  } rows[] = {{"plain", "payments", "CN=payments"},
              {"a NUL", std::string("good.example\0.evil", 18), "CN=good.example\\00.evil"},
              {"a newline", "a\nlevel=error", "CN=a\\0Alevel=error"},
              {"an escape sequence", "\x1b[2J", "CN=\\1B[2J"},
              {"a comma", "a,O=acme", "CN=a\\,O=acme"},
              {"other scripts", "M\xc3\xbcller", "CN=M\\C3\\BCller"},
              {"right-to-left override", "\xe2\x80\xae", "CN=\\E2\\80\\AE"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const Certificate certificate = with_common_name(pki, row.common_name);
    EXPECT_EQ(certificate.subject().text, row.text);
    EXPECT_EQ(certificate.subject().common_name, row.common_name);
  }
}

TEST(Certificate, MatchesHostRows) {
  Pki pki;
  const Certificate certificate =
      pki.server("localhost")
          .with_subject({"cn.example", "", ""})
          .with_dns({"localhost", "api.example.com", "*.wild.example.com", "*.com", "part*.example.com", "192.0.2.7"})
          .with_addresses({"127.0.0.1", "2001:db8::1"})
          .issue()
          .certificate;
  const struct {
    const char* name;
    std::string host;
    bool matches;
  } rows[] = {
      {"exact", "localhost", true},
      {"case differs", "API.Example.COM", true},
      {"another name", "api.example.org", false},
      {"common name only", "cn.example", false},
      {"wildcard", "a.wild.example.com", true},
      {"wildcard covers one label", "a.b.wild.example.com", false},
      {"wildcard needs a label", "wild.example.com", false},
      {"wildcard over a whole top-level domain", "anything.com", false},
      {"wildcard inside a label", "partner.example.com", false},
      {"the pattern itself", "*.wild.example.com", false},
      {"leading dot", ".example.com", false},
      {"address", "127.0.0.1", true},
      {"IPv6 address, spelled otherwise", "2001:0db8:0:0::1", true},
      {"another address", "127.0.0.2", false},
      {"address in a dNSName", "192.0.2.7", false},
      {"empty", "", false},
      {"a NUL inside", std::string("localhost\0.evil.example", 23), false},
      {"a NUL at the end", std::string("localhost\0", 10), false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(certificate.matches_host(row.host), row.matches);
  }
}

TEST(Certificate, NulInsideOfAnAltNameDoesNotEndIt) {
  Pki pki;
  const Certificate leaf = pki.server("localhost").issue().certificate;
  const Certificate forged = testing::forge(leaf, pki.web_intermediate().key, [](X509* copy) {
    testing::remove_extension(copy, "subjectAltName");
    // SEQUENCE { dNSName "good.example" NUL ".evil" }
    testing::add_extension(copy, "2.5.29.17", "DER:30148212676f6f642e6578616d706c65002e6576696c");
  });
  EXPECT_FALSE(forged.matches_host("good.example"));
  EXPECT_EQ(forged.subject_alt_names().dns, std::vector<std::string>{std::string("good.example\0.evil", 18)});
  EXPECT_TRUE(leaf.matches_host("localhost"));
}

TEST(Certificate, TbsIsTheSignedPart) {
  Pki pki;
  const auto issued = pki.client().issue();
  const base::Bytes tbs = issued.certificate.tbs_der();
  X509* native = issued.certificate.native();
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, native);
  const base::BytesView bits(ASN1_STRING_get0_data(signature), static_cast<std::size_t>(ASN1_STRING_length(signature)));
  EXPECT_TRUE(issued.chain.at(1).public_key().verify(tbs, bits));
}

TEST(Certificate, ReadsAuthorityInformationAccess) {
  Pki pki;
  const Certificate leaf = testing::forge(pki.server().issue().certificate, pki.web_intermediate().key, [](X509* copy) {
    testing::add_extension(copy, "authorityInfoAccess",
                           "OCSP;URI:http://ocsp.example/,caIssuers;URI:http://ca.example/1.cer");
  });
  EXPECT_EQ(leaf.information_access().ca_issuers, std::vector<std::string>{"http://ca.example/1.cer"});
}

TEST(Certificate, AllFromPemKeepsTheOrder) {
  Pki pki;
  const auto issued = pki.client().issue();
  const auto read = Certificate::all_from_pem(to_pem(issued.chain));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, issued.chain);
}

TEST(Certificate, ListsExtensionsWithTheirCriticality) {
  Pki pki;
  std::string list;
  for (const auto& [oid, critical] : pki.client().issue().certificate.extensions())
    list += oid + (critical ? "! " : " ");
  EXPECT_EQ(list, "2.5.29.19! 2.5.29.15! 2.5.29.37 2.5.29.14 2.5.29.35 2.5.29.17 ");
}

}  // namespace
}  // namespace countersign::x509
