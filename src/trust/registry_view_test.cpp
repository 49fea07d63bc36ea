#include "trust/registry_view.h"

#include <thread>

#include <gtest/gtest.h>

#include "testing/pki.h"

namespace countersign::trust {
namespace {

TEST(RegistryView, AFactReplacesTheOneBefore) {
  testing::Pki pki;
  CertificateFact fact = pki.client().issue().fact();
  RegistryView registry;
  EXPECT_FALSE(registry.certificate(fact.fingerprint));
  registry.apply(fact);
  EXPECT_FALSE(registry.certificate(fact.fingerprint)->revoked_for);
  fact.revoked_for = "superseded";
  registry.apply(fact);
  EXPECT_EQ(registry.certificate(fact.fingerprint)->revoked_for, "superseded");
  EXPECT_EQ(registry.size(), 1U);
}

TEST(RegistryView, GenerationRisesWithWhatCouldCloseAConnection) {
  testing::Pki pki;
  CertificateFact fact = pki.client().issue().fact();
  RegistryView registry;
  const auto start = registry.generation();
  fact.revoked_for = "unspecified";
  registry.apply(fact);
  EXPECT_GT(registry.generation(), start);
  const auto after_revocation = registry.generation();
  registry.replace({}, {});
  EXPECT_GT(registry.generation(), after_revocation);
}

/// Whoever was admitted by what was listed is asked about again.
TEST(RegistryView, GenerationRisesWhenAFactContradictsTheOneBefore) {
  testing::Pki pki;
  const CertificateFact fact = pki.client("acme", "payments").issue().fact();
  RegistryView registry;
  registry.apply(fact);
  const auto start = registry.generation();
  registry.apply(fact);
  EXPECT_EQ(registry.generation(), start) << "it says the same";
  CertificateFact of_another = pki.client("globex", "billing").issue().fact();
  registry.apply(of_another);
  EXPECT_EQ(registry.generation(), start) << "it says nothing of the first";
  of_another.fingerprint = fact.fingerprint;
  registry.apply(of_another);
  EXPECT_GT(registry.generation(), start);
}

TEST(RegistryView, SuspensionsOfOneEnvironmentDoNotReachAnother) {
  const base::Slug acme = *base::Slug::parse("acme");
  RegistryView registry;
  registry.apply(SuspensionFact{base::Environment::uat, acme, std::nullopt, true});
  EXPECT_TRUE(registry.is_suspended(*base::Identity::from_urn("urn:countersign:uat:acme:payments")));
  EXPECT_FALSE(registry.is_suspended(*base::Identity::from_urn("urn:countersign:production:acme:payments")));
}

TEST(RegistryView, OneApplicationsSuspensionLeavesItsNeighbour) {
  const base::Slug acme = *base::Slug::parse("acme");
  RegistryView registry;
  registry.apply(SuspensionFact{base::Environment::uat, acme, base::Slug::parse("payments").value(), true});
  EXPECT_TRUE(registry.is_suspended(*base::Identity::from_urn("urn:countersign:uat:acme:payments")));
  EXPECT_FALSE(registry.is_suspended(*base::Identity::from_urn("urn:countersign:uat:acme:reports")));
}

TEST(RegistryView, ReplaceForgetsWhatTheSnapshotDoesNotSay) {
  testing::Pki pki;
  const CertificateFact old_fact = pki.client().issue().fact();
  const CertificateFact new_fact = pki.client("globex", "billing").issue().fact();
  RegistryView registry;
  registry.apply(old_fact);
  registry.replace({new_fact}, {});
  EXPECT_FALSE(registry.certificate(old_fact.fingerprint));
  EXPECT_TRUE(registry.certificate(new_fact.fingerprint));
}

/// Readers look up all the time while snapshots take each other's place: what is in every snapshot never goes missing.
TEST(RegistryView, ASnapshotTakesItsPlaceInOneStep) {
  testing::Pki pki;
  const CertificateFact always = pki.client().issue().fact();
  const CertificateFact first_only = pki.client("globex", "billing").issue().fact();
  RegistryView registry;
  registry.replace({always, first_only}, {});
  std::atomic<bool> stop = false;
  std::atomic<int> missing = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!stop)
        if (!registry.certificate(always.fingerprint)) ++missing;
    });
  for (int i = 0; i < 300; ++i) {
    registry.replace({always}, {});
    registry.replace({first_only, always}, {});
  }
  stop = true;
  for (std::thread& reader : readers)
    reader.join();
  EXPECT_EQ(missing, 0);
  EXPECT_EQ(registry.size(), 2U);
}

}  // namespace
}  // namespace countersign::trust
