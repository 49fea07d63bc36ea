// Every check on a server with nothing wrong, and on the same with one thing changed: that thing is found, and no
// other.
#include "check/judge.h"

#include <algorithm>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "check/verdicts.h"
#include "testing/pki.h"
#include "trust/reason.h"

namespace countersign::check {
namespace {

using testing::Issued;
using testing::Pki;

Attempt answered(int status) { return {.end = Attempt::End::answered, .status = status}; }
Attempt alerted() { return {.end = Attempt::End::alert, .words = "the alert unknown CA (48)"}; }

class JudgeTest : public ::testing::Test {
 protected:
  /// Of a server that is as it must be, with everything tried.
  Observations right() const {
    Observations seen{.host = "localhost",
                      .anchors = std::make_shared<const trust::TrustSet>(pki.web_trust()),
                      .at = pki.now(),
                      .deadline = std::chrono::milliseconds(200)};
    seen.first = HelloAnswer{.kind = HelloAnswer::Kind::server_hello};
    for (Look* look : {&seen.tls13, &seen.tls12}) {
      look->offered = true;
      look->sighting.version = look == &seen.tls13 ? "TLSv1.3" : "TLSv1.2";
      look->sighting.chain = server.chain;
      look->sighting.asked = true;
      look->sighting.ca_names = {root.subject().der};
      look->sighting.ca_texts = {"/CN=ours"};
      look->sighting.secure_renegotiation = true;
    }
    seen.own_ca_names = {root.subject().der};
    seen.has_own = true;
    seen.ours = answered(200);
    seen.next_ca = "CN=Next";
    seen.next = answered(200);
    for (const Check& check : checks())
      if (check.name.starts_with("refuse.")) seen.impostors[std::string(check.name)].attempt = alerted();
    seen.warm_requests.assign(99, std::chrono::milliseconds(3));
    seen.cold_requests = {std::chrono::milliseconds(5)};
    seen.handshakes = {std::chrono::milliseconds(4)};
    seen.connections = 1;
    seen.resumptions = {{.way = "TLS 1.3", .tried = true}, {.way = "TLS 1.2 by ticket", .tried = true}};
    return seen;
  }

  void show(Observations& seen, std::vector<x509::Certificate> chain) const {
    seen.tls13.sighting.chain = chain;
    seen.tls12.sighting.chain = std::move(chain);
  }

  static std::string found_in(const Observations& seen) {
    std::string text;
    for (const Finding& finding : judge(seen, "https://localhost/").findings)
      if (finding.severity == Severity::fail || finding.severity == Severity::warn)
        text += (text.empty() ? "" : " ") + std::string(name(finding.severity)) + ":" + finding.id;
    return text;
  }

