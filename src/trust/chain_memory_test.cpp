// What is remembered of verified chains, and that nothing is believed from memory that would not be believed anew.
#include "trust/chain_memory.h"

#include <thread>

#include <gtest/gtest.h>

#include "testing/pki.h"

namespace countersign::trust {
namespace {

using base::Environment;
using testing::Issued;
using testing::Pki;
using namespace std::chrono_literals;

const Policy kGateway{.purposes = {Purpose::transport}, .environment = Environment::production};

crypto::Digest256 digest_of(const PresentedChain& chain) {
  std::vector<base::Bytes> ders;
  for (const x509::Certificate& certificate : chain)
    ders.push_back(certificate.der());
  return Presented::digest_of(ders);
}

/// A partner, a memory, and how often a chain had to be read.
struct Scene {
  Pki pki;
  Issued partner = pki.client().issue();
  std::unique_ptr<RegistryView> registry = pki.registry();
  std::shared_ptr<const TrustSet> trust = std::make_shared<const TrustSet>(pki.trust_set());
  ChainMemory memory{kGateway};
  int read = 0;

  std::string judge(const PresentedChain& chain, base::Instant at) {
    const Presented presented(digest_of(chain), [&] {
      ++read;
      return chain;
    });
    const auto admitted = memory.judge(presented, trust, *registry, at);
    return admitted ? "accepted" : std::string(name(admitted.error().reason));
  }
  std::string judge(const PresentedChain& chain) { return judge(chain, pki.now()); }
  std::string judge() { return judge(partner.chain); }
};

TEST(ChainMemory, ASecondHandshakeReadsNoCertificate) {
  Scene scene;
  EXPECT_EQ(scene.judge(), "accepted");
  EXPECT_EQ(scene.judge(), "accepted");
  EXPECT_EQ(scene.read, 1);
  const ChainMemory::Counts counts = scene.memory.counts();
  EXPECT_EQ(counts.hits, 1U);
  EXPECT_EQ(counts.misses, 1U);
  EXPECT_EQ(counts.chains, 1U);
}

TEST(ChainMemory, WhatIsRememberedIsThePartnerItself) {
  Scene scene;
  const Issued other = scene.pki.client("globex", "billing").issue();
  scene.registry = scene.pki.registry();
  EXPECT_EQ(scene.judge(), "accepted");
  EXPECT_EQ(scene.judge(other.chain), "accepted");
  for (const Issued* issued : std::initializer_list<const Issued*>{&scene.partner, &other}) {
    const Presented presented(digest_of(issued->chain), [] { return PresentedChain(); });
    const auto admitted = scene.memory.judge(presented, scene.trust, *scene.registry, scene.pki.now());
    ASSERT_TRUE(admitted);
    EXPECT_EQ(admitted->identity(), *issued->identity);
    EXPECT_EQ(admitted->chain().leaf(), issued->certificate);
  }
}

TEST(ChainMemory, RevocationActsOnARememberedChainAtOnce) {
  Scene scene;
  EXPECT_EQ(scene.judge(), "accepted");
  CertificateFact fact = scene.partner.fact();
  fact.revoked_for = "key_compromise";
  scene.registry->apply(fact);
  EXPECT_EQ(scene.judge(), "revoked");
  fact.revoked_for.reset();
  scene.registry->apply(fact);
  EXPECT_EQ(scene.judge(), "accepted");
  EXPECT_EQ(scene.read, 1);
}

TEST(ChainMemory, SuspensionAndANewSnapshotActOnARememberedChainAtOnce) {
  Scene scene;
  EXPECT_EQ(scene.judge(), "accepted");
  const base::Identity& who = *scene.partner.identity;
  scene.registry->apply(SuspensionFact{who.environment, who.organisation, who.application, true});
  EXPECT_EQ(scene.judge(), "suspended");
  scene.registry->replace({}, {});
  EXPECT_EQ(scene.judge(), "not_in_registry");
}

TEST(ChainMemory, NothingIsBelievedAfterTheEarliestEndOnThePath) {
  Scene scene;
  scene.partner = scene.pki.client().valid(scene.pki.now() - 24h, scene.pki.now() + 24h).issue();
  scene.registry = scene.pki.registry();
  const base::Instant end = scene.partner.certificate.not_after();
  EXPECT_EQ(scene.judge(), "accepted");
  EXPECT_EQ(scene.judge(scene.partner.chain, end), "accepted");
  EXPECT_EQ(scene.read, 1);
  EXPECT_EQ(scene.judge(scene.partner.chain, end + 1s), "expired");
}

TEST(ChainMemory, NothingIsBelievedBeforeTheLatestBeginningOnThePath) {
  Scene scene;
  scene.partner = scene.pki.client().valid(scene.pki.now() - 24h, scene.pki.now() + 24h).issue();
  scene.registry = scene.pki.registry();
  const base::Instant beginning = scene.partner.certificate.not_before();
  EXPECT_EQ(scene.judge(), "accepted");
  EXPECT_EQ(scene.judge(scene.partner.chain, beginning), "accepted");
  EXPECT_EQ(scene.read, 1);
  EXPECT_EQ(scene.judge(scene.partner.chain, beginning - 1s), "not_yet_valid");
}

TEST(ChainMemory, AnotherTrustSetRemembersNothingEvenUnderTheSameNumber) {
  Scene scene;
  EXPECT_EQ(scene.judge(), "accepted");
  const std::uint64_t number = scene.trust->generation();
  std::vector<IssuingCa> without_transport = scene.pki.issuing_cas();
  std::erase_if(without_transport, [](const IssuingCa& ca) { return ca.purposes.contains(Purpose::transport); });
  auto other = TrustSet::of_issuers({scene.pki.partner_root().certificate, scene.pki.provider_root().certificate},
                                    std::move(without_transport), number);
  ASSERT_TRUE(other);
  const auto before = std::exchange(scene.trust, std::make_shared<const TrustSet>(std::move(*other)));
  EXPECT_EQ(scene.judge(), "unknown_issuer");
  scene.trust = before;
  EXPECT_EQ(scene.judge(), "accepted");
}

TEST(ChainMemory, RefusalsAreNotRemembered) {
  Scene scene;
  const Issued unlisted = scene.pki.client("globex", "billing").without_registry().issue();
  EXPECT_EQ(scene.judge(unlisted.chain), "not_in_registry");
  EXPECT_EQ(scene.judge(scene.pki.client().expired().issue().chain), "expired");
  EXPECT_EQ(scene.memory.counts().chains, 0U);
  scene.registry->apply(unlisted.fact());
  EXPECT_EQ(scene.judge(unlisted.chain), "accepted");
}

struct Change {
  std::string name;
  std::function<PresentedChain(Scene&)> presented;
  std::string expected;
};

/// The partner's chain is remembered; what differs from it in anything is judged on its own.
class AlmostRemembered : public ::testing::TestWithParam<Change> {};

TEST_P(AlmostRemembered, IsReadAndJudgedAnew) {
  Scene scene;
  EXPECT_EQ(scene.judge(), "accepted");
  const PresentedChain presented = GetParam().presented(scene);
  EXPECT_EQ(scene.judge(presented), GetParam().expected);
  EXPECT_EQ(scene.read, 2);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, AlmostRemembered,
    ::testing::Values(
        Change{"signature_changed",
               [](Scene& s) {
                 return PresentedChain{testing::with_changed_signature(s.partner.certificate), s.partner.chain[1]};
               },
               "bad_signature"},
        Change{"content_changed",
               [](Scene& s) {
                 return PresentedChain{testing::with_changed_content(s.partner.certificate), s.partner.chain[1]};
               },
               "bad_signature"},
        Change{"issuer_first",
               [](Scene& s) {
                 return PresentedChain{s.partner.chain[1], s.partner.chain[0]};
               },
               "unknown_issuer"},
        Change{"without_issuer", [](Scene& s) { return PresentedChain{s.partner.chain[0]}; }, "accepted"},
        Change{"leaf_twice",
               [](Scene& s) {
                 return PresentedChain{s.partner.chain[0], s.partner.chain[0], s.partner.chain[1]};
               },
               "accepted"},
        Change{"forged_in_its_name", [](Scene& s) { return s.pki.client().forged().issue().chain; }, "bad_signature"}),
    [](const auto& row) { return row.param.name; });

TEST(ChainMemory, SurplusCertificatesTakeNoPlace) {
  Scene scene;
  const Issued surplus = scene.pki.client("globex", "billing").issue();
  PresentedChain padded = scene.partner.chain;
  padded.push_back(surplus.certificate);
  EXPECT_EQ(scene.judge(padded), "accepted");
  EXPECT_EQ(scene.memory.counts().chains, 0U);
  EXPECT_EQ(scene.judge(), "accepted");
  EXPECT_EQ(scene.memory.counts().chains, 1U);
}

TEST(ChainMemory, TheOldestUseGivesWayWhenItIsFull) {
  Pki pki;
  std::vector<Issued> partners;
  for (int i = 0; i < 64; ++i)
    partners.push_back(pki.client("acme", "app-" + std::to_string(i)).issue());
  const auto registry = pki.registry();
  const auto trust = std::make_shared<const TrustSet>(pki.trust_set());
  ChainMemory memory(kGateway, 32);
  for (int round = 0; round < 2; ++round)
    for (const Issued& partner : partners) {
      const Presented presented(digest_of(partner.chain), [&] { return partner.chain; });
      EXPECT_TRUE(memory.judge(presented, trust, *registry, pki.now()));
      EXPECT_LE(memory.counts().chains, 32U);
    }
  EXPECT_GT(memory.counts().chains, 0U);
}

TEST(ChainMemory, NoSplitOfTheBytesGivesTheSameDigest) {
  const base::Bytes a = {1, 2};
  const base::Bytes b = {3};
  const base::Bytes all = {1, 2, 3};
  const std::vector<std::vector<base::Bytes>> splits = {{a, b},     {all},      {b, a}, {{1}, {2, 3}},
                                                        {a, b, {}}, {{}, a, b}, {}};
  std::set<crypto::Digest256> digests;
  for (const auto& split : splits)
    digests.insert(Presented::digest_of(split));
  EXPECT_EQ(digests.size(), splits.size());
}

/// Threads judge while trust and registry change under them: a revoked partner is never accepted from memory.
TEST(ChainMemory, ThreadsSeeEachRevocationAtOnce) {
  Scene scene;
  const CertificateFact good = scene.partner.fact();
  CertificateFact bad = good;
  bad.revoked_for = "key_compromise";
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        const Presented presented(digest_of(scene.partner.chain), [&] { return scene.partner.chain; });
        const auto trust = std::make_shared<const TrustSet>(scene.pki.trust_set());
        (void)scene.memory.judge(presented, trust, *scene.registry, scene.pki.now());
        (void)scene.memory.judge(presented, scene.trust, *scene.registry, scene.pki.now());
      }
    });
  const Presented presented(digest_of(scene.partner.chain), [&] { return scene.partner.chain; });
  for (int i = 0; i < 200; ++i) {
    scene.registry->apply(bad);
    const auto refused = scene.memory.judge(presented, scene.trust, *scene.registry, scene.pki.now());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::revoked);
    scene.registry->apply(good);
    EXPECT_TRUE(scene.memory.judge(presented, scene.trust, *scene.registry, scene.pki.now()));
  }
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
}

}  // namespace
}  // namespace countersign::trust
