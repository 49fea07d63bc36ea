// Reports, throw-away certificates, and what an answer says of its server.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/files.h"
#include "check/attempts.h"
#include "check/impostors.h"
#include "check/report.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/pki.h"
#include "trust/verdict.h"

namespace countersign::check {
namespace {

using testing::code_of;
using testing::Issued;
using testing::Pki;

Report sample() {
  return {
      .url = "https://host.example/<x>",
      .at = testing::kPkiNow,
      .server = ServerKind::nginx,
      .findings = {{"reach.connect", Severity::pass, "It is there", "yes", ""},
                   {"protocol.old", Severity::fail, "Old ones are refused", "\"<script>\" & 'TLS 1.0'", "Mend <it>"},
                   {"refuse.expired", Severity::not_tried, "Refused: expired", "no file", "give one"},
                   {"behaviour.latency", Severity::warn, "In time", "p99 120 ms", "Be faster"}}};
}

TEST(Report, AsTextIsAlignedAndCounts) {
  EXPECT_EQ(to_text(sample()),
            "https://host.example/<x>  2026-06-15T12:00:00Z  (nginx)\n\n"
            "Reaching it\n"
            "  pass       reach.connect      yes\n\n"
            "Protocol\n"
            "  FAIL       protocol.old       \"<script>\" & 'TLS 1.0'\n"
            "                                -> Mend <it>\n\n"
            "Ciphers\n\nIts certificate\n\nAsking for the provider's certificate\n\n"
            "Refusing everybody else\n"
            "  not tried  refuse.expired     no file\n"
            "                                -> give one\n\n"
            "Behaviour\n"
            "  warn       behaviour.latency  p99 120 ms\n"
            "                                -> Be faster\n\n"
            "1 failed, 1 to look at, 1 passed, 1 not tried\n");
}

TEST(Report, BreaksLongRemediesBetweenWords) {
  Report report = sample();
  report.findings = {{"a", Severity::fail, "", "x", std::string(20, 'a')}, {"reach.tls", Severity::fail, "", "x", ""}};
  for (int i = 0; i < 30; ++i)
    report.findings[1].remedy += "word ";
  report.findings[1].remedy += std::string(200, 'b');  // a word is never broken
  const std::string text = to_text(report);
  EXPECT_NE(text.find("                        -> word word"), std::string::npos) << text;
  EXPECT_NE(text.find("\n                        word word"), std::string::npos) << text;
  EXPECT_NE(text.find("\n                        " + std::string(200, 'b') + "\n"), std::string::npos) << text;
}

TEST(Report, AsJsonHasItsDocumentedShape) {
  const base::json::object json = to_json(sample());
  EXPECT_EQ(json.at("verdict"), "fail");
  EXPECT_EQ(base::json::serialize(json.at("counts")), R"({"fail":1,"warn":1,"pass":1,"not_tried":1})");
  EXPECT_EQ(base::json::serialize(json.at("findings").as_array().at(2)),
            R"({"id":"refuse.expired","severity":"not_tried","title":"Refused: expired","evidence":"no file",)"
            R"("remedy":"give one"})");
  Report good = sample();
  std::erase_if(good.findings, [](const Finding& finding) { return finding.severity == Severity::fail; });
  EXPECT_EQ(to_json(good).at("verdict"), "pass");
}

TEST(Report, AsHtmlCannotBeWrittenIntoByTheServer) {
  const std::string html = to_html(sample());
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<x>"), std::string::npos);
  EXPECT_NE(html.find("&quot;&lt;script&gt;&quot; &amp; &#39;TLS 1.0&#39;"), std::string::npos);
  EXPECT_NE(html.find("Mend &lt;it&gt;"), std::string::npos);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(html.find("width=device-width"), std::string::npos);
}

TEST(Plain, IsOneLineOfAscii) {
  EXPECT_EQ(plain("a\x1b[2J\nb\xc3\xa9"), "a?[2J?b??");
  EXPECT_EQ(plain("abcdef", 3), "abc...");
}

TEST(ThrowAways, HaveTheGenuineNamesAndAreNotBelieved) {
  Pki pki;
  Issued issued = pki.ehi().issue();
  const x509::Certificate genuine = issued.certificate;
  const tls::Credential own{std::move(issued.chain), std::move(issued.key)};
  const std::vector<x509::Certificate> trust_chain{pki.provider_root().certificate};
  const trust::TrustSet trust = pki.provider_trust();
  const trust::Policy policy{.purposes = {trust::Purpose::ehi}};
  EXPECT_TRUE(trust::verify_chain(own.chain, policy, trust, pki.now()));
  const auto made = make_throw_aways(own, trust_chain);
  EXPECT_EQ(made.size(), 6U);
  for (const ThrowAway& one : made) {
    ASSERT_TRUE(one.credential) << one.check << ": " << one.credential.error().detail;
    const x509::Certificate& leaf = one.credential->chain.front();
    EXPECT_EQ(leaf.subject().der, genuine.subject().der) << one.check;
    EXPECT_EQ(leaf.subject_alt_names().uris, genuine.subject_alt_names().uris) << one.check;
    EXPECT_EQ(one.credential->key.public_key().spki_sha256(), leaf.public_key().spki_sha256()) << one.check;
    const bool proof_alone = one.check == "refuse.without_key";  // its chain is genuine: only the proof can tell
    EXPECT_EQ(trust::verify_chain(one.credential->chain, policy, trust, pki.now()).has_value(), proof_alone)
        << one.check;
  }
}

TEST(ThrowAways, OfARootThatIsNotKnownAreNotMade) {
  Pki pki;
  Issued issued = pki.ehi().issue();
  const tls::Credential own{std::move(issued.chain), std::move(issued.key)};
  for (const ThrowAway& one : make_throw_aways(own, {}))
    EXPECT_EQ(one.credential.has_value(), one.check != "refuse.look_alike_root") << one.check;
}

TEST(TestCredentials, AreReadByTheirNames) {
  Pki pki;
  const testing::Folder folder;
  EXPECT_EQ(code_of(load_test_credentials(folder.path())), "check.test_credentials");
  const Issued late = pki.ehi().expired().issue();
  const auto write = [&](const char* name, std::string_view text) {
    ASSERT_TRUE(base::write_file(folder / name, text, base::FileMode::owner_only));
  };
  write("expired.pem", x509::to_pem(late.chain));
  EXPECT_EQ(code_of(load_test_credentials(folder.path())), "file.not_found");  // its key
  write("expired.key", late.key.to_pem()->reveal_text());
  const auto found = load_test_credentials(folder.path());
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().check, "refuse.expired");
  write("signing.pem", x509::to_pem(late.chain));
  write("signing.key", pki.ehi().issue().key.to_pem()->reveal_text());
  EXPECT_EQ(code_of(load_test_credentials(folder.path())), "credential.mismatch");
}

TEST(Recognise, GoesByWhatServersSayOfThemselves) {
  const auto kind = [](std::initializer_list<http::Field> fields, std::string body = "") {
    http::Response response;
    response.body = std::move(body);
    for (const http::Field& field : fields)
      response.fields.add(field.name, field.value);
    return recognise(response, ServerKind::unknown);
  };
  EXPECT_EQ(kind({{"Server", "nginx/1.22.1"}}), ServerKind::nginx);
  EXPECT_EQ(kind({{"Server", "Apache/2.4.62 (Debian)"}}), ServerKind::httpd);
  EXPECT_EQ(kind({}, "<h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n"), ServerKind::haproxy);
  EXPECT_EQ(kind({{"Keep-Alive", "timeout=5"}}), ServerKind::node);
  EXPECT_EQ(kind({{"Server", "Jetty"}, {"Keep-Alive", "timeout=5"}}), ServerKind::unknown);
}

TEST(Accepted, IsAnAnswerThatIsNoRefusal) {
  const auto accepted = [](int status) {
    return is_accepted(Attempt{.end = Attempt::End::answered, .status = status});
  };
  EXPECT_TRUE(accepted(200));
  EXPECT_TRUE(accepted(400));
  EXPECT_FALSE(accepted(403));
  EXPECT_FALSE(accepted(496));
  EXPECT_FALSE(is_accepted(std::nullopt));
  EXPECT_FALSE(is_accepted(Attempt{.end = Attempt::End::alert}));
}

}  // namespace
}  // namespace countersign::check
