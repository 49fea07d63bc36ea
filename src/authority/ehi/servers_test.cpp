// Partners' servers in the registry, and checks from the asking to what became of them.
#include "authority/ehi/servers.h"

#include <algorithm>

#include "authority/ehi/checks.h"
#include "authority/ehi/outages.h"
#include "authority/fixture_test.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using base::Environment;
using testing::code_of;

constexpr const char* kUrl = "https://host.acme.example/decide";

class EhiServersTest : public AuthorityTest {
 protected:
  EhiServers servers() { return EhiServers(office().ledger, random); }
  EhiChecks checks() { return EhiChecks(office().ledger, office().hierarchy); }
  base::Result<store::EhiServerRow> add(const std::string& url, Environment environment = Environment::production,
                                        const char* organisation = "acme",
                                        EhiWord word = EhiWord::of_the_organisation) {
    return servers().add(admin(), {slug(organisation), environment, url, word});
  }
  void add_globex() { ASSERT_TRUE(office().directory.create_organisation(admin(), slug("globex"), "Globex")); }
  static std::string host(std::size_t number) { return "https://host" + std::to_string(number) + ".acme.example/"; }
  std::string stored_reports() { return raw().ask("SELECT COUNT(*) FROM ehi_servers WHERE check_report IS NOT NULL"); }
  std::string id() { return add(kUrl)->id; }
  std::string ask(const std::string& server, const char* organisation = "acme") {
    return code_of(servers().ask_for_check(admin(), slug(organisation), server));
  }
  BegunCheck begin() {
    auto begun = checks().begin();
    EXPECT_TRUE(begun && *begun);
    return std::move(**begun);
  }
  bool nothing_waits() { return !checks().begin().value(); }
  EhiServers::Known known(const std::string& server) { return servers().find(slug("acme"), server).value(); }
  std::string audited(const std::string& action) {
    return raw().ask("SELECT COUNT(*) FROM audit WHERE action = '" + action + "'");
  }
  static check::Report report(check::Severity severity) {
    return {.url = kUrl, .at = kNow, .findings = {{"reach.connect", severity, "It is there", "seen", ""}}};
  }
};

