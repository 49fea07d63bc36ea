// A root that the feed tells anew: a follower believes it when a root that was installed vouches for it, told in a
// snapshot or in a change, and again out of its copy; and never because the feed says so.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/files.h"
#include "feed/copy.h"
#include "feed/follower.h"
#include "feed/holdings.h"
#include "testing/cross.h"
#include "testing/folder.h"
#include "testing/pki.h"
#include "trust/verdict.h"

namespace countersign::feed {
namespace {

using testing::Ca;
using testing::Pki;

constexpr auto kDay = std::chrono::hours(24);

class KeptLines final : public base::LogSink {
 public:
  void write(std::string_view line) override { text += line; }
  std::string text;
};

class VouchedRoots : public ::testing::Test {
 protected:
  Ca make_root(const std::string& name) const {
    return testing::make_root({.common_name = name,
                               .organisation = "Example Payments",
                               .not_before = pki.now() - kDay,
                               .not_after = pki.now() + kDay * 1000,
                               .path_length = 2});
  }
  x509::Certificate cross(const Ca& of, const Ca& by, base::Duration still_valid = kDay * 100) const {
    return testing::make_cross({.of = of, .by = by, .now = pki.now(), .still_valid = still_valid});
  }
  /// An issuing CA for production's Transport Certificates under that root.
  Ca make_issuing(const Ca& root) const {
    return testing::make_issuing({.common_name = "Issuing CA under " + root.certificate.subject().common_name,
                                  .organisation = "Example Payments",
                                  .not_before = pki.now() - kDay,
                                  .not_after = pki.now() + kDay * 500,
                                  .path_length = 0},
                                 root);
  }
  static trust::IssuingCa fact_of(const Ca& ca) {
    return {ca.certificate, base::Environment::production, {trust::Purpose::transport}};
  }
  Snapshot before() const {
    Snapshot snapshot{
        3, {RootFact{pki.partner_root().certificate}, RootFact{pki.provider_root().certificate}}, "run-1"};
    for (const trust::IssuingCa& ca : pki.issuing_cas())
      snapshot.facts.emplace_back(ca);
    return snapshot;
  }
  /// A follower that starts with what the copy holds; these roots are installed.
  struct Started {
    bool started = false;
    bool believes_root = false;
    bool believes_ca = false;
    bool tells_holding = false;
  };
  Started start(const Ca& root, const Ca& ca, std::vector<x509::Certificate> installed) {
    const base::Log log({.program = "test"}, pki.clock(), lines);
    net::Loop loop;
    Knowledge knowledge;
    Follower follower(loop,
                      {.link = {}, .credential = {}, .copy = folder / "trust-feed.json", .roots = std::move(installed)},
                      knowledge, pki.clock(), log);
    const auto done = follower.start_from_copy();
    Started result{.started = done.has_value() && *done};
    const auto trust = knowledge.trust();
    if (trust == nullptr) return result;
    result.believes_root = std::ranges::count(trust->anchors().anchors(), root.certificate) == 1;
    const auto held = holdings_in(*trust);
    result.tells_holding = held.find(holding_of(ca.certificate)) != std::string::npos;
    const auto leaf = pki.client().issue();  // its key and names, under the new CA
    const x509::CertificateSpec spec{.serial = leaf.certificate.serial(),
                                     .subject = {"payments", "acme", "production"},
                                     .not_before = leaf.certificate.not_before(),
                                     .not_after = leaf.certificate.not_after(),
                                     .key = leaf.key.public_key(),
                                     .key_usage = {x509::KeyUsage::digital_signature},
                                     .extended_key_usage = {"1.3.6.1.5.5.7.3.2"},
                                     .subject_alt_names = leaf.certificate.subject_alt_names(),
                                     .ca = std::nullopt};
    result.believes_ca = trust::verify_chain({testing::issue(spec, ca), ca.certificate},
                                             {.purposes = {trust::Purpose::transport}}, *trust, pki.now())
                             .has_value();
    return result;
  }
  std::vector<x509::Certificate> both() const {
    return {pki.partner_root().certificate, pki.provider_root().certificate};
  }
  void write(const Snapshot& snapshot, const std::vector<Fact>& changes = {}) const {
    const Copy copy(folder / "trust-feed.json");
    ASSERT_TRUE(copy.start(snapshot));
    std::uint64_t sequence = snapshot.sequence;
    for (const Fact& fact : changes)
      ASSERT_TRUE(copy.append({{{++sequence, fact}}}));
  }

