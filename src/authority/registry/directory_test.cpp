// Organisations, applications, suspension and revocation: the rules, and what each publishes.
#include "authority/registry/directory.h"

#include "authority/fixture_test.h"
#include "authority/revocation/revocation.h"

namespace countersign::authority {
namespace {

using testing::code_of;

using DirectoryTest = AuthorityTest;

TEST_F(DirectoryTest, OrganisationsAreUnique) {
  Directory& directory = office().directory;
  EXPECT_EQ(code_of(directory.create_organisation(admin(), slug("globex"), "Globex")), "ok");
  EXPECT_EQ(code_of(directory.create_organisation(admin(), slug("globex"), "Globex")), "organisation.exists");
  EXPECT_EQ(code_of(directory.create_organisation(admin(), slug("provider"), "Mine")), "organisation.exists");
  EXPECT_EQ(code_of(directory.create_organisation(admin(), slug("initech"), "")), "name.invalid");
  EXPECT_EQ(code_of(directory.create_organisation(admin(), slug("initech"), "In\nitech")), "name.invalid");
  EXPECT_EQ(directory.list_organisations()->size(), 5U);
}

TEST_F(DirectoryTest, ApplicationsLiveWhereTheirOrganisationMay) {
  struct Row {
    const char* name;
    const char* urn;
    std::vector<std::string> server_names;
    const char* code;
  };
  const Row rows[] = {
      {"another environment", "uat:acme:payments", {}, "ok"},
      {"there already", kPayments, {}, "application.exists"},
      {"unknown organisation", "uat:nobody:payments", {}, "organisation.unknown"},
      {"somebody of a partner", "internal:acme:maria", {}, "ok"},
      {"somebody of a partner who serves", "internal:acme:rosa", {"acme.example"}, "application.no_servers"},
      {"the provider inside", "internal:provider:ehi", {}, "application.environment"},
      {"service outside", "production:service:gateway", {}, "application.environment"},
      {"another internal system", "internal:service:core-banking", {"core.example"}, "ok"},
      {"another operator", "internal:operator:alice", {}, "ok"},
      {"partner with server names", "uat:acme:cards", {"acme.example"}, "application.no_servers"},
      {"a name that is none", "internal:service:other", {"https://core.example"}, "server_name.invalid"},
  };
  for (const Row& row : rows) {
    const NewApplication wanted{identity(row.urn), "", row.server_names};
    EXPECT_EQ(code_of(office().directory.create_application(admin(), wanted)), row.code) << row.name;
  }
}

TEST_F(DirectoryTest, SuspensionActsAtOnceAndIsPublished) {
  Directory& directory = office().directory;
  const std::size_t before = office().listener.count;
  ASSERT_TRUE(directory.suspend_application(admin(), identity(kPayments)));
  EXPECT_TRUE(office().view.is_suspended(identity(kPayments)));
  EXPECT_EQ(office().listener.count, before + 1);
  ASSERT_TRUE(directory.suspend_application(admin(), identity(kPayments)));
  EXPECT_EQ(office().listener.count, before + 1) << "nothing changed, nothing is published";
  ASSERT_TRUE(directory.resume_application(admin(), identity(kPayments)));
  EXPECT_FALSE(office().view.is_suspended(identity(kPayments)));

  ASSERT_TRUE(directory.suspend_organisation(admin(), slug("acme")));
  EXPECT_TRUE(office().view.is_suspended(identity(kPayments)));
  EXPECT_TRUE(office().view.is_suspended(identity("uat:acme:later")));
  reopen();
  EXPECT_TRUE(office().view.is_suspended(identity(kPayments))) << "it outlives a restart";
  ASSERT_TRUE(office().directory.resume_organisation(admin(), slug("acme")));
  EXPECT_FALSE(office().view.is_suspended(identity(kPayments)));
}

TEST_F(DirectoryTest, OperatorsCannotLockThemselvesOut) {
  Directory& directory = office().directory;
  EXPECT_EQ(code_of(directory.suspend_organisation(admin(), slug("operator"))), "organisation.reserved");
  EXPECT_EQ(code_of(directory.suspend_organisation(admin(), slug("nobody"))), "organisation.unknown");
  EXPECT_EQ(code_of(directory.suspend_application(admin(), identity("internal:operator:admin"))), "application.own");
  EXPECT_EQ(code_of(directory.suspend_application({"urn:countersign:internal:operator:alice"},
                                                  identity("internal:operator:admin"))),
            "operator.last")
      << "alice has no certificate";
  add_application("internal:operator:alice");
  ASSERT_TRUE(enrol("internal:operator:alice", make_key(), trust::Purpose::service));
  EXPECT_EQ(code_of(directory.suspend_application({"urn:countersign:internal:operator:alice"},
                                                  identity("internal:operator:admin"))),
            "operator.last")
      << "alice may only look";
  ASSERT_TRUE(set_roles(office().ledger, {admin(), slug("alice"), {Role::administrator}}));
  EXPECT_EQ(code_of(directory.suspend_application({"urn:countersign:internal:operator:alice"},
                                                  identity("internal:operator:admin"))),
            "ok");
  EXPECT_EQ(code_of(directory.suspend_application(admin(), identity("uat:acme:payments"))), "application.unknown");
}

TEST_F(DirectoryTest, RevocationActsAtOnceAndIsPublished) {
  const auto issued = enrol(kPayments, make_key());
  ASSERT_TRUE(issued);
  const x509::Serial serial = issued->certificate.serial();
  const auto reason_known = [&] { return office().view.certificate(issued->certificate.fingerprint())->revoked_for; };
  EXPECT_FALSE(reason_known());
  struct Row {
    const char* reason;
    const char* code;
    const char* known;
  };
  for (const Row& row :
       {Row{"because", "reason.unknown", ""}, Row{"superseded", "ok", "superseded"},
        Row{"superseded", "ok", "superseded"}, Row{"unspecified", "certificate.already_revoked", "superseded"},
        Row{"key_compromise", "ok", "key_compromise"},
        Row{"superseded", "certificate.already_revoked", "key_compromise"}}) {
    EXPECT_EQ(code_of(revoke(office().ledger, admin(), serial, row.reason)), row.code) << row.reason;
    EXPECT_EQ(reason_known().value_or(""), row.known) << row.reason;
  }
  reopen();
  EXPECT_EQ(reason_known().value_or(""), "key_compromise") << "it outlives a restart";
  EXPECT_EQ(code_of(revoke(office().ledger, admin(), x509::Serial::parse("0123").value(), "superseded")),
            "certificate.unknown");
}

TEST_F(DirectoryTest, KeyCompromiseEndsEveryCertificateOfTheKey) {
  struct Row {
    const char* reason;
    std::size_t others;
    const char* second;
  };
  for (const Row& row : {Row{"superseded", 0, ""}, Row{"key_compromise", 2, "key_compromise"}}) {
    SCOPED_TRACE(row.reason);
    const auto key = make_key();
    const auto expired = enrol(kPayments, key);
    clock.advance(kDay * 300);
    const auto first = enrol(kPayments, key);
    const auto replaced = enrol(kPayments, key);
    const auto second = enrol(kPayments, key);
    const auto of_another = enrol(kPayments, make_key());
    ASSERT_TRUE(revoke(office().ledger, admin(), replaced->certificate.serial(), "superseded"));
    clock.advance(kDay * 100);
    const auto start = take_snapshot(office().ledger);
    const auto done = revoke(office().ledger, admin(), first->certificate.serial(), row.reason);
    ASSERT_TRUE(done) << base::to_string(done.error());
    EXPECT_EQ(done->certificate.serial, first->certificate.serial().hex());
    EXPECT_EQ(done->of_same_key.size(), row.others);
    const auto known = [&](const base::Result<Issued>& issued) {
      return office().view.certificate(issued->certificate.fingerprint())->revoked_for.value_or("");
    };
    EXPECT_EQ(known(second), row.second);
    EXPECT_EQ(known(of_another), "");
    EXPECT_EQ(read_changes(office().ledger, start->sequence)->changes.size(), 1 + row.others);
    EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates WHERE revoked_for IS NULL AND serial = '" +
                        expired->certificate.serial().hex() + "'"),
              "1")
        << "what has ended needs no end";
  }
}

