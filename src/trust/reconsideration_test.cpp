// Who was believed once is asked about again: of what is asked, and of when.
#include "trust/reconsideration.h"

#include <gtest/gtest.h>

#include "testing/pki.h"

namespace countersign::trust {
namespace {

using testing::Issued;
using testing::Pki;

class Again : public ::testing::Test {
 protected:
  static std::string word(const std::optional<Refusal>& refusal) {
    return refusal ? std::string(name(refusal->reason)) : "believed";
  }
  VerifiedChain verified(const Issued& issued) {
    return verify_chain(issued.chain, {.purposes = {Purpose::server}}, pki_.provider_trust(), pki_.now()).value();
  }
  Pki pki_;
  RegistryView registry_;
  Issued server_ = pki_.internal_server("gateway", "payments.example").issue();
  VerifiedChain chain_ = verified(server_);
};

TEST_F(Again, OfAServerTheRegistryNeedNotKnowAnything) {
  EXPECT_EQ(word(reconsider_server(chain_, registry_, pki_.now())), "believed");
  registry_.apply(server_.fact());
  EXPECT_EQ(word(reconsider_server(chain_, registry_, pki_.now())), "believed");
}

TEST_F(Again, ARevokedServerIsNotBelieved) {
  CertificateFact fact = server_.fact();
  fact.revoked_for = "key_compromise";
  registry_.apply(fact);
  EXPECT_EQ(word(reconsider_server(chain_, registry_, pki_.now())), "revoked");
}

TEST_F(Again, NorOneOfACaThatWasWithdrawn) {
  registry_.apply(WithdrawnCa{server_.chain.at(1), WithdrawalCause::retired});
  EXPECT_EQ(word(reconsider_server(chain_, registry_, pki_.now())), "issuer_withdrawn");
}

TEST_F(Again, NorOneWhoseTimeIsOver) {
  EXPECT_EQ(word(reconsider_server(chain_, registry_, chain_.valid_until())), "believed");
  EXPECT_EQ(word(reconsider_server(chain_, registry_, chain_.valid_until() + std::chrono::seconds(1))), "expired");
}

/// Nothing of what a change says may be missed for what was remembered.
TEST_F(Again, EveryChangeAndTheHourAreHeeded) {
  Reconsideration again;
  const auto ask = [&](const RegistryView& registry, base::Instant at) {
    return word(again.of_server(chain_, registry, at));
  };
  EXPECT_EQ(ask(registry_, pki_.now()), "believed");
  EXPECT_EQ(ask(registry_, pki_.now()), "believed");
  EXPECT_EQ(ask(registry_, chain_.valid_until() + std::chrono::seconds(1)), "expired");
  EXPECT_EQ(ask(registry_, pki_.now()), "believed") << "a refusal is not remembered";
  RegistryView other;
  CertificateFact fact = server_.fact();
  fact.revoked_for = "key_compromise";
  other.apply(fact);
  registry_.apply(SuspensionFact{base::Environment::production, *base::Slug::parse("globex"), std::nullopt, true});
  ASSERT_EQ(registry_.generation(), other.generation());
  EXPECT_EQ(ask(registry_, pki_.now()), "believed");
  EXPECT_EQ(ask(other, pki_.now()), "revoked") << "another registry, of the same generation";
  registry_.apply(fact);
  EXPECT_EQ(ask(registry_, pki_.now()), "revoked");
}

TEST_F(Again, AClientMustStayListed) {
  const Issued client = pki_.client().issue();
  registry_.apply(client.fact());
  auto chain = verify_chain(client.chain, {.purposes = {Purpose::transport}}, pki_.trust_set(), pki_.now());
  const AdmittedChain admitted = admit(std::move(*chain), registry_).value();
  Reconsideration again;
  EXPECT_EQ(word(again.of(admitted, registry_, pki_.now())), "believed");
  registry_.replace({}, {});
  EXPECT_EQ(word(again.of(admitted, registry_, pki_.now())), "not_in_registry");
}

}  // namespace
}  // namespace countersign::trust
