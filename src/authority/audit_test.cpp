// The audit log shows what was done to it: each way of changing it from outside is found.
#include "authority/audit.h"

#include "authority/fixture_test.h"

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
  EXPECT_EQ(code_of(verify_audit(*rows)), row.code);
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
        Row{"emptied", "DELETE FROM audit", "audit.broken"}),
    [](const auto& row) { return row.param.name; });

using Audit = AuthorityTest;

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