  Pki pki;
  Issued server = pki.server().issue();
  x509::Certificate root = pki.provider_root().certificate;
};

TEST_F(JudgeTest, NothingIsFoundWhereNothingIsWrong) {
  const Report report = judge(right(), "https://localhost/");
  EXPECT_EQ(report.count(Severity::pass), report.findings.size());
  EXPECT_EQ(report.findings.size(), checks().size());
}

TEST_F(JudgeTest, OneFaultIsOneFinding) {
  using Seen = Observations&;
  const auto impostor = [](Seen seen, const char* check, Attempt attempt) {
    seen.impostors[check].attempt = std::move(attempt);
  };
  const struct {
    const char* found;
    std::function<void(Seen)> change;
  } rows[] = {
      {"fail:reach.connect", [](Seen seen) { seen.first.reset(), seen.unreachable = "refused"; }},
      {"fail:reach.tls", [](Seen seen) { seen.first.reset(), seen.silent = "late"; }},
      {"fail:reach.tls", [](Seen seen) { seen.first->kind = HelloAnswer::Kind::plaintext; }},
      {"warn:protocol.modern", [](Seen seen) { seen.tls13 = {}; }},
      {"", [](Seen seen) { seen.tls12 = {}; }},
      {"fail:protocol.modern", [](Seen seen) { seen.oldest = seen.tls12, seen.tls12 = {}, seen.tls13 = {}; }},
      {"fail:protocol.old", [](Seen seen) { seen.old_versions = {WireVersion::tls10}; }},
      {"fail:cipher.broken", [](Seen seen) { seen.broken_ciphers = {"RSA_WITH_NULL_MD5"}; }},
      {"warn:cipher.forward_secrecy", [](Seen seen) { seen.static_ciphers = {"RSA_WITH_AES_128_GCM_SHA256"}; }},
      {"fail:cipher.finite_field", [](Seen seen) { seen.finite_field_bits = 1024; }},
      {"", [](Seen seen) { seen.finite_field_bits = 2048; }},
      {"fail:protocol.renegotiation", [](Seen seen) { seen.tls12.sighting.secure_renegotiation = false; }},
      {"fail:protocol.compression", [](Seen seen) { seen.compression = true; }},
      {"fail:certificate.chain", [this](Seen seen) { show(seen, {server.certificate}); }},
      {"fail:certificate.chain",
       [this](Seen seen) { show(seen, std::vector<x509::Certificate>(9, server.certificate)); }},
      {"warn:certificate.order",
       [this](Seen seen) {
         show(seen, {server.certificate, pki.web_root().certificate, pki.web_intermediate().certificate});
       }},
      {"warn:certificate.order",
       [this](Seen seen) {
         show(seen, {server.chain[0], server.chain[1], root});
       }},
      {"",
       [this](Seen seen) {
         show(seen, {server.chain[0], server.chain[1], pki.web_root().certificate});
       }},
      {"fail:certificate.trust",
       [this](Seen seen) { seen.anchors = std::make_shared<const trust::TrustSet>(pki.provider_trust()); }},
      {"fail:certificate.trust", [this](Seen seen) { show(seen, pki.server().self_signed().issue().chain); }},
      {"fail:certificate.name", [](Seen seen) { seen.host = "elsewhere.example"; }},
      {"fail:certificate.validity", [this](Seen seen) { show(seen, pki.server().expired().issue().chain); }},
      {"fail:certificate.validity", [this](Seen seen) { show(seen, pki.server().not_yet_valid().issue().chain); }},
      {"warn:certificate.validity",
       [this](Seen seen) {
         const auto day = std::chrono::hours(24);
         show(seen, pki.server().valid(pki.now() - 80 * day, pki.now() + 10 * day).issue().chain);
       }},
      {"",  // a certificate of six days
       [this](Seen seen) {
         const auto day = std::chrono::hours(24);
         show(seen, pki.server().valid(pki.now() - 3 * day, pki.now() + 3 * day).issue().chain);
       }},
      {"fail:certificate.strength", [this](Seen seen) { show(seen, pki.server().weak_key().issue().chain); }},
      {"fail:certificate.strength", [this](Seen seen) { show(seen, pki.server().weak_signature().issue().chain); }},
      {"fail:certificate.purpose",
       [this](Seen seen) { show(seen, pki.server().with_eku({std::string(x509::oid::kClientAuth)}).issue().chain); }},
      {"fail:certificate.staple",
       [](Seen seen) {
         seen.tls13.sighting.staple = {1, 2, 3};
       }},
      {"fail:client.asked", [](Seen seen) { seen.tls13.sighting.asked = seen.tls12.sighting.asked = false; }},
      {"fail:client.asked", [](Seen seen) { seen.tls12.sighting.asked = false; }},
      {"fail:client.names_our_ca", [](Seen seen) { seen.tls13.sighting.ca_names = {"another"}; }},
      {"", [](Seen seen) { seen.tls13.sighting.ca_names.clear(); }},
      {"warn:client.only_our_ca",
       [](Seen seen) {
         seen.tls13.sighting.ca_names.emplace_back("another");
         seen.tls13.sighting.ca_texts.emplace_back("/CN=another");
       }},
      {"fail:client.accepts_ours", [](Seen seen) { seen.ours = answered(403); }},
      {"fail:client.accepts_ours", [](Seen seen) { seen.ours = alerted(); }},
      {"fail:client.accepts_next", [](Seen seen) { seen.next = alerted(); }},
      {"fail:client.accepts_next", [](Seen seen) { seen.next = answered(403); }},
      {"", [](Seen seen) { seen.next = {.end = Attempt::End::late}; }},
      {"", [](Seen seen) { seen.next.reset(), seen.next_ca = ""; }},
      {"warn:behaviour.answer", [](Seen seen) { seen.ours = answered(400); }},
      {"fail:client.accepts_ours", [](Seen seen) { seen.ours = answered(400), seen.ours->says_certificate = true; }},
      {"fail:refuse.no_certificate", [&](Seen seen) { impostor(seen, "refuse.no_certificate", answered(200)); }},
      {"fail:refuse.expired", [&](Seen seen) { impostor(seen, "refuse.expired", answered(404)); }},
      {"fail:refuse.expired", [&](Seen seen) { impostor(seen, "refuse.expired", answered(302)); }},
      {"", [&](Seen seen) { impostor(seen, "refuse.expired", answered(403)); }},
      {"", [&](Seen seen) { impostor(seen, "refuse.expired", {.end = Attempt::End::closed}); }},
      {"warn:refuse.expired", [&](Seen seen) { impostor(seen, "refuse.expired", {.end = Attempt::End::late}); }},
      {"fail:refuse.expired warn:behaviour.answer",  // the application's own words, the same that the provider gets
       [&](Seen seen) { seen.ours = answered(400), impostor(seen, "refuse.expired", answered(400)); }},
      {"fail:behaviour.answer", [](Seen seen) { seen.ours = answered(301); }},
      {"warn:behaviour.answer", [](Seen seen) { seen.ours = answered(502); }},
      {"warn:behaviour.answer", [](Seen seen) { seen.ours = answered(404), seen.error_status = 404; }},
      {"", [](Seen seen) { seen.ours = answered(204); }},
      {"fail:behaviour.answer", [](Seen seen) { seen.ours->end = Attempt::End::unclear; }},
      {"fail:behaviour.latency",
       [](Seen seen) { seen.warm_requests[3] = seen.warm_requests[4] = std::chrono::milliseconds(201); }},
      {"", [](Seen seen) { seen.warm_requests[3] = std::chrono::milliseconds(199); }},
      {"warn:behaviour.latency", [](Seen seen) { seen.warm_requests.assign(50, std::chrono::milliseconds(120)); }},
      {"warn:behaviour.new_connection", [](Seen seen) { seen.handshakes = {std::chrono::milliseconds(300)}; }},
      {"warn:behaviour.keep_alive", [](Seen seen) { seen.connections = 100; }},
      {"", [](Seen seen) { seen.connections = 2; }},
      {"fail:behaviour.resumption", [](Seen seen) { seen.resumptions[1].resumed = true; }},
      {"", [](Seen seen) { seen.resumptions[1].handed_out = true; }},
  };
  std::set<std::string> found;
  for (const auto& row : rows) {
    Observations seen = right();
    row.change(seen);
    EXPECT_EQ(found_in(seen), row.found);
    if (*row.found != '\0') found.insert(std::string(row.found).substr(5));
  }
  for (const Check& check : checks())
    EXPECT_TRUE(found.contains(std::string(check.name)) || check.name.starts_with("refuse.")) << check.name;
}

TEST_F(JudgeTest, WhatWasNotTriedHasNotPassed) {
  Observations seen = right();
  seen.has_own = false;
  seen.ours.reset();
  seen.own_ca_names.clear();
  seen.warm_requests.clear();
  seen.cold_requests.clear();
  seen.handshakes.clear();
  seen.resumptions.clear();
  seen.impostors = {};
  const Report report = judge(seen, "https://localhost/");
  EXPECT_EQ(found_in(seen), "");
  for (const Finding& finding : report.findings) {
    const bool needs_credential = finding.id.starts_with("refuse.") || finding.id.starts_with("behaviour.") ||
                                  (finding.id.starts_with("client.") && finding.id != "client.asked");
    EXPECT_EQ(finding.severity, needs_credential ? Severity::not_tried : Severity::pass) << finding.id;
    EXPECT_EQ(finding.remedy.empty(), !needs_credential) << finding.id;
  }
}

TEST_F(JudgeTest, WhatNobodyAnsweredWasNotRefused) {
  Observations seen = right();
  seen.unanswered = "the server was not ready before the deadline";
  const Report report = judge(seen, "https://localhost/");
  EXPECT_EQ(found_in(seen), "");
  EXPECT_EQ(report.count(Severity::not_tried), 4U);  // old versions, both kinds of ciphers, compression
  seen.old_versions = {WireVersion::tls10};
  EXPECT_EQ(found_in(seen), "fail:protocol.old");
}

TEST_F(JudgeTest, AnswersThatDecideNothingAreNotInTime) {
  Observations seen = right();
  const auto latency_of = [&] {
    const Report report = judge(seen, "https://localhost/");
    return *std::ranges::find(report.findings, std::string("behaviour.latency"), &Finding::id);
  };
  EXPECT_EQ(latency_of().severity, Severity::pass);
  seen.error_status = 400;
  EXPECT_EQ(latency_of().severity, Severity::not_tried);
  EXPECT_NE(latency_of().evidence.find("HTTP 400"), std::string::npos);
  EXPECT_EQ(latency_of().remedy, "mend behaviour.answer first");
  seen.warm_requests.assign(99, std::chrono::milliseconds(201));
  EXPECT_EQ(latency_of().severity, Severity::fail) << "not even saying no is in time";
}

/// A finding says what is so, not what should be: "FAIL" and "is let in" side by side mislead.
TEST_F(JudgeTest, ATitleDoesNotContradictItsMark) {
  for (const Check& check : checks()) {
    EXPECT_FALSE(fault(check.name).empty()) << check.name;
    EXPECT_NE(fault(check.name), check.title);
  }
  EXPECT_EQ(fault("certificate.colour"), "");
  Observations seen = right();
  const auto title_of = [&](const char* id) {
    const Report report = judge(seen, "https://localhost/");
    return std::ranges::find(report.findings, std::string(id), &Finding::id)->title;
  };
  EXPECT_EQ(title_of("client.accepts_ours"), "The provider's certificate is let in");
  seen.ours = alerted();
  EXPECT_EQ(title_of("client.accepts_ours"), "The provider's certificate is not let in");
  seen.ours.reset();
  seen.has_own = false;
  EXPECT_EQ(title_of("client.accepts_ours"), "The provider's certificate is let in") << "what would have been tried";
}

/// Each reason has its own remedy, from the table of reasons, for somebody who runs a server.
TEST_F(JudgeTest, ACertificateThatIsNotBelievedHasTheReasonsRemedy) {
  Observations seen = right();
  show(seen, pki.server().self_signed().issue().chain);
  const Report report = judge(seen, "https://localhost/");
  const auto found = std::ranges::find(report.findings, std::string("certificate.trust"), &Finding::id);
  EXPECT_TRUE(found->evidence.starts_with("self_signed: ")) << found->evidence;
  EXPECT_EQ(found->remedy, trust::explanation(trust::Reason::self_signed).remedy(trust::Party::server));
}

TEST_F(JudgeTest, WhatIsListedIsListedWhole) {
  Observations seen = right();
  for (int i = 0; i < 8; ++i) {
    seen.tls13.sighting.ca_names.push_back("stranger " + std::to_string(i));
    seen.tls13.sighting.ca_texts.push_back("CN=Stranger " + std::to_string(i));
  }
  const Report report = judge(seen, "https://localhost/");
  const auto found = std::ranges::find(report.findings, std::string("client.only_our_ca"), &Finding::id);
  EXPECT_EQ(found->listed.size(), 8U);
  EXPECT_TRUE(found->evidence.ends_with("CN=Stranger 5 and 2 more")) << found->evidence;
}

TEST_F(JudgeTest, WhoeverRefusesEverybodyProvesNothing) {
  Observations seen = right();
  seen.ours = alerted();
  for (const Finding& finding : judge(seen, "https://localhost/").findings) {
    const bool refuses = finding.id.starts_with("refuse.");
    EXPECT_TRUE(!refuses || finding.severity == Severity::not_tried) << finding.id;
  }
}

TEST_F(JudgeTest, TheMissingIntermediateIsNamed) {
  Observations seen = right();
  show(seen, {server.certificate});
  const Report report = judge(seen, "https://localhost/");
  const auto chain = std::ranges::find(report.findings, "certificate.chain", &Finding::id);
  EXPECT_NE(chain->evidence.find(pki.web_intermediate().certificate.subject().text), std::string::npos)
      << chain->evidence;
}

TEST(Figures, AreReckonedAndSaid) {
  using base::Duration;
  EXPECT_EQ(in_milliseconds(Duration(43)), "0.04 ms");
  EXPECT_EQ(in_milliseconds(Duration(1'096)), "1.10 ms");
  EXPECT_EQ(in_milliseconds(Duration(200'000)), "200.00 ms");
  std::vector<Duration> sample;
  for (int i = 100; i > 0; --i)
    sample.emplace_back(i);
  EXPECT_EQ(percentile(sample, 50), Duration(50));
  EXPECT_EQ(percentile(sample, 99), Duration(99));
  EXPECT_EQ(percentile({Duration(7)}, 99), Duration(7));
  EXPECT_EQ(listed({"a", "b"}), "a, b");
  EXPECT_EQ(listed({"1", "2", "3", "4", "5", "6", "7", "8"}), "1, 2, 3, 4, 5, 6 and 2 more");
}

TEST(Checks, AreNamedOnceAndHintsBelongToThem) {
  std::set<std::string_view> names;
  for (const Check& check : checks()) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_FALSE(check.remedy.empty() || check.why.empty() || check.title.empty()) << check.name;
  }
  EXPECT_EQ(hint("behaviour.resumption", ServerKind::nginx), "ssl_session_tickets off; ssl_session_cache off;");
  EXPECT_EQ(hint("behaviour.resumption", ServerKind::unknown), "");
}

/// What is missing, and who can bring it, as whoever asks can.
TEST_F(JudgeTest, TellsEachAskerWhatItCanDo) {
  const auto bare = [&](Asker asker) {
    Observations seen = right();
    seen.asker = asker;
    seen.has_own = false;
    seen.ours = seen.next = std::nullopt;
    seen.next_ca.clear();
    seen.impostors.clear();
    seen.own_ca_names.clear();
    seen.warm_requests.clear();
    seen.cold_requests.clear();
    seen.unanswered = "nothing came";
    return judge(seen, "https://localhost/");
  };
  struct Row {
    Asker asker;
    const char* evidence;
    const char* remedy;
  };
  for (const Row& row :
       {Row{Asker::command, "there is no certificate of the provider to show", "--cert FILE"},
        Row{Asker::authority, "there is no certificate of the provider to show", "operators have to give"},
        Row{Asker::unconfirmed, "an operator has not confirmed this server yet", "ehi-servers confirm"},
        Row{Asker::unproven, "does not prove to be this host", "mend certificate.chain"}}) {
    const Report report = bare(row.asker);
    const auto accepts = std::ranges::find(report.findings, std::string("client.accepts_ours"), &Finding::id);
    EXPECT_EQ(accepts->severity, Severity::not_tried);
    EXPECT_NE(accepts->evidence.find(row.evidence), std::string::npos) << accepts->evidence;
    EXPECT_NE(accepts->remedy.find(row.remedy), std::string::npos) << accepts->remedy;
    EXPECT_GT(report.count(Severity::not_tried), 10U);
    if (row.asker == Asker::command) continue;
    for (const Finding& finding : report.findings)
      if (finding.severity == Severity::not_tried) {
        EXPECT_EQ(finding.remedy.find("give --"), std::string::npos) << finding.id << ": " << finding.remedy;
        EXPECT_EQ(finding.remedy.find("--patience"), std::string::npos) << finding.id << ": " << finding.remedy;
      }
  }
}

}  // namespace
}  // namespace countersign::check
