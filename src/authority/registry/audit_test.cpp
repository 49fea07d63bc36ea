// The audit log shows what was done to it: each way of changing it from outside is found.
#include "authority/registry/audit.h"

#include <functional>

#include "authority/fixture_test.h"
#include "authority/registry/audit_verification.h"
#include "base/files.h"

namespace countersign::authority {
namespace {

using testing::code_of;

struct Row {
  std::string name;
  std::string sql;
  std::string code;
};

class Tampering : public AuthorityTest, public ::testing::WithParamInterface<Row> {};

TEST_P(Tampering, IsFound) {
  const Row& row = GetParam();
  if (!row.sql.empty()) {
    ASSERT_TRUE(raw().run(row.sql));
  }
  auto rows = office().ledger.read();
  EXPECT_EQ(code_of(verify_audit(*rows, office().seal)), row.code);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, Tampering,
    ::testing::Values(
        Row{"untouched", "", "ok"},
        Row{"edited", "UPDATE audit SET subject = 'other' WHERE sequence = 5", "audit.broken"},
        Row{"time_edited", "UPDATE audit SET at = at + 1 WHERE sequence = 5", "audit.broken"},
        Row{"last_edited", "UPDATE audit SET actor = 'x' WHERE sequence = (SELECT MAX(sequence) FROM audit)",
            "audit.broken"},
        Row{"deleted", "DELETE FROM audit WHERE sequence = 5", "audit.broken"},
        Row{"deleted_and_closed_up",
            "DELETE FROM audit WHERE sequence = 5; UPDATE audit SET sequence = sequence - 1 WHERE sequence > 5",
            "audit.broken"},
        Row{"first_deleted", "DELETE FROM audit WHERE sequence = 1", "audit.broken"},
        Row{"reordered",
            "UPDATE audit SET sequence = -5 WHERE sequence = 5; UPDATE audit SET sequence = 5 WHERE sequence = 6;"
            " UPDATE audit SET sequence = 6 WHERE sequence = -5",
            "audit.broken"},
        Row{"cut_off", "DELETE FROM audit WHERE sequence > 5", "audit.broken"},
        Row{"emptied", "DELETE FROM audit", "audit.broken"},
        Row{"emptied_with_its_end", "DELETE FROM audit; DELETE FROM settings WHERE name = 'audit_head'",
            "audit.broken"},
        Row{"end_forgotten", "DELETE FROM settings WHERE name = 'audit_head'", "audit.broken"},
        Row{"end_sealed_by_nobody",
            "UPDATE settings SET value = 'head ' || (SELECT MAX(sequence) || ' ' || (SELECT hash FROM audit ORDER BY "
            "sequence DESC LIMIT 1) FROM audit) || ' 00' WHERE name = 'audit_head'",
            "audit.broken"},
        Row{"begun_elsewhere", "INSERT INTO settings (name, value) VALUES ('audit_anchor', 'anchor 5 00 00')",
            "audit.broken"}),
    [](const auto& row) { return row.param.name; });

using Audit = AuthorityTest;

/// What somebody with the database but without the key could do best: rewrite the log from record 5 on, with an end
/// that fits.
void rewrite(Office& office, const base::Clock& clock) {
  auto rows = office.registry.begin().value();
  AuditSeal own(std::filesystem::temp_directory_path() / "countersign-test-no-such-file");
  own.use_key(base::Secret(std::string_view("a key of my own")));
  auto run = AuditRun::begin_anew(rows).value();
  run.append({{"mallory"}, "certificate.issued", "x"}, clock.now());
  ASSERT_TRUE(run.write(rows, own));
  ASSERT_TRUE(rows.commit());
}

TEST_F(Audit, TakesNoRecordBehindAnEndThatIsNotItsOwn) {
  EXPECT_TRUE(enrol("production:acme:payments", make_key()));
  const std::string code = make_code("production:acme:payments");
  rewrite(office(), clock);
  EXPECT_EQ(testing::code_of(redeem(code, make_key())), "audit.broken");
  EXPECT_EQ(testing::code_of(office().directory.create_organisation(admin(), slug("globex"), "Globex")),
            "audit.broken");
  EXPECT_FALSE(verify_audit(office().ledger)->problem.empty());
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "1");
}

TEST_F(Audit, GoesOnOnceAnOperatorHasLooked) {
  EXPECT_EQ(testing::code_of(acknowledge_audit(office().ledger, admin())), "audit.intact");
  rewrite(office(), clock);
  ASSERT_TRUE(acknowledge_audit(office().ledger, admin()));
  EXPECT_EQ(verify_audit(office().ledger)->problem, "");
  EXPECT_TRUE(enrol("production:acme:payments", make_key()));
  reopen();
  EXPECT_EQ(verify_audit(office().ledger)->problem, "");
  EXPECT_EQ(raw().ask("SELECT actor FROM audit WHERE action = 'audit.acknowledged'"), admin().name);
  ASSERT_TRUE(raw().run("UPDATE audit SET subject = 'x' WHERE action = 'audit.acknowledged'"));
  EXPECT_NE(verify_audit(office().ledger)->problem, "");
}

TEST_F(Audit, KnowsWhenTheRegistryIsOlderThanTheHeadOutside) {
  namespace fs = std::filesystem;
  const DataFolder folder(data());
  const fs::path backup = folder.registry().string() + ".backup";
  close();
  testing::copy_registry(folder.registry(), backup);
  reopen();
  EXPECT_TRUE(enrol("production:acme:payments", make_key()));
  close();
  testing::copy_registry(backup, folder.registry());
  reopen();
  EXPECT_EQ(testing::code_of(office().directory.create_organisation(admin(), slug("globex"), "Globex")), "audit.broken")
      << "an older registry takes no changes";
  EXPECT_NE(verify_audit(office().ledger)->problem, "");
  ASSERT_TRUE(acknowledge_audit(office().ledger, admin()));
  reopen();
  EXPECT_EQ(verify_audit(office().ledger)->problem, "");
}

TEST_F(Audit, MissesAndDistrustsTheHeadOutside) {
  const auto file = DataFolder(data()).audit_head();
  struct Case {
    const char* name;
    std::function<void()> change;
    bool intact;
  };
  const std::string content = *base::read_file(file);
  const auto write = [&](const std::string& text) {
    ASSERT_TRUE(base::write_file(file, text, base::FileMode::owner_only));
  };
  for (const Case& row :
       {Case{"nothing", [] {}, true}, Case{"torn at its end by a crash", [&] { write(content + "head 9"); }, true},
        Case{"a commit behind", [&] { write(content.substr(0, content.rfind("head "))); }, true},
        Case{"removed", [&] { std::filesystem::remove(file); }, false}, Case{"emptied", [&] { write(""); }, false},
        Case{"a line of somebody else's", [&] { write(content + "head 9 00 00\n"); }, false}}) {
    row.change();
    reopen();
    EXPECT_EQ(verify_audit(office().ledger)->problem.empty(), row.intact) << row.name;
    write(content);
  }
}

TEST_F(Audit, StopsWhenTheHeadOutsideCannotBeWritten) {
  const auto file = DataFolder(data()).audit_head();
  std::filesystem::rename(file, file.string() + ".away");
  EXPECT_TRUE(office().directory.create_organisation(admin(), slug("globex"), "Globex"));
  EXPECT_EQ(testing::code_of(office().directory.create_organisation(admin(), slug("umbrella"), "Umbrella")),
            "file.unwritable");
  std::filesystem::rename(file.string() + ".away", file);
  EXPECT_TRUE(office().directory.create_organisation(admin(), slug("umbrella"), "Umbrella"));
  reopen();
  EXPECT_EQ(verify_audit(office().ledger)->problem, "");
}

TEST_F(Audit, NamesWhoDidWhat) {
  ASSERT_TRUE(office().directory.suspend_application({"urn:countersign:internal:operator:alice"},
                                                     identity("production:acme:payments")));
  auto rows = office().ledger.read();
  const auto last = store::find_last_audit(*rows);
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->actor, "urn:countersign:internal:operator:alice");
  EXPECT_EQ((*last)->action, "application.suspended");
  EXPECT_EQ((*last)->subject, "urn:countersign:production:acme:payments");
  EXPECT_EQ((*last)->at, kNow);
}

TEST_F(Audit, ChangeWithoutRecordStopsTheProcess) {
  auto amendment = office().ledger.amend();
  ASSERT_TRUE(amendment);
  EXPECT_DEATH((void)amendment->commit(), "audited_");
}

}  // namespace
}  // namespace countersign::authority
