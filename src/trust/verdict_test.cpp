// Every reason to refuse, and for each rejected certificate its accepted twin one change away.
#include "trust/verdict.h"

#include <functional>

#include <gtest/gtest.h>

#include "testing/pki.h"

namespace countersign::trust {
namespace {

using base::Environment;
using testing::Issued;
using testing::Pki;
using testing::Request;

const Policy kGateway{.purposes = {Purpose::transport}, .environment = Environment::production};

/// The name of the reason, or "accepted".
std::string outcome(const base::Result<VerifiedChain, Refusal>& verdict) {
  return verdict ? "accepted" : std::string(name(verdict.error().reason));
}

std::string judge(const Pki& pki, const PresentedChain& presented, const Policy& policy = kGateway) {
  auto chain = verify_chain(presented, policy, pki.trust_set(), pki.now());
  if (!chain) return std::string(name(chain.error().reason));
  auto admitted = admit(std::move(*chain), *pki.registry());
  return admitted ? "accepted" : std::string(name(admitted.error().reason));
}

struct Row {
  std::string name;
  std::function<Request(Pki&)> certificate;
  std::string expected;
};

class TransportVerdict : public ::testing::TestWithParam<Row> {};

TEST_P(TransportVerdict, IsAsExpected) {
  Pki pki;
  const Issued issued = GetParam().certificate(pki).issue();
  EXPECT_EQ(judge(pki, issued.chain), GetParam().expected);
}

TEST_P(TransportVerdict, TwinOneChangeAwayIsAccepted) {
  Pki pki;
  EXPECT_EQ(judge(pki, pki.client().issue().chain), "accepted");
}

constexpr auto kP384 = crypto::PrivateKey::Kind::p384;

INSTANTIATE_TEST_SUITE_P(
    Rows, TransportVerdict,
    ::testing::Values(
        Row{"good", [](Pki& p) { return p.client(); }, "accepted"},
        Row{"good_p384", [](Pki& p) { return p.client().key_kind(kP384); }, "accepted"},
        Row{"leaf_only", [](Pki& p) { return p.client().without_issuers(); }, "accepted"},
        Row{"expired", [](Pki& p) { return p.client().expired(); }, "expired"},
        Row{"not_yet_valid", [](Pki& p) { return p.client().not_yet_valid(); }, "not_yet_valid"},
        Row{"self_signed", [](Pki& p) { return p.client().self_signed(); }, "self_signed"},
        Row{"look_alike_ca", [](Pki& p) { return p.client().other_ca(); }, "unknown_issuer"},
        Row{"forged_in_our_name", [](Pki& p) { return p.client().forged(); }, "bad_signature"},
        Row{"tampered_signature", [](Pki& p) { return p.client().tampered(); }, "bad_signature"},
        Row{"tampered_content", [](Pki& p) { return p.client().tampered_content(); }, "bad_signature"},
        Row{"signing_for_transport", [](Pki& p) { return p.client().purpose(Purpose::signing); }, "wrong_purpose"},
        Row{"server_for_transport", [](Pki& p) { return p.client().with_eku({std::string(x509::oid::kServerAuth)}); },
            "wrong_purpose"},
        Row{"both_ekus",
            [](Pki& p) {
              return p.client().with_eku({std::string(x509::oid::kClientAuth), std::string(x509::oid::kServerAuth)});
            },
            "wrong_purpose"},
        Row{"any_eku", [](Pki& p) { return p.client().with_eku({std::string(x509::oid::kAnyExtendedKeyUsage)}); },
            "wrong_purpose"},
        Row{"ocsp_eku", [](Pki& p) { return p.client().with_eku({std::string(x509::oid::kOcspSigning)}); },
            "wrong_purpose"},
        Row{"transport_eku_from_signing_ca",
            [](Pki& p) { return p.client().issued_by(Environment::production, Purpose::signing); }, "wrong_purpose"},
        Row{"uat_certificate", [](Pki& p) { return p.client().environment(Environment::uat); }, "wrong_environment"},
        Row{"production_name_from_uat_ca",
            [](Pki& p) { return p.client().issued_by(Environment::uat, Purpose::transport); }, "wrong_environment"},
        Row{"provider_ehi_certificate", [](Pki& p) { return p.ehi(); }, "wrong_purpose"},
        Row{"service_certificate", [](Pki& p) { return p.service(); }, "wrong_environment"},
        Row{"weak_key", [](Pki& p) { return p.client().weak_key(); }, "weak_key"},
        Row{"weak_signature", [](Pki& p) { return p.client().weak_signature(); }, "weak_signature"},
        Row{"no_identity", [](Pki& p) { return p.client().with_uris({"https://acme.example/"}); }, "malformed"},
        Row{"two_identities",
            [](Pki& p) {
              return p.client().with_uris(
                  {"urn:countersign:production:acme:payments", "urn:countersign:production:globex:billing"});
            },
            "malformed"},
        Row{"unknown_critical_extension", [](Pki& p) { return p.client().with_unknown_critical_extension(); },
            "malformed"},
        Row{"not_in_registry", [](Pki& p) { return p.client().without_registry(); }, "not_in_registry"}),
    [](const auto& row) { return row.param.name; });

/// It may sign, and is for no TLS; yet what it signs are the status of certificates, not messages.
TEST(Verdict, AnOcspResponderIsNoSigner) {
  Pki pki;
  const trust::Policy signers{.purposes = {Purpose::signing}};
  const auto verify = [&](const testing::Issued& issued) {
    return verify_chain(issued.chain, signers, pki.trust_set(), pki.now()).has_value();
  };
  EXPECT_TRUE(verify(pki.client().purpose(Purpose::signing).issue()));
  EXPECT_FALSE(verify(pki.client().purpose(Purpose::signing).with_eku({std::string(x509::oid::kOcspSigning)}).issue()));
}

TEST(Verdict, NothingPresentedIsNoCertificate) {
  Pki pki;
  EXPECT_EQ(judge(pki, {}), "no_certificate");
}

TEST(Verdict, TooManyCertificatesAreNotLookedAt) {
  Pki pki;
  const Issued good = pki.client().issue();
  PresentedChain presented = good.chain;
  while (presented.size() < kClientPresentedLimit)
    presented.push_back(good.chain.back());
  EXPECT_EQ(judge(pki, presented), "accepted");
  presented.push_back(good.chain.back());
  EXPECT_EQ(judge(pki, presented), "chain_too_long");
}

TEST(Verdict, OfAServerMoreAreLookedAt) {
  Pki pki;
  const Policy policy{.purposes = {Purpose::server}};
  PresentedChain presented = pki.server().issue().chain;
  while (presented.size() < kPresentedLimit)
    presented.push_back(presented.back());
  EXPECT_EQ(outcome(verify_chain(presented, policy, pki.web_trust(), pki.now())), "accepted");
  presented.push_back(presented.back());
  EXPECT_EQ(outcome(verify_chain(presented, policy, pki.web_trust(), pki.now())), "chain_too_long");
}

TEST(Verdict, AProofSaysWhenItHolds) {
  Pki pki;
  const base::Instant from = pki.now() - std::chrono::hours(2);
  const base::Instant until = pki.now() + std::chrono::hours(2);
  const Issued issued = pki.client().valid(from, until).issue();
  const auto chain = verify_chain(issued.chain, kGateway, pki.trust_set(), pki.now());
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->valid_from(), from);
  EXPECT_EQ(chain->valid_until(), until);
}

TEST(Verdict, MissingIntermediateIsToldFromUnknownIssuer) {
  Pki pki;
  auto only_root = TrustSet::of_roots({pki.partner_root().certificate}, {});
  ASSERT_TRUE(only_root);
  const Policy policy{.purposes = {Purpose::transport}};
  const Issued good = pki.client().issue();
  EXPECT_EQ(outcome(verify_chain(good.chain, policy, *only_root, pki.now())), "accepted");
  EXPECT_EQ(outcome(verify_chain({good.certificate}, policy, *only_root, pki.now())), "missing_intermediate");
  const Issued foreign = pki.server().issue();
  EXPECT_EQ(outcome(verify_chain({foreign.certificate}, policy, *only_root, pki.now())), "unknown_issuer");
}

TEST(Verdict, ServerMustCarryTheNameCalled) {
  Pki pki;
  const Issued server = pki.server("api.partner.example").issue();
  const auto verdict = [&](const std::string& host) {
    const Policy policy{.purposes = {Purpose::server}, .server_name = host};
    return outcome(verify_chain(server.chain, policy, pki.web_trust(), pki.now()));
  };
  EXPECT_EQ(verdict("api.partner.example"), "accepted");
  EXPECT_EQ(verdict("other.partner.example"), "wrong_name");
}

TEST(Verdict, AClientCertificateIsNoServer) {
  Pki pki;
  const Policy policy{.purposes = {Purpose::server}};
  EXPECT_EQ(judge(pki, pki.client().issue().chain, policy), "wrong_purpose");
  EXPECT_EQ(judge(pki, pki.internal_server().issue().chain, policy), "accepted");
}

TEST(Verdict, PartnersCannotPassAsTheProvider) {
  // What a partner's server trusts is the provider's chain alone: another partner's certificate does not lead there.
  Pki pki;
  const Policy policy{.purposes = {Purpose::ehi, Purpose::transport}};
  EXPECT_EQ(outcome(verify_chain(pki.ehi().issue().chain, policy, pki.provider_trust(), pki.now())), "accepted");
  EXPECT_EQ(
      outcome(verify_chain(pki.client("globex", "billing").issue().chain, policy, pki.provider_trust(), pki.now())),
      "unknown_issuer");
}

TEST(Verdict, RegistryNamesAnotherPurposeOrIdentityIsNotListed) {
  Pki pki;
  const Issued good = pki.client().issue();
  CertificateFact fact = good.fact();
  RegistryView registry;
  const auto admitted = [&] {
    auto chain = verify_chain(good.chain, kGateway, pki.trust_set(), pki.now());
    auto verdict = admit(std::move(*chain), registry);
    return verdict ? "accepted" : std::string(name(verdict.error().reason));
  };
  registry.apply(fact);
  EXPECT_EQ(admitted(), "accepted");
  fact.purpose = Purpose::signing;
  registry.apply(fact);
  EXPECT_EQ(admitted(), "not_in_registry");
  fact = good.fact();
  fact.identity = *base::Identity::from_urn("urn:countersign:production:globex:billing");
  registry.apply(fact);
  EXPECT_EQ(admitted(), "not_in_registry");
}

TEST(Reconsider, RevocationSuspensionAndExpiryReachALiveConnection) {
  Pki pki;
  const Issued good = pki.client().issue();
  const auto registry = pki.registry();
  auto chain = verify_chain(good.chain, kGateway, pki.trust_set(), pki.now());
  ASSERT_TRUE(chain);
  auto admitted = admit(std::move(*chain), *registry);
  ASSERT_TRUE(admitted);
  const auto again = [&](base::Instant at) {
    const auto refusal = reconsider(*admitted, *registry, at);
    return refusal ? std::string(name(refusal->reason)) : "accepted";
  };
  EXPECT_EQ(again(pki.now()), "accepted");
  EXPECT_EQ(again(good.certificate.not_after()), "accepted");
  EXPECT_EQ(again(good.certificate.not_after() + std::chrono::seconds(1)), "expired");

  const base::Slug acme = *base::Slug::parse("acme");
  const base::Slug payments = *base::Slug::parse("payments");
  registry->apply(SuspensionFact{Environment::production, acme, payments, true});
  EXPECT_EQ(again(pki.now()), "suspended");
  registry->apply(SuspensionFact{Environment::production, acme, payments, false});
  EXPECT_EQ(again(pki.now()), "accepted");
  registry->apply(SuspensionFact{Environment::production, acme, std::nullopt, true});
  EXPECT_EQ(again(pki.now()), "suspended");
  registry->apply(SuspensionFact{Environment::production, acme, std::nullopt, false});

  CertificateFact revoked = good.fact();
  revoked.revoked_for = "key_compromise";
  registry->apply(revoked);
  EXPECT_EQ(again(pki.now()), "revoked");
}

TEST(Refusal, NamesAreEscapedAndComplete) {
  Pki pki;
  const Issued evil = pki.client().with_subject({"\xC3\xA9{\"event\":\"ok\"}", "acme", "production"}).expired().issue();
  auto verdict = verify_chain(evil.chain, kGateway, pki.trust_set(), pki.now());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().subject.find('\xC3'), std::string::npos);
  EXPECT_EQ(verdict.error().serial, evil.certificate.serial().hex());
  EXPECT_EQ(verdict.error().depth, 0);
  EXPECT_EQ(verdict.error().fingerprint, base::to_hex(evil.certificate.fingerprint()));
}

