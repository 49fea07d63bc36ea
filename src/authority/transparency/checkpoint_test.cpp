// Checkpoints and the log of certificates: what was kept elsewhere shows what was done to the registry since.
#include "authority/transparency/checkpoint.h"

#include "authority/fixture_test.h"
#include "authority/secrets/sealed_secret.h"

namespace countersign::authority {
namespace {

using testing::code_of;
namespace merkle = crypto::merkle;

class Checkpointing : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    checkpoints = open(DataFolder(data()).keys()).value();
    ASSERT_TRUE(complete_log(office().ledger));
  }
  base::Result<Checkpoints> open(const std::filesystem::path& keys) {
    BASE_TRY(auto key, open_sealed_key(keys / "checkpoint.key", EstablishedData::shared().passphrase()));
    return Checkpoints::sign_with(std::move(key), checkpoint_origin(office().hierarchy.root(Root::provider)));
  }
  std::string make() { return checkpoints->make(office().ledger).value(); }
  std::string compare(const std::string& kept) { return checkpoints->hold_against(office().ledger, kept).value(); }
  Issued issue_one() { return enrol("production:acme:payments", make_key()).value(); }
  LogHead head() {
    auto rows = office().ledger.read().value();
    return log_head(rows).value();
  }
  /// Changes the registry behind the authority's back.
  void tamper(const std::string& statement) {
    close();
    (void)raw().ask(statement);
    reopen();
  }

  std::optional<Checkpoints> checkpoints;
};

TEST_F(Checkpointing, EveryCertificateIsALeafThatCanBeProved) {
  std::vector<Issued> issued;
  for (int i = 0; i < 7; ++i)
    issued.push_back(issue_one());
  for (const Issued& one : issued) {
    auto rows = office().ledger.read().value();
    const auto proof = prove_inclusion(rows, one.certificate.serial().hex());
    ASSERT_TRUE(proof);
    const merkle::Inclusion claim{merkle::leaf_hash(one.certificate.der()), proof->number, proof->head.size,
                                  proof->head.root};
    EXPECT_TRUE(merkle::verify_inclusion(claim, proof->path));
  }
  EXPECT_EQ(std::to_string(head().size), raw().ask("SELECT COUNT(*) FROM certificates"));
  auto rows = office().ledger.read().value();
  EXPECT_EQ(code_of(prove_inclusion(rows, "00ff")), "certificate.unknown");
}

TEST_F(Checkpointing, GrowsOnlyAtItsEnd) {
  issue_one();
  const LogHead before = head();
  for (int i = 0; i < 5; ++i)
    issue_one();
  auto rows = office().ledger.read().value();
  const auto proof = prove_consistency(rows, before.size);
  ASSERT_TRUE(proof);
  EXPECT_TRUE(merkle::verify_consistency({before.size, before.root, proof->head.size, proof->head.root}, proof->path));
  EXPECT_EQ(code_of(prove_consistency(rows, 0)), "log.range");
  EXPECT_EQ(code_of(prove_consistency(rows, proof->head.size + 1)), "log.range");
}

TEST_F(Checkpointing, TellsWhatWasDoneSince) {
  struct Row {
    const char* name;
    const char* statement;
    const char* says;  ///< part of the problem; empty: intact
  };
  const Row rows[] = {
      {"nothing", "SELECT 1", ""},
      {"the end of the audit log cut off", "DELETE FROM audit WHERE sequence >= (SELECT MAX(sequence) - 2 FROM audit)",
       "ends before record"},
      {"the last record rewritten", "UPDATE audit SET hash = 'ab' WHERE sequence = (SELECT MAX(sequence) FROM audit)",
       "is not the one"},
      {"the last leaf taken out", "DELETE FROM merkle_leaves WHERE number = (SELECT MAX(number) FROM merkle_leaves)",
       "an older registry"},
      {"a complete node exchanged",
       "UPDATE merkle_nodes SET hash = (SELECT hash FROM merkle_nodes WHERE level = 0 AND number = 0)"
       " WHERE level = (SELECT MAX(level) FROM merkle_nodes) AND number = 0",
       "are not those"},
  };
  for (const Row& row : rows) {
    close();
    std::filesystem::remove_all(data());
    SetUp();
    for (int i = 0; i < 4; ++i)
      issue_one();
    const std::string kept = make();
    tamper(row.statement);
    const std::string problem = compare(kept);
    EXPECT_EQ(problem.empty(), std::string(row.says).empty()) << row.name << ": " << problem;
    EXPECT_NE(problem.find(row.says), std::string::npos) << row.name << ": " << problem;
  }
}

TEST_F(Checkpointing, StaysTrueWhileTheLogsGrow) {
  const std::string kept = make();
  for (int i = 0; i < 3; ++i)
    issue_one();
  EXPECT_EQ(compare(kept), "");
  EXPECT_EQ(compare(make()), "");
}

TEST_F(Checkpointing, AnOlderRegistryPutBackShows) {
  testing::Folder backup;
  close();
  std::filesystem::copy(data(), backup.path() / "old", std::filesystem::copy_options::recursive);
  testing::copy_registry(DataFolder(data()).registry(), backup / "registry.db");
  reopen();
  issue_one();
  const std::string kept = make();
  close();
  std::filesystem::remove(data() / "audit.head");
  std::filesystem::copy(backup.path() / "old" / "audit.head", data() / "audit.head");
  testing::copy_registry(backup / "registry.db", DataFolder(data()).registry());
  reopen();
  EXPECT_NE(compare(kept).find("ends before record"), std::string::npos)
      << "also when the head beside the registry was put back with it";
}

TEST_F(Checkpointing, BelievesOnlyItsOwnSignature) {
  const std::string kept = make();
  std::string changed = kept;
  changed[kept.find("audit ") + 6] ^= 1;
  EXPECT_EQ(code_of(checkpoints->hold_against(office().ledger, changed)), "checkpoint.foreign");
  EXPECT_EQ(code_of(checkpoints->hold_against(office().ledger, "")), "checkpoint.foreign");
  testing::Folder elsewhere;
  const auto other = open(elsewhere.path()).value();
  EXPECT_EQ(code_of(checkpoints->hold_against(office().ledger, other.make(office().ledger).value())),
            "checkpoint.foreign");
  EXPECT_TRUE(checkpoints->verifier().open(kept));
  EXPECT_EQ(open(DataFolder(data()).keys())->verifier().to_text(), checkpoints->verifier().to_text());
}

TEST_F(Checkpointing, TakesInWhatIsOlderThanTheLog) {
  const LogHead before = head();
  tamper("DELETE FROM merkle_nodes");
  tamper("DELETE FROM merkle_leaves");
  const auto taken = complete_log(office().ledger);
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, before.size);
  EXPECT_EQ(head().root, before.root);
  EXPECT_EQ(complete_log(office().ledger), std::size_t{0});
}

}  // namespace
}  // namespace countersign::authority