TEST_F(DirectoryTest, FeedTellsEveryChangeOnceAndInOrder) {
  const auto start = take_snapshot(office().ledger);
  ASSERT_TRUE(start);
  const auto issued = enrol(kPayments, make_key());
  ASSERT_TRUE(revoke(office().ledger, admin(), issued->certificate.serial(), "superseded"));
  ASSERT_TRUE(office().directory.suspend_organisation(admin(), slug("acme")));
  const auto changes = read_changes(office().ledger, start->sequence);
  ASSERT_TRUE(changes) << base::to_string(changes.error());
  ASSERT_EQ(changes->changes.size(), 5U);  // issued, revoked, suspended in uat and production, and its people
  EXPECT_EQ(changes->sequence, start->sequence + 5);
  for (std::size_t i = 0; i < changes->changes.size(); ++i)
    EXPECT_EQ(changes->changes[i].sequence, start->sequence + 1 + i);
  EXPECT_TRUE(std::get<trust::CertificateFact>(changes->changes[1].fact).revoked_for);
  EXPECT_TRUE(read_changes(office().ledger, changes->sequence)->changes.empty());
  EXPECT_EQ(code_of(read_changes(office().ledger, changes->sequence + 1)), "feed.gone");
  EXPECT_EQ(code_of(read_changes(office().ledger, 0)), "ok");
  ASSERT_TRUE(raw().run("DELETE FROM feed_changes WHERE sequence <= 3"));
  EXPECT_EQ(code_of(read_changes(office().ledger, 2)), "feed.gone");
  EXPECT_EQ(code_of(read_changes(office().ledger, 3)), "ok");
}