/// The owner of an untimely certificate is known where nothing but the hour speaks against it; whoever else claims a
/// name has none.
TEST(Refusal, OfAnUntimelyCertificateSaysWhose) {
  Pki pki;
  struct Untimely {
    const char* name;
    Issued issued;
    const char* organisation;
  };
  const Untimely rows[] = {
      {"expired", pki.client("acme").expired().issue(), "acme"},
      {"not yet valid", pki.client("acme").not_yet_valid().issue(), "acme"},
      {"of another CA", pki.client("acme").expired().other_ca().issue(), ""},
      {"self-signed", pki.client("acme").expired().self_signed().issue(), ""},
      {"forged", pki.client("acme").expired().forged().issue(), ""},
      {"tampered", pki.client("acme").expired().tampered().issue(), ""},
      {"of a CA that does not serve its environment",
       pki.client("acme").expired().issued_by(Environment::uat, Purpose::transport).issue(), ""},
      {"without a name of ours", pki.client("acme").expired().with_uris({"urn:x"}).issue(), ""},
  };
  for (const Untimely& row : rows) {
    const auto verdict = verify_chain(row.issued.chain, kGateway, pki.trust_set(), pki.now());
    ASSERT_FALSE(verdict) << row.name;
    EXPECT_EQ(verdict.error().organisation, row.organisation) << row.name;
  }
  const auto of_roots = TrustSet::of_roots({pki.partner_root().certificate}, {}).value();
  EXPECT_EQ(verify_chain(rows[0].issued.chain, kGateway, of_roots, pki.now()).error().organisation, "");
}

