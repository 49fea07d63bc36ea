// Enrolment: which answers are believed, and what may be written over.
#include "cli/request.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/pki.h"

namespace countersign::cli {
namespace {

using base::Environment;
using testing::code_of;
using testing::Folder;
using testing::Pki;
using trust::Purpose;

/// What an honest authority would answer with that certificate.
base::json::object answer_of(const Pki& pki, const testing::Issued& issued) {
  const bool partners = issued.purpose == Purpose::transport || issued.purpose == Purpose::signing;
  const std::vector<x509::Certificate> issuing(issued.chain.begin() + 1, issued.chain.end());
  return {{"certificate", issued.certificate.to_pem()},
          {"chain", x509::to_pem(issuing)},
          {"root", (partners ? pki.partner_root() : pki.provider_root()).certificate.to_pem()},
          {"urn", issued.identity->to_urn()}};
}

Enrolment enrolment_of(const testing::Issued& issued, Purpose purpose) {
  return {.code = "cse_x", .purpose = purpose, .csr = "", .key = issued.key.public_key()};
}

TEST(CheckIssued, BelievesOnlyWhatWasAskedFor) {
  Pki pki;
  const auto dns = [&](testing::Request request) { return request.with_dns({"evil.example"}).issue(); };
  const struct {
    const char* row;
    testing::Issued issued;
    Purpose asked;
    const char* code;
  } rows[] = {
      {"transport", pki.client().issue(), Purpose::transport, "ok"},
      {"signing", pki.client().purpose(Purpose::signing).issue(), Purpose::signing, "ok"},
      {"server", pki.internal_server().issue(), Purpose::server, "ok"},
      {"ehi", pki.ehi().issue(), Purpose::ehi, "ok"},
      {"other purpose", pki.client().purpose(Purpose::signing).issue(), Purpose::transport, "answer.refused"},
      {"expired", pki.client().expired().issue(), Purpose::transport, "answer.refused"},
      {"other CA", pki.client().other_ca().issue(), Purpose::transport, "answer.refused"},
      {"host name in a client's", dns(pki.client()), Purpose::transport, "answer.other_name"},
      {"two URNs",
       pki.client()
           .with_uris({"urn:countersign:production:acme:payments", "urn:countersign:uat:acme:payments"})
           .issue(),
       Purpose::transport, "answer.other_name"},
      {"other subject", pki.client().with_subject({"someone", "acme", "production"}).issue(), Purpose::transport,
       "answer.other_name"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(check_issued(answer_of(pki, row.issued), enrolment_of(row.issued, row.asked), pki.now())),
              row.code)
        << row.row;
}

TEST(CheckIssued, RefusesAnotherKeyAnotherApplicationAndNonsense) {
  Pki pki;
  const testing::Issued issued = pki.client().issue();
  const testing::Issued other = pki.client().issue();
  EXPECT_EQ(code_of(check_issued(answer_of(pki, issued), enrolment_of(other, Purpose::transport), pki.now())),
            "answer.other_key");
  Enrolment expecting = enrolment_of(issued, Purpose::transport);
  expecting.expected = issued.identity;
  EXPECT_EQ(code_of(check_issued(answer_of(pki, issued), expecting, pki.now())), "ok");
  expecting.expected = pki.client("acme", "refunds").issue().identity;
  EXPECT_EQ(code_of(check_issued(answer_of(pki, issued), expecting, pki.now())), "answer.other_name");
  base::json::object torn = answer_of(pki, issued);
  torn.erase("root");
  EXPECT_EQ(code_of(check_issued(torn, enrolment_of(issued, Purpose::transport), pki.now())), "answer.malformed");
}

TEST(OpenOrMakeKey, MakesOnceAndUsesAgain) {
  const Folder folder;
  const auto file = folder / "transport.key";
  auto first = open_or_make_key(file, crypto::PrivateKey::Kind::p256);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->made);
  struct stat found {};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
  auto again = open_or_make_key(file, crypto::PrivateKey::Kind::rsa4096);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->made);
  EXPECT_EQ(again->key.public_key().spki_sha256(), first->key.public_key().spki_sha256());
}

TEST(OpenOrMakeKey, NeverWritesOverWhatIsNoKey) {
  const Folder folder;
  ASSERT_TRUE(base::write_file(folder / "k", "precious", base::FileMode::owner_only));
  EXPECT_EQ(code_of(open_or_make_key(folder / "k", crypto::PrivateKey::Kind::p256)), "key.unusable");
  EXPECT_EQ(base::read_file(folder / "k"), "precious");
}

TEST(Save, RefusesToLoseAnotherKeysCertificate) {
  Pki pki;
  const Folder folder;
  const RequestFiles files = RequestFiles::in(folder.path(), Purpose::transport);
  const testing::Issued mine = pki.client().issue();
  const testing::Issued theirs = pki.client().issue();
  EXPECT_EQ(code_of(check_may_save(files, mine.key.public_key())), "ok");
  auto checked = check_issued(answer_of(pki, mine), enrolment_of(mine, Purpose::transport), pki.now());
  ASSERT_TRUE(checked);
  ASSERT_TRUE(save(files, *checked));
  EXPECT_EQ(code_of(check_may_save(files, mine.key.public_key())), "ok");
  EXPECT_EQ(code_of(check_may_save(files, theirs.key.public_key())), "request.other_key");
  EXPECT_EQ(base::read_file(folder / "transport.pem"), mine.certificate.to_pem());
  EXPECT_EQ(base::read_file(folder / "transport-chain.pem"), x509::to_pem(mine.chain));
  ASSERT_TRUE(base::write_file(files.chain, "a diary", base::FileMode::owner_only));
  EXPECT_EQ(code_of(check_may_save(files, mine.key.public_key())), "request.other_key");
}

}  // namespace
}  // namespace countersign::cli
