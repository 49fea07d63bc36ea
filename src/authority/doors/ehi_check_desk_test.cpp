// Checks of partners' servers from the asking at the door to the report: in the background, and not into our own
// network.
#include "authority/doors/ehi_check_desk.h"

#include "authority/doors/doors_test.h"
#include "authority/ehi/servers.h"
#include "base/files.h"
#include "net/socket.h"
#include "testing/pki.h"

namespace countersign::authority {
namespace {

class EhiCheckDeskTest : public Doors {
 protected:
  void SetUp() override {
    Doors::SetUp();
    testing::Pki pki;
    ASSERT_TRUE(base::write_file(folder_ / "roots.pem", pki.provider_root().certificate.to_pem(),
                                 base::FileMode::world_readable));
  }
  void open(courier::Reach reach) {
    EhiCheckSettings settings;
    settings.anchors = folder_ / "roots.pem";
    settings.addresses.reach = reach;
    desk_ = std::make_unique<EhiCheckDesk>(EhiCheckDesk::Parts{authority(), loop, worker(), log.log()}, settings);
    desk_->start();
  }
  void close() { desk_.reset(); }
  std::string ask_for(const std::string& url) {
    EhiServers servers(authority().ledger(), random_);
    const auto row = servers.add(admin_actor(), {slug("acme"), base::Environment::production, url});
    EXPECT_TRUE(row && servers.ask_for_check(admin_actor(), slug("acme"), row->id));
    return row ? row->id : "";
  }
  net::Task<object> until_over(std::string server) {
    object shown;
    std::string state;
    while (state != "ended" && state != "failed") {
      Ask ask{.target = "/v1/organisations/acme/ehi-servers/" + server};
      const auto response = co_await ask_once(service().api_at(), admin(), std::move(ask));
      if (!response) co_return object();
      shown = base::parse_json(response->body)->as_object();
      state = member(shown.at("check").as_object(), "state");
      const net::Deadline next = net::Deadline::after(std::chrono::milliseconds(100));
      co_await net::sleep_until(next);
    }
    co_return shown;
  }
  object wait_for(const std::string& server) { return testing::run(loop, until_over(server)); }

  testing::Folder folder_;
  testing::SeededRandom random_{7};
  std::unique_ptr<EhiCheckDesk> desk_;
};

TEST_F(EhiCheckDeskTest, ReportsWhatItSees) {
  // The authority's own listener is a TLS server by a CA that is not among the roots.
  const std::string url = "https://127.0.0.1:" + std::to_string(service().api_at().port) + "/v1/health";
  const std::string server = ask_for(url);
  open(courier::Reach::anywhere);
  const object shown = wait_for(server);
  ASSERT_TRUE(shown.contains("report")) << base::json::serialize(shown);
  EXPECT_EQ(member(shown.at("check").as_object(), "state"), "ended");
  EXPECT_EQ(member(shown, "verdict"), "fail");
  const auto& findings = shown.at("report").at("findings").as_array();
  EXPECT_EQ(findings.at(0).at("id"), "reach.connect");
  EXPECT_EQ(findings.at(0).at("severity"), "pass");
  EXPECT_TRUE(has_logged("danger.private_servers"));
  EXPECT_TRUE(has_logged("ehi_checks.ready"));
  close();
}

TEST_F(EhiCheckDeskTest, GoesNowhereInside) {
  const std::string port = std::to_string(service().api_at().port);
  std::vector<std::string> servers;
  for (const std::string host : {"127.0.0.1", "localhost", "[::1]"})
    servers.push_back(ask_for("https://" + host + ":" + port + "/"));
  open(courier::Reach::public_only);
  for (const std::string& server : servers) {
    const object shown = wait_for(server);
    const object& check = shown.at("check").as_object();
    EXPECT_EQ(member(check, "state"), "failed");
    EXPECT_NE(member(check, "error").find("ehi_check.address"), std::string::npos) << member(check, "error");
    EXPECT_FALSE(shown.contains("report"));
  }
  EXPECT_FALSE(has_logged("danger.private_servers"));
  close();
}

TEST_F(EhiCheckDeskTest, FindsThatANameLeadsNowhere) {
  const std::string server = ask_for("https://does-not-exist.invalid/");
  open(courier::Reach::public_only);
  const object shown = wait_for(server);
  EXPECT_EQ(member(shown, "verdict"), "fail") << base::json::serialize(shown);
  EXPECT_EQ(shown.at("report").at("findings").as_array().at(0).at("severity"), "fail");
  close();
}

/// A server that accepts and says nothing holds a thread of the desk, and nobody else; the desk can end meanwhile.
TEST_F(EhiCheckDeskTest, CanEndWhileAServerIsSilent) {
  auto silent = net::Listener::bind(loop, {.at = {"127.0.0.1", 0}}).value();
  const std::string server = ask_for("https://" + silent.local().to_string() + "/");
  open(courier::Reach::anywhere);
  const auto begun = [&] {
    EhiServers servers(authority().ledger(), random_);
    return servers.find(slug("acme"), server)->row.check_state == "running";
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!begun() && std::chrono::steady_clock::now() < end)
    EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200");
  EXPECT_TRUE(begun());
  const auto before = std::chrono::steady_clock::now();
  close();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3)) << "less than the server's patience";
}

class NoEhiChecks : public Doors {
 protected:
  void SetUp() override {
    ehi_checks.reset();
    Doors::SetUp();
  }
};

TEST_F(NoEhiChecks, AreSaidToBeOff) {
  testing::SeededRandom random(7);
  const auto row = EhiServers(authority().ledger(), random)
                       .add(admin_actor(), {slug("acme"), base::Environment::production, "https://acme.example/"});
  ASSERT_TRUE(row);
  const std::string target = "/v1/organisations/acme/ehi-servers/" + row->id + "/check";
  EXPECT_EQ(outcome(api(admin(), {.method = "POST", .target = target})), "409 ehi_check.off");
}

}  // namespace
}  // namespace countersign::authority
