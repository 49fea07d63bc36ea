#include "trust/registry_view.h"

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

}  // namespace
}  // namespace countersign::trust
