// Stateful resumption: what comes back on a session, and the matrix of what never does.
#include <openssl/ssl.h>

#include "gateway/doors_test.h"

namespace countersign::gateway {
namespace {

using testing::Issued;
using testing::KeptSession;
using Version = testing::TlsCaller::Version;
using tls::ClientCertificate;

constexpr auto kVersions = {Version::tls12, Version::tls13};
constexpr int kRevokedAlert = 44;
constexpr int kUnknownAlert = 46;

/// A listener and name at which sessions are taken and offered.
struct Spot {
  std::string listener;
  std::string name;  ///< SNI; empty: none is sent
};

class Resumption : public DoorsTest {
 protected:
  void SetUp() override {
    acme_.emplace(pki_.client("acme", "payments").issue());
    uat_.emplace(pki_.client("acme", "payments").environment(base::Environment::uat).issue());
    write_roots("partners.pem", {pki_.partner_root().certificate});
    start(listeners(), {{.host = "*", .path = "/", .upstream = upstream_.at(), .certificate_required = false}});
  }

  /// Two listeners that are alike; one with sites of every kind, of which two differ in nothing but their names, and
  /// two in nothing but the file of roots; one that resumes nothing.
  std::vector<ListenerConfig> listeners() const {
    const auto stateful = tls::Resumption::stateful;
    const SiteConfig alike{.names = {"one.example", "two.example"}};
    const SiteConfig other_file{.names = {"file.example"}, .trust = folder_ / "partners.pem"};
    const SiteConfig optional{.names = {"optional.example"}, .client_certificate = ClientCertificate::optional};
    const SiteConfig open{.names = {"open.example"}, .client_certificate = ClientCertificate::none};
    const SiteConfig wild{.names = {"*.wild.example"}};
    const SiteConfig uat{.names = {"uat.example"}, .environment = base::Environment::uat};
    const SiteConfig own{
        .names = {"own.example"}, .server_certificate = folder_ / "own.pem", .server_key = folder_ / "own.key"};
    return {{.name = "first", .listen = {"127.0.0.1", 0}, .resumption = stateful},
            {.name = "second", .listen = {"127.0.0.1", 0}, .resumption = stateful},
            {.name = "sites",
             .listen = {"127.0.0.1", 0},
             .resumption = stateful,
             .sites = {alike, other_file, optional, open, wild, uat, own}},
            {.name = "off", .listen = {"127.0.0.1", 0}}};
  }

  static const std::vector<Spot>& spots() {
    static const std::vector<Spot> all = {{"first", ""},
                                          {"first", "one.example"},
                                          {"second", ""},
                                          {"second", "one.example"},
                                          {"sites", ""},
                                          {"sites", "one.example"},
                                          {"sites", "two.example"},
                                          {"sites", "file.example"},
                                          {"sites", "own.example"},
                                          {"sites", "optional.example"},
                                          {"sites", "open.example"},
                                          {"sites", "a.wild.example"},
                                          {"sites", "b.wild.example"},
                                          {"sites", "uat.example"},
                                          {"off", "one.example"}};
    return all;
  }

  Caller caller(Version version, const Issued& who) const { return Caller({.version = version, .identity = &who}); }
  Caller::Answer at(const Caller& caller, const Spot& spot, KeptSession offered = nullptr) const {
    return caller.call({.port = port(spot.listener), .server_name = spot.name, .offered = std::move(offered)});
  }
  bool is_uat(const Spot& spot) const { return spot.name == "uat.example"; }
  const Issued& whom(const Spot& spot) const { return is_uat(spot) ? *uat_ : *acme_; }

  Caller::Answer first_visit(const Caller& who) {
    Caller::Answer answer = at(who, {"first", ""});
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.session);
    return answer;
  }
  void apply(feed::Fact fact) {
    ASSERT_TRUE(knowledge_.apply({++sequence_, std::move(fact)}));
    worker_->knowledge_changed();
  }
  void suspend(bool suspended) {
    apply(trust::SuspensionFact{base::Environment::production, *base::Slug::parse("acme"), std::nullopt, suspended});
  }

