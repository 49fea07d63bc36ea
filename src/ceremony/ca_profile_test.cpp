// What a certificate of a CA may say: each rule broken once, beside the certificate that keeps them all.
#include "ceremony/ca_profile.h"

#include <functional>

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "testing/ca.h"
#include "testing/code_of.h"
#include "testing/seeded_random.h"
#include "testing/times.h"

namespace countersign::ceremony {
namespace {

using testing::Ca;
using testing::code_of;
using testing::kDay;
using testing::kNow;

crypto::PrivateKey make_key(crypto::PrivateKey::Kind kind = crypto::PrivateKey::Kind::p256) {
  return crypto::PrivateKey::generate(kind).value();
}

class CaProfile : public ::testing::Test {
 protected:
  CaOrder issuing_order() const {
    return {.rank = CaRank::issuing,
            .subject = {"An Issuing CA", "Example", {}},
            .key = key.public_key(),
            .not_before = kNow,
            .not_after = kNow + kDay * 3650};
  }
  CaOrder root_order() const {
    CaOrder order = issuing_order();
    order.rank = CaRank::root;
    order.subject.common_name = "A New Root CA";
    order.path_length = 1;
    return order;
  }
  base::Result<x509::Certificate> make(const CaOrder& order) {
    BASE_TRY(const auto made, draft(order, &root.certificate, kNow, random));
    return made.assemble(root.key.sign(made.tbs().der).value());
  }