  Pki pki;
  testing::Folder folder;
  KeptLines lines;
};

TEST_F(VouchedRoots, AreBelievedForACrossCertificateThatHolds) {
  const Ca fresh = make_root("Partner Root G2");
  const Ca ca = make_issuing(fresh);
  const Ca& old = pki.partner_root();
  struct Row {
    const char* name;
    std::vector<x509::Certificate> crosses;
    bool believed;
  };
  const Row rows[] = {
      {"vouched for", {cross(fresh, old)}, true},
      {"by one of several", {cross(fresh, pki.look_alike_partner_root()), cross(fresh, old)}, true},
      {"nobody vouches", {}, false},
      {"by a look-alike", {cross(fresh, pki.look_alike_partner_root())}, false},
      {"no more", {cross(fresh, old, -std::chrono::seconds(1))}, false},
      {"for another root", {cross(make_root("Partner Root G2"), old)}, false},
      {"by itself", {cross(fresh, fresh)}, false},
  };
  for (const Row& row : rows)
    for (const bool in_a_change : {false, true}) {
      SCOPED_TRACE(std::string(row.name) + (in_a_change ? ", in a change" : ", in the snapshot"));
      const std::vector<Fact> told = {RootFact{fresh.certificate, row.crosses}, fact_of(ca)};
      Snapshot snapshot = before();
      if (!in_a_change) snapshot.facts.insert(snapshot.facts.end(), told.begin(), told.end());
      write(snapshot, in_a_change ? told : std::vector<Fact>{});
      lines.text.clear();
      const Started started = start(fresh, ca, both());
      ASSERT_TRUE(started.started);
      EXPECT_EQ(started.believes_root, row.believed);
      EXPECT_EQ(started.believes_ca, row.believed);
      EXPECT_EQ(started.tells_holding, row.believed) << "what is told of it decides when the CA is activated";
      EXPECT_EQ(lines.text.find("feed.root_vouched_for") != std::string::npos, row.believed) << lines.text;
      EXPECT_EQ(lines.text.find("feed.foreign_root") != std::string::npos, !row.believed) << lines.text;
    }
}

TEST_F(VouchedRoots, MayStandBeforeWhatVouchesForThem) {
  const Ca second = make_root("Partner Root G2");
  const Ca third = make_root("Partner Root G3");
  const Ca ca = make_issuing(third);
  Snapshot snapshot{3,
                    {fact_of(ca), RootFact{third.certificate, {cross(third, second)}},
                     RootFact{second.certificate, {cross(second, pki.partner_root())}}},
                    "run-1"};
  const Snapshot rest = before();
  snapshot.facts.insert(snapshot.facts.end(), rest.facts.begin(), rest.facts.end());
  write(snapshot);
  EXPECT_TRUE(start(third, ca, both()).believes_ca);
  // Without the link between there is nothing to hold on to.
  std::erase_if(snapshot.facts, [&](const Fact& fact) {
    const auto* root = std::get_if<RootFact>(&fact);
    return root != nullptr && root->certificate == second.certificate;
  });
  write(snapshot);
  EXPECT_FALSE(start(third, ca, both()).believes_ca);
}

TEST_F(VouchedRoots, OutliveTheRetirementOfWhatVouchedForThem) {
  const Ca fresh = make_root("Partner Root G2");
  const Ca ca = make_issuing(fresh);
  const Ca& old = pki.partner_root();
  write(before(), {RootFact{fresh.certificate, {cross(fresh, old)}}, fact_of(ca),
                   trust::WithdrawnCa{old.certificate, trust::WithdrawalCause::retired}});
  EXPECT_TRUE(start(fresh, ca, both()).believes_ca) << "the file still names the old one, which vouches";
  EXPECT_TRUE(start(fresh, ca, {fresh.certificate, pki.provider_root().certificate}).believes_ca) << "installed";
  EXPECT_FALSE(start(fresh, ca, {pki.provider_root().certificate}).believes_ca)
      << "neither: whoever takes the old one out first installs the new one";
}

}  // namespace
}  // namespace countersign::feed