  std::optional<Issued> acme_, uat_;
  std::uint64_t sequence_ = 1;
};

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(Resumption, ComesBackAsWhoeverTheFullHandshakeVerified) {
  for (const Version version : kVersions) {
    const Caller who = caller(version, *acme_);
    const auto first = first_visit(who);
    EXPECT_FALSE(first.resumed);
    const auto again = at(who, {"first", ""}, first.session);
    EXPECT_TRUE(again.resumed);
    EXPECT_EQ(again.status, 200);
    EXPECT_TRUE(says(again.text, "X-Countersign-Application: payments\n")) << again.text;
    EXPECT_TRUE(says(again.text, "Client-Cert: :" + base::to_base64(acme_->certificate.der()) + ":\n"));
    EXPECT_FALSE(says(again.text, "forged"));
    EXPECT_TRUE(at(who, {"first", ""}, first.session).resumed) << "and once more";
  }
}

TEST_F(Resumption, InTls13EachConnectionGivesOneNewSession) {
  const Caller who = caller(Version::tls13, *acme_);
  const auto first = first_visit(who);
  const auto second = at(who, {"first", ""}, first.session);
  ASSERT_TRUE(second.session);
  const auto third = at(who, {"first", ""}, second.session);
  EXPECT_TRUE(third.resumed);
  EXPECT_TRUE(says(third.text, "X-Countersign-Application: payments\n"));
}

/// Every pair of spots, taken at one and offered at the other. The full handshake then goes as it would without.
TEST_F(Resumption, NoSessionCrossesFromOnePolicyOrNameToAnother) {
  for (const Version version : kVersions)
    for (const Spot& from : spots()) {
      const auto taken = at(caller(version, whom(from)), from);
      EXPECT_EQ(taken.status, 200) << from.listener << " " << from.name;
      const bool given = taken.session != nullptr && SSL_SESSION_is_resumable(taken.session.get()) == 1;
      EXPECT_EQ(given, from.listener != "off");
      for (const Spot& to : spots()) {
        const bool same = to.listener == from.listener && to.name == from.name;
        const auto answer = at(caller(version, whom(to)), to, taken.session);
        EXPECT_EQ(answer.resumed, same && to.listener != "off")
            << from.listener << " " << from.name << " -> " << to.listener << " " << to.name;
        EXPECT_EQ(answer.status, 200) << to.listener << " " << to.name << " alert " << answer.alert;
      }
    }
}

TEST_F(Resumption, WhoeverHasOnlyTheSessionOfAnotherPolicyIsRefusedWithoutItsCertificate) {
  for (const Version version : kVersions) {
    const Caller nobody({.version = version});
    const auto open = at(nobody, {"sites", "open.example"});
    ASSERT_TRUE(open.session);
    EXPECT_TRUE(at(nobody, {"sites", "open.example"}, open.session).resumed);
    for (const Spot& to : {Spot{"sites", "one.example"}, Spot{"first", "open.example"}}) {
      const auto answer = at(nobody, to, open.session);
      EXPECT_EQ(answer.status, 0);
      EXPECT_NE(answer.alert, 0);
    }
  }
}

TEST_F(Resumption, AnonymousStaysAnonymous) {
  for (const Version version : kVersions) {
    const Caller nobody({.version = version});
    const auto first = at(nobody, {"sites", "optional.example"});
    const auto again = at(nobody, {"sites", "optional.example"}, first.session);
    EXPECT_TRUE(again.resumed);
    EXPECT_EQ(again.status, 200);
    EXPECT_FALSE(says(again.text, "X-Countersign-")) << again.text;
    // With a certificate in hand, the session of nobody is all the same nobody's.
    const auto with = at(caller(version, *acme_), {"sites", "optional.example"}, first.session);
    EXPECT_FALSE(says(with.text, "X-Countersign-")) << with.text;
  }
}

TEST_F(Resumption, TheRevokedIsRefusedAndTheNeighbourResumes) {
  const Issued other = pki_.client("globex", "billing").issue();
  apply(other.fact());
  for (const Version version : kVersions) {
    const Issued partner = pki_.client("acme", "payments").issue();
    apply(partner.fact());
    const auto first = first_visit(caller(version, partner));
    const auto neighbour = first_visit(caller(version, other));
    trust::CertificateFact fact = partner.fact();
    fact.revoked_for = "key_compromise";
    apply(fact);
    const auto again = at(caller(version, partner), {"first", ""}, first.session);
    EXPECT_FALSE(again.resumed);
    EXPECT_EQ(again.status, 0);
    EXPECT_EQ(again.alert, kRevokedAlert);
    EXPECT_TRUE(at(caller(version, other), {"first", ""}, neighbour.session).resumed);
    // Its successor is let in, by a full handshake, with the same session offered.
    const auto successor = at(caller(version, *acme_), {"first", ""}, first.session);
    EXPECT_FALSE(successor.resumed);
    EXPECT_EQ(successor.status, 200);
  }
}

/// The registry changes and nobody has been told yet: the judgement at the resume is what stops it.
TEST_F(Resumption, EachResumeIsJudgedNotOnlyEachChange) {
  for (const Version version : kVersions) {
    const Issued partner = pki_.client("acme", "payments").issue();
    ASSERT_TRUE(knowledge_.apply({++sequence_, partner.fact()}));
    const auto first = first_visit(caller(version, partner));
    trust::CertificateFact fact = partner.fact();
    fact.revoked_for = "key_compromise";
    ASSERT_TRUE(knowledge_.apply({++sequence_, fact}));
    EXPECT_EQ(at(caller(version, partner), {"first", ""}, first.session).alert, kRevokedAlert);
  }
}

TEST_F(Resumption, ASuspensionEndsSessionsForGood) {
  for (const Version version : kVersions) {
    const Caller who = caller(version, *acme_);
    const auto first = first_visit(who);
    suspend(true);
    EXPECT_EQ(at(who, {"first", ""}, first.session).alert, kUnknownAlert);
    suspend(false);
    const auto after = at(who, {"first", ""}, first.session);
    EXPECT_FALSE(after.resumed);
    EXPECT_EQ(after.status, 200);
  }
}

TEST_F(Resumption, OtherTrustIsAnotherPolicy) {
  for (const Version version : kVersions) {
    const Caller who = caller(version, *acme_);
    const auto first = first_visit(who);
    const testing::Ca next = testing::make_issuing({.common_name = "Next",
                                                    .organisation = "Example",
                                                    .not_before = pki_.now() - std::chrono::hours(1),
                                                    .not_after = pki_.now() + std::chrono::hours(24 * 365),
                                                    .path_length = 0},
                                                   pki_.partner_root());
    apply(trust::IssuingCa{next.certificate, base::Environment::production, {trust::Purpose::transport}});
    const auto after = at(who, {"first", ""}, first.session);
    EXPECT_FALSE(after.resumed);
    EXPECT_EQ(after.status, 200);
    EXPECT_TRUE(at(who, {"first", ""}, after.session).resumed);
  }
}

TEST_F(Resumption, AnotherServerCertificateIsAnotherPolicy) {
  for (const Version version : kVersions) {
    const Caller who = caller(version, *acme_);
    const auto first = first_visit(who);
    worker_->use_credential(1, 0, {server_credential()});
    const auto after = at(who, {"first", ""}, first.session);
    EXPECT_FALSE(after.resumed);
    EXPECT_EQ(after.status, 200);
    EXPECT_NE(after.server_serial, first.server_serial);
  }
}

TEST_F(Resumption, SessionsAreOfOneWorkerAndOneRun) {
  for (const Version version : kVersions) {
    const Caller who = caller(version, *acme_);
    const auto first = first_visit(who);
    const auto another = start_worker();
    const auto after = who.call({.port = port(*another, "first"), .offered = first.session});
    EXPECT_FALSE(after.resumed);
    EXPECT_EQ(after.status, 200);
    EXPECT_TRUE(at(who, {"first", ""}, first.session).resumed);
  }
}

TEST_F(Resumption, NoChainOfSessionsOutlivesItsFullHandshake) {
  for (const Version version : kVersions) {
    const Caller who = caller(version, *acme_);
    const base::Instant start = pki_.now();
    const auto first = first_visit(who);
    pki_.clock().set(start + std::chrono::minutes(59));
    const auto late = at(who, {"first", ""}, first.session);
    EXPECT_TRUE(late.resumed);
    pki_.clock().set(start + std::chrono::minutes(61));
    for (const KeptSession& session : {first.session, late.session}) {
      const auto after = at(who, {"first", ""}, session);
      EXPECT_FALSE(after.resumed);
      EXPECT_EQ(after.status, 200);
    }
    if (version != Version::tls13) continue;
    EXPECT_EQ(first.lifetime, 3600) << "and the client is told how long";
    EXPECT_EQ(late.lifetime, 60);
  }
}

TEST_F(Resumption, NorItsCertificate) {
  for (const Version version : kVersions) {
    const base::Instant end = pki_.now() + std::chrono::minutes(10);
    const Issued brief = pki_.client("acme", "brief").valid(pki_.now() - std::chrono::hours(1), end).issue();
    apply(brief.fact());
    const Caller who = caller(version, brief);
    const auto first = first_visit(who);
    EXPECT_TRUE(version == Version::tls12 || first.lifetime == 600);
    EXPECT_TRUE(at(who, {"first", ""}, first.session).resumed);
    pki_.clock().set(end + std::chrono::seconds(1));
    const auto after = at(who, {"first", ""}, first.session);
    EXPECT_FALSE(after.resumed);
    EXPECT_EQ(after.alert, 45) << "certificate_expired";
  }
}

TEST_F(Resumption, IsCountedAndLoggedByListener) {
  const Caller who = caller(Version::tls13, *acme_);
  const auto first = first_visit(who);
  ASSERT_TRUE(at(who, {"first", ""}, first.session).resumed);
  const ListenerPlan& plan = plans_->listeners().front();
  const std::string text = plan.counts->to_text(*plan.config);
  EXPECT_TRUE(says(text, R"({listener="first",tls="mutual",outcome="accepted"} 2)")) << text;
  EXPECT_TRUE(says(text, R"({listener="first",tls="mutual",outcome="resumed"} 1)")) << text;
  EXPECT_TRUE(says(metrics_.to_text({1, -1, 1, plans_->chain_counts()}), "handshakes_resumed_total 1\n"));
}

}  // namespace
}  // namespace countersign::gateway
