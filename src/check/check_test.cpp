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

TEST(Report, IsReadAgainFromItsJson) {
  const base::json::object json = to_json(sample());
  const auto report = parse_report(json);
  ASSERT_TRUE(report);
  EXPECT_EQ(to_text(*report), to_text(sample()));
  base::json::object later = json;
  later["findings"].as_array().push_back(base::json::object{
      {"id", "quantum.safe"}, {"severity", "unheard_of"}, {"title", ""}, {"evidence", ""}, {"remedy", ""}});
  EXPECT_EQ(parse_report(later)->findings.size(), sample().findings.size());
  base::json::object hostile = json;
  hostile["findings"].as_array()[0].as_object()["evidence"] = "a\x1b[2J";
  EXPECT_EQ(parse_report(hostile)->findings[0].evidence, "a?[2J") << "it does not steer the terminal";
  base::json::object torn = json;
  torn["findings"].as_array()[0].as_object().erase("remedy");
  EXPECT_EQ(code_of(parse_report(torn)), "json.missing");
  EXPECT_FALSE(parse_report({}));
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
  const std::string html = to_html(sample(), {});
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<x>"), std::string::npos);
  EXPECT_NE(html.find("&quot;&lt;script&gt;&quot; &amp; &#39;TLS 1.0&#39;"), std::string::npos);
  EXPECT_NE(html.find("Mend &lt;it&gt;"), std::string::npos);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(html.find("width=device-width"), std::string::npos);
}

/// Where `part` stands in `text`; a failure where it does not.
std::size_t place(const std::string& text, std::string_view part) {
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part << "\n" << text;
  return at;
}

TEST(Letter, BeginsWithTheVerdictAndWhatIsToBeMended) {
  Report report = sample();
  report.provider = "Example & Payments";
  const std::string html = to_html(report, {});
  const std::string_view order[] = {"Go-live check of https:/<wbr>/<wbr>host.example/<wbr>",
                                    "By <strong>Example &amp; Payments</strong>",
                                    "Not ready: 1 check failed, and 1 check found something to look at.",
                                    "<h2>To mend</h2>",
                                    "id=\"protocol.old\"",
                                    "<h2>To look at</h2>",
                                    "id=\"behaviour.latency\"",
                                    "<h2>Reaching it</h2>",
                                    "id=\"reach.connect\"",
                                    "id=\"refuse.expired\""};
  for (std::size_t i = 1; i < std::size(order); ++i)
    EXPECT_LT(place(html, order[i - 1]), place(html, order[i])) << order[i];
  EXPECT_EQ(html.find("<h2>Behaviour</h2>"), std::string::npos) << "nothing is left of it";
  std::erase_if(report.findings, [](const Finding& one) { return one.severity == Severity::fail; });
  place(to_html(report, {}), "Nothing failed; 1 check found something to look at.");
  std::erase_if(report.findings, [](const Finding& one) { return one.severity == Severity::warn; });
  place(to_html(report, {}), "Ready, as far as it was looked at: nothing failed.");
}

TEST(Letter, SaysNothingThatOnlyTheProviderCanDo) {
  Report report = sample();
  report.findings[2].remedy = "give --test-credentials DIR with expired.pem; docs/check-ehi.md says how";
  std::string html = to_html(report, {});
  EXPECT_EQ(html.find("--test-credentials"), std::string::npos) << html;
  EXPECT_EQ(html.find("docs/"), std::string::npos) << html;
  report.findings[2].remedy = "mend protocol.old first";
  report.findings[1].remedy = "Admit one subject (docs/partner-servers.md).";
  html = to_html(report, {});
  place(html, "To have it tried: mend <a href=\"#protocol.old\">protocol.old</a> first");
  place(html, "(the provider&#39;s guide &ldquo;partner-servers&rdquo;).");
  html = to_html(report, {.guides = "https://docs.example/a\"b"});
  place(html, "(<a href=\"https://docs.example/a&quot;b/partner-servers.md\">the guide partner-servers</a>).");
}

TEST(Letter, MakesAListOfWhatIsListed) {
  Report report = sample();
  report.findings[0].evidence = "named: CN=A, CN=A <B>";
  report.findings[0].listed = {"CN=A", "CN=A <B>"};
  place(to_html(report, {}), "<p>named:</p><ul><li>CN=A</li><li>CN=A &lt;B&gt;</li></ul>");
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
