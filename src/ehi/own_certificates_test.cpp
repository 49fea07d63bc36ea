// Our own certificates are used only while nothing is known against them; then the standby, or none.
#include "ehi/own_certificates.h"

#include <gtest/gtest.h>

#include "testing/pki.h"
#include "testing/run.h"

namespace countersign::ehi {
namespace {

using base::Environment;
using testing::Issued;
using testing::Pki;
using Rank = OwnCertificates::Rank;

constexpr OwnCertificates::Kind kKind{Environment::production, trust::Purpose::ehi};

class OwnCertificatesTest : public ::testing::Test {
 protected:
  OwnCertificatesTest() {
    const base::Instant now = pki.now();
    keep(pki.ehi().valid(now - std::chrono::hours(1), now + std::chrono::hours(1)).issue());
    keep(pki.ehi().issue());
    keep(pki.ehi().without_registry().issue());
    keep(pki.client("provider", "ehi").purpose(trust::Purpose::signing).issue());
    feed::Snapshot snapshot{
        1, {feed::RootFact{pki.partner_root().certificate}, feed::RootFact{pki.provider_root().certificate}}};
    for (const trust::IssuingCa& ca : pki.issuing_cas())
      snapshot.facts.emplace_back(ca);
    for (const trust::CertificateFact& fact : pki.facts())
      snapshot.facts.emplace_back(fact);
    EXPECT_TRUE(knowledge.replace(snapshot));
    own.add(kKind,
            [this](std::shared_ptr<const tls::Credential> used, const std::string& why_none) -> base::Result<void> {
              const std::string which = used == nullptr ? why_none : name_of(*used);
              if (which == unfit) {
                ++refused;
                return base::fail(base::Kind::invalid, "tls.context", "its key is another one's");
              }
              told.push_back(which);
              return {};
            });
  }
  struct Mine {
    std::shared_ptr<const tls::Credential> credential;
    trust::CertificateFact fact;
  };
  void keep(Issued issued) {
    const trust::CertificateFact fact = issued.fact();
    mine.push_back(
        {std::make_shared<const tls::Credential>(tls::Credential{std::move(issued.chain), std::move(issued.key)}),
         fact});
  }
  /// Its number.
  std::string name_of(const tls::Credential& used) {
    for (std::size_t i = 0; i < mine.size(); ++i)
      if (mine[i].credential.get() == &used) return std::to_string(i);
    return "?";
  }
  void offer(std::size_t number, Rank rank = Rank::first) { own.offer(kKind, rank, mine[number].credential); }
  void apply(feed::Fact fact) {
    EXPECT_TRUE(knowledge.apply({++sequence, std::move(fact)}));
    own.look();
  }
  void revoke(std::size_t number) {
    trust::CertificateFact fact = mine[number].fact;
    fact.revoked_for = "keyCompromise";
    apply(fact);
  }
  std::string last() const { return told.empty() ? "" : told.back(); }

  Pki pki;
  testing::KeptLog log;
  std::vector<Mine> mine;
  feed::Knowledge knowledge;
  std::uint64_t sequence = 1;
  OwnCertificates own{knowledge, pki.clock(), log.log()};
  std::vector<std::string> told;
  std::string unfit = "none";  ///< the number of one that cannot be used
  int refused = 0;
};

TEST_F(OwnCertificatesTest, AreUsedWhileNothingIsKnownAgainstThem) {
  EXPECT_EQ(own.standings().front().used, std::nullopt);
  offer(0);
  EXPECT_EQ(last(), "0");
  own.look();
  offer(0);
  EXPECT_EQ(told.size(), 1U) << "it is the same";
  offer(2);
  EXPECT_EQ(last(), "2") << "the feed has not heard of it yet";
}

TEST_F(OwnCertificatesTest, AreNotUsedAfterTheirEnd) {
  offer(0);
  revoke(0);
  EXPECT_TRUE(last().starts_with("revoked: ")) << last();
  EXPECT_EQ(own.standings().front().used, std::nullopt);
  offer(1);
  EXPECT_EQ(last(), "1") << "it was replaced";
  EXPECT_EQ(own.standings().front().used, Rank::first);
  const base::Identity& who = mine[1].fact.identity;
  apply(trust::SuspensionFact{who.environment, who.organisation, who.application, true});
  EXPECT_TRUE(last().starts_with("suspended: ")) << last();
  apply(trust::SuspensionFact{who.environment, who.organisation, who.application, false});
  EXPECT_EQ(last(), "1");
}

TEST_F(OwnCertificatesTest, AreNotUsedWhenTheirTimeIsOver) {
  offer(0);
  offer(1, Rank::standby);
  pki.clock().advance(std::chrono::hours(2));
  own.look();
  EXPECT_EQ(last(), "1");
  EXPECT_EQ(own.standings().front().used, Rank::standby);
  EXPECT_TRUE(own.standings().front().why_not.starts_with("expired: "));
}

TEST_F(OwnCertificatesTest, AreNotUsedWhenTheirIssuingCaWasWithdrawn) {
  offer(0);
  for (const trust::IssuingCa& ca : pki.issuing_cas())
    if (ca.purposes.contains(trust::Purpose::ehi) && ca.environment == Environment::production)
      apply(trust::WithdrawnCa{ca.certificate, trust::WithdrawalCause::compromised});
  EXPECT_TRUE(last().starts_with("issuer_withdrawn: ")) << last();
}

TEST_F(OwnCertificatesTest, AreNotFollowedByAStandbyOfAnotherPurpose) {
  offer(3, Rank::standby);
  EXPECT_EQ(last(), "");
  offer(0);
  revoke(0);
  EXPECT_TRUE(last().starts_with("revoked: ")) << last();
  EXPECT_EQ(own.standings().front().used, std::nullopt);
  offer(1, Rank::standby);
  EXPECT_EQ(last(), "1") << "that is one";
}

TEST_F(OwnCertificatesTest, AreNotFollowedByAStandbyThatCannotBeUsed) {
  unfit = "1";
  offer(0);
  offer(1, Rank::standby);
  revoke(0);
  EXPECT_TRUE(last().starts_with("revoked: ")) << "the one that was taken back goes on: " << last();
  EXPECT_EQ(own.standings().front().used, std::nullopt);
  own.look();
  EXPECT_EQ(refused, 1) << "tried every second";
  unfit = "none";
  offer(1, Rank::standby);
  EXPECT_EQ(last(), "1");
}

TEST_F(OwnCertificatesTest, GoOnWhereTheirReplacementCannotBeUsedWhileTheyAreGood) {
  unfit = "2";
  offer(0);
  offer(2);
  EXPECT_EQ(last(), "0");
  EXPECT_EQ(own.standings().front().used, Rank::first);
  revoke(0);
  EXPECT_TRUE(last().starts_with("unfit: ")) << last();
  EXPECT_EQ(own.standings().front().used, std::nullopt);
}

TEST_F(OwnCertificatesTest, GoOverToTheStandbyAndBack) {
  offer(0);
  offer(1, Rank::standby);
  EXPECT_EQ(last(), "0");
  revoke(0);
  EXPECT_EQ(last(), "1");
  offer(2);
  EXPECT_EQ(last(), "2") << "the first was replaced";
  EXPECT_TRUE(own.standings().front().why_not.empty());
  revoke(1);
  EXPECT_EQ(last(), "2") << "the standby is not used";
}

}  // namespace
}  // namespace countersign::ehi