/// Whoever checks messages needs the certificate itself; of those that connect a digest is enough.
TEST_F(DirectoryTest, FeedTellsSigningCertificatesWhole) {
  const auto start = take_snapshot(office().ledger);
  const auto told = [](const feed::Snapshot& snapshot) {
    std::vector<base::Bytes> found;
    for (const feed::Fact& fact : snapshot.facts)
      if (const auto* one = std::get_if<feed::SigningCertificate>(&fact)) found.push_back(one->der);
    return found;
  };
  ASSERT_TRUE(enrol(kPayments, make_key()));
  const auto signing = enrol(kPayments, make_key(), trust::Purpose::signing);
  ASSERT_TRUE(signing);
  const auto changes = read_changes(office().ledger, start->sequence);
  ASSERT_EQ(changes->changes.size(), 3U);  // each was issued, and the one itself
  const auto* fact = std::get_if<feed::SigningCertificate>(&changes->changes.back().fact);
  ASSERT_NE(fact, nullptr);
  EXPECT_EQ(fact->der, signing->certificate.der());
  EXPECT_EQ(fact->identity.to_urn(), "urn:countersign:" + std::string(kPayments));
  const std::vector<base::Bytes> whole{signing->certificate.der()};
  EXPECT_EQ(told(*take_snapshot_for_followers(office().ledger)), whole);
  EXPECT_TRUE(told(*take_snapshot(office().ledger)).empty()) << "the authority's own view needs none";
  clock.advance(kDay * 350 + base::Duration(1));
  EXPECT_TRUE(told(*take_snapshot_for_followers(office().ledger)).empty());
}

TEST_F(DirectoryTest, SnapshotLeavesOutWhatHasExpired) {
  const auto count = [this] {
    std::size_t found = 0;
    const auto snapshot = take_snapshot(office().ledger);
    for (const feed::Fact& fact : snapshot->facts)
      found += std::holds_alternative<trust::CertificateFact>(fact) ? 1U : 0U;
    return found;
  };
  ASSERT_TRUE(enrol(kPayments, make_key()));
  EXPECT_EQ(count(), 1U);
  clock.advance(kDay * 350);
  EXPECT_EQ(count(), 1U);
  clock.advance(base::Duration(1));
  EXPECT_EQ(count(), 0U);
}

}  // namespace
}  // namespace countersign::authority