  testing::SeededRandom random{3};
  crypto::PrivateKey key = make_key();
  Ca root = testing::make_root({"A Root CA", "Example", kNow - kDay, kNow + kDay * 7000, 2});
};

TEST_F(CaProfile, DraftsWhatKeepsTheRulesOnly) {
  struct Row {
    const char* name;
    std::function<void(CaOrder&)> change;
    const char* code;
  };
  const Row rows[] = {
      {"an issuing CA", [](CaOrder&) {}, "ok"},
      {"that lets others follow", [](CaOrder& o) { o.path_length = 1; }, "ca.profile"},
      {"that outlives its root", [](CaOrder& o) { o.not_after = kNow + kDay * 7001; }, "ca.profile"},
      {"for longer than ever", [](CaOrder& o) { o.not_after = kNow + kDay * 366 * 12; }, "ca.profile"},
      {"that began before its root", [](CaOrder& o) { o.not_before = kNow - kDay * 2; }, "ca.profile"},
      {"that begins tomorrow", [](CaOrder& o) { o.not_before = kNow + kDay; }, "ca.profile"},
      {"that is over", [](CaOrder& o) { o.not_after = kNow + std::chrono::seconds(-1); }, "certificate.build"},
      {"without a name", [](CaOrder& o) { o.subject.common_name.clear(); }, "ca.profile"},
      {"without an organisation", [](CaOrder& o) { o.subject.organisation.clear(); }, "ca.profile"},
      {"with its root's name",
       [](CaOrder& o) {
         o.subject = {"A Root CA", "Example", {}};
       },
       "ca.profile"},
      {"with a weak key", [](CaOrder& o) { o.key = testing::make_weak_key().public_key(); }, "ca.profile"},
      {"with Ed25519", [](CaOrder& o) { o.key = make_key(crypto::PrivateKey::Kind::ed25519).public_key(); }, "ok"},
      {"that says where its root's CRL is", [](CaOrder& o) { o.crl.urls = {"http://pki.example/r.crl"}; }, "ok"},
  };
  for (const Row& row : rows) {
    CaOrder order = issuing_order();
    row.change(order);
    EXPECT_EQ(code_of(make(order)), row.code) << row.name;
  }
}

TEST_F(CaProfile, CountsWhoMayFollow) {
  const Ca short_root = testing::make_root({"A Short Root", "Example", kNow - kDay, kNow + kDay * 7000, 1});
  EXPECT_EQ(code_of(draft(root_order(), &root.certificate, kNow, random)), "ok") << "a new root under an old one";
  EXPECT_EQ(code_of(draft(root_order(), &short_root.certificate, kNow, random)), "ca.profile") << "too deep";
  EXPECT_EQ(code_of(draft(issuing_order(), &short_root.certificate, kNow, random)), "ok");
  EXPECT_EQ(code_of(draft(root_order(), nullptr, kNow, random)), "ok") << "for itself";
  CaOrder endless = root_order();
  endless.path_length = kLongestPath + 1;
  EXPECT_EQ(code_of(draft(endless, nullptr, kNow, random)), "ca.profile");
  EXPECT_EQ(code_of(draft(issuing_order(), nullptr, kNow, random)), "ok") << "the rank is for the caller to say";
}

/// Certificates that somebody else made, as they are brought in.
TEST_F(CaProfile, RefusesWhatADraftWouldNeverBe) {
  const x509::Certificate good = make(issuing_order()).value();
  const auto forged = [&](const std::function<void(X509*)>& change) { return testing::forge(good, root.key, change); };
  struct Row {
    const char* name;
    x509::Certificate certificate;
    const char* rule;  ///< null: none
  };
  const Row rows[] = {
      {"good", good, nullptr},
      {"unchanged", forged([](X509*) {}), nullptr},
      {"no pathLen", forged([](X509* c) {
         testing::remove_extension(c, "basicConstraints");
         testing::add_extension(c, "basicConstraints", "critical,CA:TRUE");
       }),
       "path_length"},
      {"no CA", forged([](X509* c) {
         testing::remove_extension(c, "basicConstraints");
         testing::add_extension(c, "basicConstraints", "critical,CA:FALSE");
       }),
       "path_length"},
      {"not critical", forged([](X509* c) {
         testing::remove_extension(c, "basicConstraints");
         testing::add_extension(c, "basicConstraints", "CA:TRUE,pathlen:0");
       }),
       "extensions"},
      {"more than a CA's usage", forged([](X509* c) {
         testing::remove_extension(c, "keyUsage");
         testing::add_extension(c, "keyUsage", "critical,keyCertSign,cRLSign,digitalSignature");
       }),
       "key_usage"},
      {"for servers, too", forged([](X509* c) { testing::add_extension(c, "extendedKeyUsage", "serverAuth"); }),
       "key_usage"},
      {"with a host name", forged([](X509* c) { testing::add_extension(c, "subjectAltName", "DNS:example.com"); }),
       "names"},
      {"something unknown", forged([](X509* c) { testing::add_unknown_critical_extension(c); }), "extensions"},
      {"a short serial", forged([](X509* c) { ASN1_INTEGER_set(X509_get_serialNumber(c), 7); }), "serial"},
      {"with SHA-1",
       testing::forge(
           good, root.key, [](X509*) {}, "SHA1"),
       "signature_algorithm"},
  };
  const crypto::PublicKey own = key.public_key();
  for (const Row& row : rows) {
    const auto checked = check_ca(row.certificate, {CaRank::issuing, own, &root.certificate, kNow});
    EXPECT_EQ(checked.has_value(), row.rule == nullptr) << row.name;
    const std::string said = checked ? "" : checked.error().detail;
    const std::string wanted = row.rule == nullptr ? "" : "'" + std::string(row.rule) + "'";
    EXPECT_NE(said.find(wanted), std::string::npos) << row.name << ": " << said;
  }
  const crypto::PublicKey another = make_key().public_key();
  EXPECT_FALSE(check_ca(good, {CaRank::issuing, another, &root.certificate, kNow})) << "another key";
  EXPECT_FALSE(check_ca(good, {CaRank::issuing, own, &root.certificate, good.not_after()})) << "it is over";
}

TEST_F(CaProfile, BelievesNoForeignSignature) {
  const auto made = draft(issuing_order(), &root.certificate, kNow, random).value();
  EXPECT_EQ(code_of(made.assemble(make_key().sign(made.tbs().der).value())), "ca.signature");
  EXPECT_EQ(code_of(made.assemble(root.key.sign(base::as_bytes("something else")).value())), "ca.signature");
  EXPECT_EQ(code_of(made.assemble(root.key.sign(made.tbs().der).value())), "ok");
}

}  // namespace
}  // namespace countersign::ceremony