/// A CA that was withdrawn: new handshakes are refused by what is trusted, live connections by what the registry says.
TEST(Withdrawal, RefusesWhatThatCaIssuedOnly) {
  Pki pki;
  const Issued transport = pki.client().issue();
  const Issued signing = pki.client().purpose(Purpose::signing).issue();
  const auto judge = [&](const Issued& one, const TrustSet& trust, const Policy& policy) {
    const auto verdict = verify_chain(one.chain, policy, trust, pki.now());
    return verdict ? std::string("accepted") : std::string(name(verdict.error().reason));
  };
  const std::vector<x509::Certificate> roots = {pki.partner_root().certificate};
  const Policy for_signing{.purposes = {Purpose::signing}};
  const TrustSet before = TrustSet::of_issuers(roots, pki.issuing_cas(), 1).value();
  EXPECT_EQ(judge(transport, before, kGateway), "accepted");
  for (const WithdrawalCause cause : {WithdrawalCause::retired, WithdrawalCause::compromised}) {
    const WithdrawnCa gone{transport.chain.at(1), cause};
    const TrustSet after = TrustSet::of_issuers(roots, pki.issuing_cas(), 2, {gone}).value();
    EXPECT_EQ(judge(transport, after, kGateway), "issuer_withdrawn") << name(cause);
    EXPECT_EQ(judge(signing, after, for_signing), "accepted") << name(cause);
    EXPECT_EQ(after.issuing_cas().size() + 1, before.issuing_cas().size());
    const auto leaf_alone = verify_chain({transport.certificate}, kGateway, after, pki.now());
    ASSERT_FALSE(leaf_alone);
    EXPECT_EQ(leaf_alone.error().reason, Reason::issuer_withdrawn) << "the leaf alone was sent";

    RegistryView registry;
    registry.apply(transport.fact());
    registry.apply(signing.fact());
    const auto live = admit(verify_chain(transport.chain, kGateway, before, pki.now()).value(), registry).value();
    const auto other = admit(verify_chain(signing.chain, for_signing, before, pki.now()).value(), registry).value();
    const auto generation = registry.generation();
    EXPECT_FALSE(reconsider(live, registry, pki.now()));
    registry.apply(gone);
    EXPECT_GT(registry.generation(), generation);
    ASSERT_TRUE(reconsider(live, registry, pki.now()));
    EXPECT_EQ(reconsider(live, registry, pki.now())->reason, Reason::issuer_withdrawn);
    EXPECT_FALSE(reconsider(other, registry, pki.now()));
    registry.replace({transport.fact()}, {}, {gone});
    EXPECT_TRUE(reconsider(live, registry, pki.now())) << "a snapshot says it, too";
  }
}

TEST(TrustSet, EmptyTrustCannotBeMade) {
  Pki pki;
  EXPECT_FALSE(TrustSet::of_issuers({}, pki.issuing_cas(), 1));
  EXPECT_FALSE(TrustSet::of_issuers({pki.partner_root().certificate}, {}, 1));
  EXPECT_FALSE(TrustSet::of_roots({}, {}));
  EXPECT_TRUE(TrustSet::of_issuers({pki.partner_root().certificate}, pki.issuing_cas(), 1));
}

}  // namespace
}  // namespace countersign::trust
