// What the tests of the two doors share: an authority that listens on loopback, and clients of every kind.
#pragma once

#include <thread>

#include "authority/api/described_api_test.h"
#include "authority/doors/door_calls_test.h"
#include "authority/doors/responses_test.h"
#include "authority/doors/service.h"
#include "authority/fixture_test.h"
#include "testing/run.h"

namespace countersign::authority {

using base::json::object;
using trust::Purpose;

class Doors : public ::testing::Test, protected DoorCalls {
 protected:
  void SetUp() override {
    EstablishedData::shared().copy_to(folder_ / "authority");
    Settings settings;
    settings.provider = "Example Payments";
    settings.data = folder_ / "authority";
    settings.registry = testing::registry_at(DataFolder(settings.data).registry());
    settings.api = settings.internal = {"127.0.0.1", 0};
    settings.server_names = {"localhost", "127.0.0.1"};
    settings.policy = issuance_policy;
    settings.ehi_checks = ehi_checks;
    auto opened = Authority::open(settings, EstablishedData::shared().passphrase(),
                                  {clock, random_, log.log(), observer_, bell_});
    ASSERT_TRUE(opened) << base::to_string(opened.error());
    authority_ = std::move(*opened);
    worker_ = std::make_unique<net::Worker>();
    auto made = Service::make(settings, {*authority_, loop, *worker_, log.log()}, bell_, places);
    ASSERT_TRUE(made) << base::to_string(made.error());
    service_ = std::move(*made);
    service_->start();
    admin_ = feed::load(operator_files(authority_->folder())).value();
    ASSERT_TRUE(authority_->directory().create_organisation(admin_actor(), slug("acme"), "Acme"));
    ASSERT_TRUE(
        authority_->directory().create_application(admin_actor(), {identity("production:acme:payments"), "", {}}));
  }

  static Actor admin_actor() { return authority::admin(); }
  /// For the test's thread: that of the registry has nothing to do then, and gets nothing before `loop` runs again.
  Authority& authority() {
    if (std::this_thread::get_id() == thread_) testing::run(aside_, testing::wait_for_jobs(*worker_, aside_));
    return *authority_;
  }
  Service& service() { return *service_; }
  std::string changes_path(const std::string& query) const {
    return "/v1/feed/changes?feed=" + authority_->feed_id() + "&" + query;
  }
  net::Worker& worker() { return *worker_; }
  testing::RawRegistry raw() const { return testing::RawRegistry(authority_->folder().registry()); }
  const tls::Credential* admin() const { return &*admin_; }

  /// A certificate in the ordinary way, with its key.
  tls::Credential credential(std::string_view urn_end, Purpose purpose) {
    auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const auto code = authority().enrolment().create_code(admin_actor(), {identity(urn_end), {purpose}});
    const std::string csr = x509::Csr::make_pem(key, {"", "", ""}).value();
    const auto outcome = authority().enrolment().redeem({code->code.text().reveal_text(), purpose, csr});
    EXPECT_TRUE(outcome) << base::to_string(outcome.error());
    const auto& issued = std::get<Issued>(*outcome);
    return {{issued.certificate, issued.issuer->certificate}, std::move(key)};
  }

  net::Task<base::Result<Connection>> connect(net::Endpoint to, const tls::Credential* own) {
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      const trust::Policy policy{.purposes = {Purpose::server}, .server_name = "localhost"};
      return trust::verify_chain(presented, policy, *authority_->trust(), clock.now());
    };
    return DoorCalls::connect(loop, std::move(to), own, std::move(judge));
  }

  net::Task<base::Result<http::Response>> ask_once(net::Endpoint to, const tls::Credential* own, Ask ask) {
    auto connection = co_await connect(std::move(to), own);
    if (!connection) co_return base::unexpected(connection.error());
    co_return co_await send(*connection, std::move(ask));
  }

  /// One who calls the API often, and keeps the connection.
  struct Caller {
    const tls::Credential* own;
    std::optional<Connection> connection = std::nullopt;
  };
  net::Task<base::Result<http::Response>> ask_again(Caller& caller, Ask ask) {
    if (!caller.connection || !caller.connection->client->reusable()) {
      auto connection = co_await connect(service_->api_at(), caller.own);
      if (!connection) co_return base::unexpected(connection.error());
      caller.connection.emplace(std::move(*connection));
    }
    co_return co_await send(*caller.connection, std::move(ask));
  }

  /// What is asked and answered there must be as the OpenAPI document says.
  base::Result<http::Response> api(const tls::Credential* own, Ask ask) {
    Caller once{own};
    return api(once, std::move(ask));
  }
  base::Result<http::Response> api(Caller& caller, Ask ask) {
    auto response = testing::run(loop, ask_again(caller, ask));
    const std::string objections = response ? DescribedApi::served().objections(ask, *response) : "";
    EXPECT_TRUE(objections.empty()) << objections;
    return response;
  }
  base::Result<http::Response> internal(const tls::Credential* own, Ask ask) {
    return testing::run(loop, ask_once(service_->internal_at(), own, std::move(ask)));
  }

  bool has_logged(const std::string& part) const {
    const auto lines = log.lines();
    return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  IssuancePolicy issuance_policy{kDay * 350};                       ///< for SetUp()
  Places places;                                                    ///< for SetUp()
  std::optional<EhiCheckSettings> ehi_checks = EhiCheckSettings();  ///< for SetUp()
  testing::FakeClock clock{kNow};
  testing::KeptLog log;
  net::Loop loop;

 private:
  const std::thread::id thread_ = std::this_thread::get_id();
  testing::Folder folder_;
  testing::SeededRandom random_{21};
  NoObserver observer_;
  FeedBell bell_{loop};
  net::Loop aside_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<net::Worker> worker_;
  std::unique_ptr<Service> service_;
  std::optional<tls::Credential> admin_;
};

}  // namespace countersign::authority
