#include "policy/watch.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "policy/log_lines_test.h"
#include "testing/fake_clock.h"
#include "testing/folder.h"

namespace countersign::policy {
namespace {

std::string grants(const std::string& name) {
  return "[[grants]]\nname = \"" + name + "\"\nto = [\"uat/a/b\"]\nmethods = [\"GET\"]\npaths = [\"/\"]\n";
}

/// A policy file that a watch keeps a gate at; two looks take over what stayed the same between them.
class Watching : public ::testing::Test {
 protected:
  void SetUp() override {
    write(grants("one"));
    auto loaded = Watch::load(file_);
    ASSERT_TRUE(loaded);
    gate_.emplace(std::move(loaded->policy), log_);
    watch_.emplace(*gate_, file_, std::move(loaded->text), log_);
    settle();
  }
  void write(const std::string& text) { ASSERT_TRUE(base::write_file(file_, text, base::FileMode::world_readable)); }
  void settle() {
    watch_->look();
    watch_->look();
  }
  std::string first_grant() const {
    const auto policy = gate_->policy();
    return policy->grants().empty() ? "" : policy->grants().front().name;
  }
  bool broken() const { return gate_->metrics().find("policy_file_broken 1\n") != std::string::npos; }

  testing::Folder folder_;
  std::filesystem::path file_ = folder_.path() / "policy.toml";
  testing::FakeClock clock_{base::Instant::from_unix_seconds(1'800'000'000)};
  Lines lines_;
  base::Log log_{{.program = "test"}, clock_, lines_};
  std::optional<Gate> gate_;
  std::optional<Watch> watch_;
};

TEST_F(Watching, NothingHappensWhileNothingChanges) {
  for (int i = 0; i < 10; ++i)
    watch_->look();
  EXPECT_EQ(gate_->generation(), 1U);
  EXPECT_EQ(lines_.count("policy.loaded"), 0U);
}

TEST_F(Watching, AChangeIsTakenOverOnceItHasSettled) {
  write(grants("two"));
  watch_->look();
  EXPECT_EQ(first_grant(), "one") << "somebody may still be writing";
  watch_->look();
  EXPECT_EQ(first_grant(), "two");
  EXPECT_EQ(gate_->generation(), 2U);
  EXPECT_EQ(lines_.count("policy.loaded"), 1U);
}

TEST_F(Watching, ASignalTakesItOverAtOnce) {
  write(grants("two"));
  watch_->take();
  EXPECT_EQ(first_grant(), "two");
  watch_->take();
  settle();
  EXPECT_EQ(gate_->generation(), 2U) << "the same text is the same policy";
}

struct Row {
  std::string name;
  std::string text;
  std::string said;
};
class Broken : public Watching, public ::testing::WithParamInterface<Row> {};

TEST_P(Broken, KeepsTheLastGoodAndSaysSoOnce) {
  write(GetParam().text);
  for (int i = 0; i < 5; ++i)
    watch_->look();
  watch_->take();
  EXPECT_EQ(first_grant(), "one");
  EXPECT_EQ(gate_->generation(), 1U);
  EXPECT_TRUE(broken());
  EXPECT_EQ(lines_.count("policy.kept"), 1U);
  EXPECT_EQ(lines_.count(GetParam().said), 1U);
  write(grants("two"));
  settle();
  EXPECT_EQ(first_grant(), "two");
  EXPECT_FALSE(broken());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Broken,
    ::testing::Values(Row{"syntax", "[[grants", "policy.toml:1:"}, Row{"unknown_key", "x = 1\n", "'x' (line 1)"},
                      Row{"bad_value", grants("two") + "host = \"A\"\n", "'grants[1].host' (line 6)"},
                      Row{"not_text", std::string("\0\xff", 2), "policy.kept"}),
    [](const auto& row) { return row.param.name; });

TEST_F(Watching, AFileThatIsGoneChangesNothingUntilItIsBack) {
  std::filesystem::remove(file_);
  settle();
  EXPECT_EQ(first_grant(), "one");
  EXPECT_TRUE(broken());
  EXPECT_EQ(lines_.count("policy.kept"), 1U);
  write(grants("one"));
  settle();
  EXPECT_FALSE(broken());
  EXPECT_EQ(gate_->generation(), 1U);
  EXPECT_EQ(lines_.count("policy.mended"), 1U);
}

TEST_F(Watching, WhoIsNotHeldIsSaid) {
  write("mode = \"observe\"\n[[partners]]\nwho = \"uat/a\"\nmode = \"off\"\n");
  settle();
  EXPECT_EQ(lines_.count("policy.not_enforced"), 2U);
}

TEST(WatchLoad, WithoutAFileThereIsNoPolicy) {
  const testing::Folder folder;
  EXPECT_FALSE(Watch::load(folder.path() / "none.toml"));
}

}  // namespace
}  // namespace countersign::policy