TEST_F(EhiServersTest, AreAddedWithChecks) {
  struct Row {
    const char* name;
    std::string url;
    Environment environment;
    const char* organisation;
    const char* code;
  };
  const Row rows[] = {
      {"good", kUrl, Environment::production, "acme", "ok"},
      {"again", kUrl, Environment::production, "acme", "ehi_server.exists"},
      {"in the other environment", kUrl, Environment::uat, "acme", "ok"},
      {"inside", kUrl, Environment::internal, "acme", "ehi_server.environment"},
      {"in clear", "http://host.acme.example/decide", Environment::uat, "acme", "ehi_server.url"},
      {"no URL", "host.acme.example", Environment::uat, "acme", "ehi_server.url"},
      {"with a name and password", "https://a:b@host.acme.example/", Environment::uat, "acme", "ehi_server.url"},
      {"too long", "https://host.acme.example/" + std::string(1024, 'a'), Environment::uat, "acme", "ehi_server.url"},
      {"of nobody", kUrl, Environment::uat, "globex", "organisation.unknown"},
      {"of the platform", kUrl, Environment::uat, "provider", "organisation.reserved"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(code_of(add(row.url, row.environment, row.organisation)), row.code) << row.name;
  EXPECT_EQ(servers().list(slug("acme"))->size(), 2U);
  EXPECT_EQ(servers().list_all(std::nullopt, 10)->rows.size(), 2U);
  EXPECT_EQ(code_of(servers().list(slug("globex"))), "organisation.unknown");
  EXPECT_EQ(audited("ehi_server.added"), "2");
}

TEST_F(EhiServersTest, AreNotWithoutNumber) {
  for (std::size_t i = 0; i < kEhiServerLimit; ++i)
    ASSERT_EQ(code_of(add(kUrl + std::to_string(i))), "ok");
  EXPECT_EQ(code_of(add(kUrl)), "ehi_server.too_many");
  const auto remove_one = [&] {
    const std::string one = servers().list(slug("acme"))->front().id;
    ASSERT_TRUE(servers().remove(admin(), slug("acme"), one));
  };
  remove_one();
  EXPECT_EQ(code_of(add(kUrl)), "ok");
  for (auto added = static_cast<std::int64_t>(kEhiServerLimit) + 1; added < kEhiServersADay; ++added) {
    remove_one();
    ASSERT_EQ(code_of(add(kUrl + std::to_string(100 + added))), "ok");
  }
  remove_one();
  EXPECT_EQ(code_of(add(kUrl)), "ehi_server.too_many") << "so many a day";
  clock.set(clock.now() + std::chrono::hours(24));
  EXPECT_EQ(code_of(add(kUrl)), "ok");
}

TEST_F(EhiServersTest, AreForgottenWhenTheyWereRemovedLongAgo) {
  const std::string server = id();
  EXPECT_EQ(ask(server), "ok");
  ASSERT_TRUE(checks().end(begin(), report(check::Severity::pass)));
  EXPECT_EQ(stored_reports(), "1");
  ASSERT_TRUE(servers().remove(admin(), slug("acme"), server));
  EXPECT_EQ(stored_reports(), "0");
  clock.set(clock.now() + kEhiServersRemembered);
  ASSERT_EQ(code_of(add(host(1))), "ok");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM ehi_servers"), "2");
  clock.set(clock.now() + std::chrono::seconds(1));
  ASSERT_EQ(code_of(add(host(2))), "ok");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM ehi_servers"), "2");
  EXPECT_EQ(servers().list(slug("acme"))->size(), 2U);
}

/// One that calls had failed at stands in nobody's way.
TEST_F(EhiServersTest, AreForgottenWithWhatCallsMetThere) {
  const std::string server = id();
  feed::EndpointReport report{Environment::production, slug("acme"), kUrl, "acme-cards", "decisions"};
  report.state = feed::EndpointState::refused;
  report.code = "ehi.refused";
  report.first = report.last = office().ledger.now();
  ASSERT_TRUE(note_endpoint_reports(office().ledger, "ehi", {report}));
  testing::KeptLog log;
  ASSERT_EQ(Outages({office().ledger, random, log.log(), true}).write().value_or(9), 1U);
  ASSERT_TRUE(servers().remove(admin(), slug("acme"), server));
  clock.set(clock.now() + kEhiServersRemembered + std::chrono::seconds(1));
  EXPECT_EQ(code_of(add(host(1))), "ok");
  for (const char* table : {"ehi_troubles", "ehi_outages"})
    EXPECT_EQ(raw().ask(std::string("SELECT COUNT(*) FROM ") + table), "0") << table;
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM ehi_servers"), "1");
}

TEST_F(EhiServersTest, AreListedPageByPage) {
  for (std::size_t i = 0; i < 5; ++i)
    ASSERT_EQ(code_of(add(host(i))), "ok");
  std::vector<std::string> urls;
  std::optional<store::EhiServerPlace> after;
  do {
    const auto page = servers().list_all(after, 2);
    ASSERT_TRUE(page);
    for (const store::EhiServerRow& row : page->rows)
      urls.push_back(row.url);
    after = page->end;
  } while (after);
  std::ranges::sort(urls);
  EXPECT_EQ(urls, (std::vector<std::string>{host(0), host(1), host(2), host(3), host(4)}));
}

/// Else one partner could have another's server called in the provider's name.
TEST_F(EhiServersTest, AreConfirmedByAnOperatorAlone) {
  const std::string by_operator = add("https://a.acme.example/", Environment::uat, "acme", EhiWord::of_an_operator)->id;
  EXPECT_TRUE(known(by_operator).row.confirmed_at);
  const std::string server = id();
  EXPECT_FALSE(known(server).row.confirmed_at);
  EXPECT_EQ(ask(server), "ok");
  EXPECT_FALSE(begin().server.confirmed_at);
  EXPECT_EQ(code_of(servers().confirm(admin(), slug("globex"), server)), "ehi_server.unknown");
  for (int i = 0; i < 2; ++i) {
    const auto confirmed = servers().confirm(admin(), slug("acme"), server);
    ASSERT_TRUE(confirmed);
    EXPECT_EQ(confirmed->confirmed_by, admin().name);
  }
  EXPECT_EQ(audited("ehi_server.confirmed"), "1");
  EXPECT_TRUE(known(server).row.confirmed_at);
  EXPECT_EQ(known(server).row.check_state, "running") << "untouched";
  ASSERT_TRUE(servers().remove(admin(), slug("acme"), server));
  EXPECT_FALSE(known(id()).row.confirmed_at) << "the same URL again";
}

TEST_F(EhiServersTest, AreOneOrganisationsAtEachAddress) {
  add_globex();
  ASSERT_EQ(code_of(add("https://host.acme.example:8443/a")), "ok");
  ASSERT_EQ(code_of(add("https://127.0.0.1/")), "ok");
  ASSERT_EQ(code_of(add("https://[2003::1]/")), "ok");
  const auto of_globex = [&](const std::string& url) { return code_of(add(url, Environment::uat, "globex")); };
  for (const char* taken : {"https://host.acme.example:8443/b", "https://HOST.acme.example:8443/", "https://127.1/",
                            "https://host.acme.example.:8443/", "https://0x7f000001:443/", "https://[2003:0::1]/"})
    EXPECT_EQ(of_globex(taken), "ehi_server.address") << taken;
  const auto refused = add("https://127.1/", Environment::uat, "globex");
  EXPECT_EQ(refused.error().detail.find("acme"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(of_globex("https://host.acme.example/"), "ok") << "another port";
  ASSERT_TRUE(servers().remove(admin(), slug("acme"), servers().list(slug("acme"))->front().id));
  EXPECT_EQ(servers().list(slug("acme"))->size(), 2U);
}

/// Another URL of that host, a row made anew, another environment: whoever is behind the address is left alone.
TEST_F(EhiServersTest, AreLeftAloneForAWhileByTheirAddress) {
  const std::string server = id();
  const std::string other = add("https://HOST.acme.example:443/other", Environment::uat)->id;
  EXPECT_EQ(ask(server), "ok");
  EXPECT_EQ(ask(other), "ehi_check.too_soon") << "that one waits";
  const BegunCheck begun = begin();
  EXPECT_EQ(ask(other), "ehi_check.too_soon") << "that one runs";
  ASSERT_TRUE(servers().remove(admin(), slug("acme"), server));
  EXPECT_EQ(ask(other), "ehi_check.too_soon") << "still";
  ASSERT_TRUE(checks().end(begun, report(check::Severity::pass)));
  EXPECT_EQ(stored_reports(), "0");
  EXPECT_EQ(ask(id()), "ehi_check.too_soon") << "made anew";
  clock.set(clock.now() + kEhiCheckPause - std::chrono::seconds(1));
  EXPECT_EQ(ask(other), "ehi_check.too_soon");
  EXPECT_EQ(ask(add("https://another.acme.example/")->id), "ok");
  clock.set(clock.now() + std::chrono::seconds(1));
  EXPECT_EQ(ask(other), "ok");
}

TEST_F(EhiServersTest, AreCheckedAgainAfterAClockThatWentBack) {
  const std::string server = id();
  EXPECT_EQ(ask(server), "ok");
  const BegunCheck lost = begin();
  reopen();
  clock.set(clock.now() - kEhiClocksApart);
  EXPECT_TRUE(nothing_waits());
  EXPECT_EQ(known(server).row.check_state, "running") << "another authority's clock may go before ours";
  clock.set(clock.now() - std::chrono::seconds(1));
  EXPECT_TRUE(nothing_waits());
  EXPECT_EQ(known(server).row.check_state, "failed");
  ASSERT_TRUE(checks().end(lost, report(check::Severity::pass)));
  EXPECT_EQ(known(server).row.check_state, "failed");
  EXPECT_NE(ask(server), "ehi_server.unknown");
}

TEST_F(EhiServersTest, AreSeenByNobodyElse) {
  add_globex();
  const std::string server = id();
  EXPECT_EQ(code_of(servers().find(slug("globex"), server)), "ehi_server.unknown");
  EXPECT_EQ(code_of(servers().remove(admin(), slug("globex"), server)), "ehi_server.unknown");
  EXPECT_EQ(ask(server, "globex"), "ehi_server.unknown");
  EXPECT_EQ(ask(server), "ok");
  ASSERT_TRUE(servers().remove(admin(), slug("acme"), server));
  EXPECT_EQ(code_of(servers().find(slug("acme"), server)), "ehi_server.unknown");
  EXPECT_EQ(ask(server), "ehi_server.unknown");
  EXPECT_TRUE(nothing_waits()) << "removed while it waited";
}

TEST_F(EhiServersTest, AreCheckedOnceForEachAsking) {
  const std::string server = id();
  EXPECT_TRUE(nothing_waits());
  EXPECT_EQ(ask(server), "ok");
  EXPECT_EQ(ask(server), "ok") << "while it waits that changes nothing";
  EXPECT_EQ(audited("ehi_check.asked"), "1");
  const BegunCheck begun = begin();
  EXPECT_EQ(begun.server.url, kUrl);
  EXPECT_EQ(begun.trust_chain.size(), office().hierarchy.trust_chain(Root::provider).size());
  EXPECT_TRUE(nothing_waits()) << "one at a time";
  EXPECT_EQ(ask(server), "ok");
  EXPECT_TRUE(nothing_waits());
  clock.set(clock.now() + std::chrono::seconds(40));
  ASSERT_TRUE(checks().end(begun, report(check::Severity::fail)));
  EXPECT_EQ(known(server).row.check_state, "ended");
  EXPECT_EQ(known(server).row.check_verdict, "fail");
  EXPECT_EQ(known(server).row.check_not_tried, 0);
  EXPECT_NE(known(server).report->find("reach.connect"), std::string::npos);
  const std::string detail = raw().ask("SELECT detail FROM audit WHERE action = 'ehi_check.ended'");
  EXPECT_NE(detail.find(R"("failed":["reach.connect"])"), std::string::npos) << detail;
  EXPECT_EQ(ask(server), "ehi_check.too_soon");
  clock.set(clock.now() + kEhiCheckPause);
  EXPECT_EQ(ask(server), "ok");
  check::Report report_of_little = report(check::Severity::warn);
  report_of_little.findings.push_back({"client.asked", check::Severity::not_tried, "It asks", "no", ""});
  ASSERT_TRUE(checks().end(begin(), report_of_little));
  EXPECT_EQ(known(server).row.check_verdict, "pass") << "a warning fails nobody";
  EXPECT_EQ(known(server).row.check_not_tried, 1) << "and that is said beside it";
}

TEST_F(EhiServersTest, AreCheckedAFewAtOnce) {
  std::vector<std::string> all;
  for (std::int64_t i = 0; i <= kEhiChecksOfOne; ++i)
    all.push_back(add(host(static_cast<std::size_t>(i)))->id);
  for (std::int64_t i = 0; i < kEhiChecksOfOne; ++i)
    EXPECT_EQ(ask(all[static_cast<std::size_t>(i)]), "ok");
  EXPECT_EQ(ask(all.back()), "ehi_check.too_many");
  ASSERT_TRUE(checks().end(begin(), report(check::Severity::pass)));
  EXPECT_EQ(ask(all.back()), "ok");
}

TEST_F(EhiServersTest, AreNotCheckedAgainByThemselvesWhenNobodyEndedIt) {
  const std::string server = id();
  EXPECT_EQ(ask(server), "ok");
  const BegunCheck lost = begin();
  reopen();
  clock.set(clock.now() + kEhiCheckGivenUp);
  EXPECT_TRUE(nothing_waits()) << "it may still be running";
  EXPECT_EQ(known(server).row.check_state, "running");
  clock.set(clock.now() + std::chrono::seconds(1));
  EXPECT_TRUE(nothing_waits());
  EXPECT_EQ(known(server).row.check_state, "failed");
  EXPECT_NE(known(server).row.check_error->find("ehi_check.given_up"), std::string::npos);
  ASSERT_TRUE(checks().end(lost, report(check::Severity::pass))) << "too late, and so without effect";
  EXPECT_EQ(known(server).row.check_state, "failed");
  EXPECT_FALSE(known(server).report);
}

TEST_F(EhiServersTest, KeepTheLastReportWhenACheckFails) {
  const std::string server = id();
  EXPECT_EQ(ask(server), "ok");
  ASSERT_TRUE(checks().end(begin(), report(check::Severity::pass)));
  clock.set(clock.now() + kEhiCheckPause);
  EXPECT_EQ(ask(server), "ok");
  ASSERT_TRUE(checks().end(begin(), base::fail(base::Kind::denied, "ehi_check.address", "inside")));
  EXPECT_EQ(known(server).row.check_state, "failed");
  EXPECT_EQ(known(server).row.check_error, "inside (ehi_check.address)");
  EXPECT_EQ(known(server).row.check_verdict, "pass") << "of the last one that ended";
  EXPECT_TRUE(known(server).report);
  clock.set(clock.now() + kEhiCheckPause);
  EXPECT_EQ(ask(server), "ok");
  check::Report huge = report(check::Severity::pass);
  huge.findings[0].evidence = std::string(kEhiReportLimit, 'x');
  ASSERT_TRUE(checks().end(begin(), huge));
  EXPECT_NE(known(server).row.check_error->find("ehi_check.report"), std::string::npos);
}

TEST_F(EhiServersTest, AreNotCheckedWhereTheAskingCannotBeAudited) {
  const std::string server = id();
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_NE(ask(server), "ok");
  EXPECT_TRUE(nothing_waits());
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(ask(server), "ok");
  EXPECT_FALSE(nothing_waits());
}

}  // namespace
}  // namespace countersign::authority
