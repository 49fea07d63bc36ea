// Both doors over real TLS on loopback: who gets in, who may do what, and what bad input is told.
#include "authority/service.h"

#include <functional>
#include <future>

#include "authority/fixture_test.h"
#include "authority/revocation.h"
#include "http/client.h"
#include "testing/ca.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using base::json::object;
using trust::Purpose;

net::Deadline soon() { return net::Deadline::after(std::chrono::seconds(20)); }

struct Ask {
  std::string method = "GET";
  std::string target;
  std::string body = {};
  std::vector<http::Field> fields = {};
};

/// An authority with both doors open, and clients of every kind.
class Doors : public ::testing::Test {
 protected:
  struct Connection {
    std::unique_ptr<net::Stream> stream;
    std::unique_ptr<http::Client> client;
  };

  void SetUp() override {
    EstablishedData::shared().copy_to(folder_ / "authority");
    Settings settings;
    settings.provider = "Example Payments";
    settings.data = folder_ / "authority";
    settings.api = settings.internal = {"127.0.0.1", 0};
    settings.server_names = {"localhost", "127.0.0.1"};
    settings.certificate_life = kDay * 350;
    auto opened = Authority::open(settings, EstablishedData::shared().passphrase(),
                                  {clock, random_, log.log(), observer_, bell_});
    ASSERT_TRUE(opened) << base::to_string(opened.error());
    authority_ = std::move(*opened);
    worker_ = std::make_unique<net::Worker>();
    auto made = Service::make(settings, {*authority_, loop, *worker_, log.log()}, bell_);
    ASSERT_TRUE(made) << base::to_string(made.error());
    service_ = std::move(*made);
    service_->start();
    admin_ = feed::load(operator_files(authority_->folder())).value();
    ASSERT_TRUE(authority_->directory().create_organisation(admin_actor(), slug("acme"), "Acme"));
    ASSERT_TRUE(
        authority_->directory().create_application(admin_actor(), {identity("production:acme:payments"), "", {}}));
  }
  void TearDown() override {
    service_.reset();
    worker_.reset();
  }

  static Actor admin_actor() { return authority::admin(); }
  Authority& authority() { return *authority_; }
  Service& service() { return *service_; }
  std::string changes_path(const std::string& query) const {
    return "/v1/feed/changes?feed=" + authority_->feed_id() + "&" + query;
  }
  net::Worker& worker() { return *worker_; }
  testing::RawSqlite raw() const { return testing::RawSqlite(authority_->folder().registry()); }
  static std::string testing_csr() {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    return x509::Csr::make_pem(key, {"", "", ""}).value();
  }
  const tls::Credential* admin() const { return &*admin_; }

  /// A certificate in the ordinary way, with its key.
  tls::Credential credential(std::string_view urn_end, Purpose purpose) {
    auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const auto code = authority().enrolment().create_code(admin_actor(), {identity(urn_end), {purpose}});
    const std::string csr = x509::Csr::make_pem(key, {"", "", ""}).value();
    const auto issued = authority().enrolment().redeem({code->code.text().reveal_text(), purpose, csr});
    EXPECT_TRUE(issued) << base::to_string(issued.error());
    return {{issued->certificate, issued->issuer->certificate}, std::move(key)};
  }

  net::Task<base::Result<Connection>> connect(net::Endpoint to, const tls::Credential* own) {
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    if (!socket) co_return base::unexpected(socket.error());
    auto context = tls::ClientContext::make(own);
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      const trust::Policy policy{.purposes = {Purpose::server}, .server_name = "localhost"};
      return trust::verify_chain(presented, policy, authority_->trust(), clock.now());
    };
    auto made = co_await tls::Handshake::connect(std::move(*socket), *context, "localhost", std::move(judge), soon());
    if (!made) co_return base::unexpected(made.error().error);
    http::ClientOptions options;
    options.host = "localhost";
    auto client = std::make_unique<http::Client>(*made->stream, std::move(options));
    co_return Connection{std::move(made->stream), std::move(client)};
  }

  static net::Task<base::Result<http::Response>> send(Connection& connection, Ask ask) {
    http::Request request;
    request.head.method = std::move(ask.method);
    request.head.target = std::move(ask.target);
    for (http::Field& field : ask.fields)
      request.head.fields.add(std::move(field.name), std::move(field.value));
    request.body = std::move(ask.body);
    co_return co_await connection.client->send(std::move(request), soon());
  }

  net::Task<base::Result<http::Response>> ask_once(net::Endpoint to, const tls::Credential* own, Ask ask) {
    auto connection = co_await connect(std::move(to), own);
    if (!connection) co_return base::unexpected(connection.error());
    co_return co_await send(*connection, std::move(ask));
  }

  base::Result<http::Response> api(const tls::Credential* own, Ask ask) {
    return testing::run(loop, ask_once(service_->api_at(), own, std::move(ask)));
  }
  base::Result<http::Response> internal(const tls::Credential* own, Ask ask) {
    return testing::run(loop, ask_once(service_->internal_at(), own, std::move(ask)));
  }

  /// "200", "403 caller.none", or the code of what went wrong before there was an answer.
  static std::string outcome(const base::Result<http::Response>& response) {
    if (!response) return response.error().code;
    std::string text = std::to_string(response->status);
    if (response->status < 400) return text;
    const auto json = base::parse_json(response->body);
    return json ? text + " " + std::string(json->at("code").as_string()) : text;
  }
  static object json_of(const base::Result<http::Response>& response) {
    EXPECT_TRUE(response) << base::to_string(response.error());
    return base::parse_json(response->body)->as_object();
  }
  static std::string member(const object& json, const char* name) { return std::string(json.at(name).as_string()); }
  bool has_logged(const std::string& part) const {
    const auto lines = log.lines();
    return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  testing::FakeClock clock{kNow};
  testing::KeptLog log;
  net::Loop loop;

 private:
  testing::Folder folder_;
  testing::SeededRandom random_{21};
  NoObserver observer_;
  FeedBell bell_{loop};
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<net::Worker> worker_;
  std::unique_ptr<Service> service_;
  std::optional<tls::Credential> admin_;
};

TEST_F(Doors, LetOnlyOperatorsAdministrate) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto partner = credential("production:acme:payments", Purpose::transport);
  const std::string new_organisation = R"({"id":"globex","name":"Globex"})";
  const std::string paths[] = {"/v1/organisations", "/v1/applications", "/v1/certificates", "/v1/audit"};
  for (const std::string& path : paths) {
    EXPECT_EQ(outcome(api(nullptr, {.target = path})), "403 caller.none") << path;
    EXPECT_EQ(outcome(api(&gateway, {.target = path})), "403 caller.not_operator") << path;
    EXPECT_EQ(outcome(api(&partner, {.target = path})), "tls.alert_received") << path;
    EXPECT_EQ(outcome(api(admin(), {.target = path})), "200") << path;
  }
  EXPECT_TRUE(has_logged("\"reason\":\"wrong_purpose\""));
  EXPECT_EQ(outcome(api(nullptr, {"POST", "/v1/organisations", new_organisation})), "403 caller.none");
  EXPECT_EQ(outcome(api(nullptr, {"POST",
                                  "/v1/organisations",
                                  new_organisation,
                                  {{"X-Countersign-Application", "admin"}, {"Client-Cert", ":AAAA:"}}})),
            "403 caller.none");
  EXPECT_EQ(
      outcome(api(admin(), {"POST", "/v1/organisations", new_organisation, {{"Origin", "https://evil.example"}}})),
      "403 api.cross_site");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/organisations", new_organisation})), "201");
}

TEST_F(Doors, ServeTheWholePathToACertificate) {
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/organisations", R"({"id":"globex","name":"Globex"})"})), "201");
  const std::string application = R"({"environment":"uat","organisation":"globex","application":"cards"})";
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/applications", application})), "201");
  const object code =
      json_of(api(admin(), {"POST", "/v1/applications/uat/globex/cards/enrolment-codes", R"({"life":"1h"})"}));
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const object order{
      {"code", code.at("code")}, {"purpose", "transport"}, {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()}};
  const auto response = api(nullptr, {"POST", "/v1/enrolments", base::json::serialize(order)});
  ASSERT_EQ(outcome(response), "201");
  const object issued = json_of(response);
  EXPECT_EQ(member(issued, "urn"), "urn:countersign:uat:globex:cards");
  EXPECT_EQ(member(issued, "not_after"), base::to_rfc3339(kNow + kDay * 350));
  const auto text = [&](const char* name) { return member(issued, name); };
  const auto leaf = x509::Certificate::one_from(text("certificate"));
  const auto issuer = x509::Certificate::one_from(text("chain"));
  const auto root = x509::Certificate::one_from(text("root"));
  EXPECT_TRUE(leaf->is_signed_by(issuer->public_key()) && issuer->is_signed_by(root->public_key()));

  const object shown = json_of(api(admin(), {.target = "/v1/certificates/" + text("serial")}));
  EXPECT_EQ(member(shown, "certificate"), text("certificate"));
  EXPECT_EQ(member(shown, "status"), "valid");
  const object revoked =
      json_of(api(admin(), {"POST", "/v1/certificates/" + text("serial") + "/revoke", R"({"reason":"superseded"})"}));
  EXPECT_EQ(member(revoked, "status"), "revoked");
  EXPECT_EQ(member(revoked, "revoked_for"), "superseded");
  const object list = json_of(api(admin(), {.target = "/v1/certificates?organisation=globex&status=revoked"}));
  EXPECT_EQ(list.at("certificates").as_array().size(), 1U);
  const object none = json_of(api(admin(), {.target = "/v1/certificates?organisation=globex&status=valid"}));
  EXPECT_TRUE(none.at("certificates").as_array().empty());
}

TEST_F(Doors, ListAndCancelCodes) {
  const std::string path = "/v1/applications/production/acme/payments/enrolment-codes";
  ASSERT_EQ(outcome(api(admin(), {"POST", path, R"({"purposes":["transport"]})"})), "201");
  const object list = json_of(api(admin(), {.target = path}));
  ASSERT_EQ(list.at("enrolment_codes").as_array().size(), 1U);
  const object& code = list.at("enrolment_codes").as_array()[0].as_object();
  EXPECT_EQ(code.at("purposes").as_array().size(), 1U);
  EXPECT_TRUE(code.at("redeemed").as_array().empty());
  EXPECT_FALSE(code.contains("cancelled"));
  const std::string cancel = path + "/" + member(code, "digest") + "/cancel";
  EXPECT_EQ(outcome(api(nullptr, {"POST", cancel})), "403 caller.none");
  EXPECT_TRUE(json_of(api(admin(), {"POST", cancel})).contains("cancelled"));
  EXPECT_EQ(outcome(api(admin(), {"POST", path + "/0123456789abcdef/cancel"})), "404 enrolment_code.unknown");
}

TEST_F(Doors, TellBadInputWhatIsWrong) {
  const std::string csr =
      x509::Csr::make_pem(crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value(), {"", "", ""}).value();
  const auto enrolment = [&](const std::string& code, const std::string& purpose, const std::string& request) {
    return base::json::serialize(object{{"code", code}, {"purpose", purpose}, {"csr", request}});
  };
  const auto code = authority().enrolment().create_code(admin_actor(), {identity("production:acme:payments"), {}});
  const std::string good(code->code.text().reveal_text());
  struct Row {
    const char* name;
    Ask ask;
    const char* outcome;
  };
  const std::string application_path = "/v1/applications/production/acme/payments";
  const Row rows[] = {
      {"no such path", {.target = "/v1/nothing"}, "404 api.no_such_path"},
      {"method", {"DELETE", "/v1/organisations"}, "405 api.method_not_allowed"},
      {"no JSON", {"POST", "/v1/organisations", "{"}, "400 json.syntax"},
      {"no object", {"POST", "/v1/organisations", "[]"}, "400 json.type"},
      {"missing member", {"POST", "/v1/organisations", R"({"id":"x"})"}, "400 json.missing"},
      {"unknown member", {"POST", "/v1/organisations", R"({"id":"x","name":"X","a":1})"}, "400 json.unknown_member"},
      {"bad slug", {"POST", "/v1/organisations", R"({"id":"Ac me","name":"X"})"}, "400 slug.invalid"},
      {"duplicate", {"POST", "/v1/organisations", R"({"id":"acme","name":"X"})"}, "409 organisation.exists"},
      {"unknown organisation", {"POST", "/v1/organisations/nobody/suspend"}, "404 organisation.unknown"},
      {"unknown environment", {"POST", "/v1/applications/test/acme/payments/suspend"}, "400 environment.unknown"},
      {"unknown application", {"POST", "/v1/applications/uat/acme/payments/suspend"}, "404 application.unknown"},
      {"bad life", {"POST", application_path + "/enrolment-codes", R"({"life":"soon"})"}, "400 config.duration"},
      {"bad purpose",
       {"POST", application_path + "/enrolment-codes", R"({"purposes":["all"]})"},
       "400 purpose.unknown"},
      {"bad serial", {.target = "/v1/certificates/xyz"}, "400 serial.invalid"},
      {"unknown serial", {.target = "/v1/certificates/0123"}, "404 certificate.unknown"},
      {"bad reason", {"POST", "/v1/certificates/0123/revoke", R"({"reason":"because"})"}, "400 reason.unknown"},
      {"bad limit", {.target = "/v1/certificates?limit=0"}, "400 query.invalid"},
      {"bad status", {.target = "/v1/certificates?status=fine"}, "400 query.invalid"},
      {"bad chain", {.target = "/v1/trust-chain?of=me"}, "400 root.unknown"},
      {"unknown code", {"POST", "/v1/enrolments", enrolment("cse_no", "transport", csr)}, "403 code.unknown"},
      {"other purpose", {"POST", "/v1/enrolments", enrolment(good, "server", csr)}, "403 code.other_purpose"},
      {"CSR cut off",
       {"POST", "/v1/enrolments", enrolment(good, "transport", csr.substr(0, 200))},
       "400 csr.malformed"},
      {"CSR too large",
       {"POST", "/v1/enrolments", enrolment(good, "transport", std::string(100'000, 'A'))},
       "413 csr.too_large"},
      {"RSA-1024",
       {"POST", "/v1/enrolments",
        enrolment(good, "transport", x509::Csr::make_pem(testing::make_weak_key(), {"", "", ""}).value())},
       "400 key.weak"},
      {"good after all", {"POST", "/v1/enrolments", enrolment(good, "transport", csr)}, "201"},
      {"used",
       {"POST", "/v1/enrolments",
        enrolment(
            good, "transport",
            x509::Csr::make_pem(crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value(), {"", "", ""})
                .value())},
       "409 code.used"},
  };
  for (const Row& row : rows) {
    const auto response = api(admin(), row.ask);
    EXPECT_EQ(outcome(response), row.outcome) << row.name;
    if (response && response->status >= 400) {
      EXPECT_EQ(response->fields.find("Content-Type"), "application/problem+json") << row.name;
    }
  }
  const auto large = api(nullptr, {"POST", "/v1/enrolments", std::string(10 * 1024 * 1024, 'A')});
  EXPECT_TRUE(outcome(large) == "413 http.body_too_large" || outcome(large) == "net.reset") << outcome(large);
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200") << "the service goes on";
}

TEST(Places, AreSharedByTheListeners) {
  struct Row {
    std::size_t files;
    std::size_t each;
  };
  for (const Row& row : {Row{1'048'576, kConnectionLimit}, Row{1024, 480}, Row{64, 1}, Row{0, 1}})
    EXPECT_EQ(connections_within(row.files), row.each) << row.files;
}

TEST_F(Doors, KeepPlacesForWhoShowsACertificate) {
  std::vector<Connection> anonymous;
  for (std::size_t i = 0; i < kAnonymousLimit; ++i) {
    auto connection = testing::run(loop, connect(service().api_at(), nullptr));
    ASSERT_TRUE(connection) << i;
    anonymous.push_back(std::move(*connection));
  }
  EXPECT_EQ(outcome(testing::run(loop, send(anonymous.back(), {.target = "/v1/health"}))), "200");
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "net.reset") << "their places are taken";
  EXPECT_EQ(outcome(api(admin(), {.target = "/v1/health"})), "200") << "an operator's is not";
  EXPECT_TRUE(has_logged(R"("event":"listener.full")"));
  anonymous.pop_back();
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200") << "one has left";
}

TEST_F(Doors, LeaveOneRecordOfEachRefusedCall) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto lines_with = [this](const std::string& part) {
    const auto lines = log.lines();
    return std::ranges::count_if(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  };
  const std::string event = R"("event":"api.refused")";
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200");
  EXPECT_EQ(lines_with(event), 0);
  EXPECT_EQ(outcome(api(&gateway, {"POST", "/v1/organisations", "{}"})), "403 caller.not_operator");
  EXPECT_EQ(lines_with(event + R"(,"code":"caller.not_operator","status":403,"method":"POST",)" +
                       R"("route":"/v1/organisations","listener":"api","address":"127.0.0.1:)"),
            1);
  EXPECT_EQ(lines_with(R"("caller":"urn:countersign:internal:service:gateway","count":1)"), 1);
  const std::string code = "cse_something-that-was-guessed";
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(code))).substr(0, 8);
  const std::string body = base::json::serialize(object{{"code", code}, {"purpose", "transport"}, {"csr", ""}});
  EXPECT_EQ(outcome(api(nullptr, {"POST", "/v1/enrolments", body})), "403 code.unknown");
  EXPECT_EQ(lines_with(R"("caller":"none","count":2,"enrolment_code":")" + digest + "\""), 1);
  EXPECT_FALSE(has_logged("was-guessed"));
  EXPECT_EQ(outcome(internal(&gateway, {.target = "/v1/nothing"})), "404 api.no_such_path");
  EXPECT_EQ(lines_with(event), 3);
}

TEST_F(Doors, GiveTheTrustChains) {
  for (const auto& [of, certificates] : {std::pair{"", 4U}, {"?of=provider", 4U}, {"?of=partner", 5U}}) {
    const auto response = api(nullptr, {.target = std::string("/v1/trust-chain") + of});
    ASSERT_EQ(outcome(response), "200");
    EXPECT_EQ(response->fields.find("Content-Type"), "application/x-pem-file");
    const auto chain = x509::Certificate::all_from_pem(response->body);
    ASSERT_EQ(chain->size(), certificates) << of;
    EXPECT_TRUE(chain->front().is_self_issued());
  }
}

/// Two calls on one connection, with something in between.
net::Task<std::pair<base::Result<http::Response>, base::Result<http::Response>>> call_twice(
    http::Client& client, http::Request request, std::function<void()> between) {
  auto first = co_await client.send(request, soon());
  between();
  auto second = co_await client.send(request, soon());
  co_return std::pair(std::move(first), std::move(second));
}

TEST_F(Doors, CloseAtOnceForWhoIsNoLongerAdmitted) {
  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("internal:operator:alice"), "", {}}));
  struct Row {
    const char* name;
    std::function<void(const tls::Credential&)> change;
    std::string after;  ///< empty: the connection was cut
    const char* record;
  };
  const Row rows[] = {
      {"nothing happens", [](const tls::Credential&) {}, "200", ""},
      {"revoked",
       [this](const tls::Credential& alice) {
         EXPECT_TRUE(revoke(authority().ledger(), admin_actor(), alice.chain.front().serial(), "affiliation_changed"));
       },
       "", R"("event":"connection.cut","reason":"revoked")"},
      {"suspended",
       [this](const tls::Credential&) {
         EXPECT_TRUE(authority().directory().suspend_application(admin_actor(), identity("internal:operator:alice")));
         EXPECT_TRUE(authority().directory().resume_application(admin_actor(), identity("internal:operator:alice")));
         EXPECT_TRUE(authority().directory().suspend_application(admin_actor(), identity("internal:operator:alice")));
       },
       "", R"("event":"connection.cut","reason":"suspended")"},
      {"expired", [this](const tls::Credential&) { clock.advance(kDay * 351); }, "403 caller.refused",
       R"("event":"tls.refused","reason":"expired")"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto resumed = authority().directory().resume_application(admin_actor(), identity("internal:operator:alice"));
    const auto alice = credential("internal:operator:alice", Purpose::service);
    auto connection = testing::run(loop, connect(service().api_at(), &alice));
    ASSERT_TRUE(connection);
    http::Request request;
    request.head.method = "GET";
    request.head.target = "/v1/organisations";
    const std::function<void()> change = [&] { row.change(alice); };
    const auto [before, after] = testing::run(loop, call_twice(*connection->client, request, change));
    EXPECT_EQ(outcome(before), "200");
    if (row.after.empty()) EXPECT_FALSE(after);
    else EXPECT_EQ(outcome(after), row.after);
    EXPECT_TRUE(has_logged(row.record));
    if (!row.after.empty()) continue;
    EXPECT_EQ(outcome(api(&alice, {.target = "/v1/organisations"})), "tls.alert_received");
  }
}

/// Polls, and has something done while the poll waits.
struct Poll {
  base::Result<http::Response> answer = base::fail(base::Kind::internal, "test.pending", "");
  bool done = false;
};

net::Task<void> poll(http::Client& client, std::string target, Poll& into) {
  http::Request request;
  request.head.method = "GET";
  request.head.target = std::move(target);
  into.answer = co_await client.send(std::move(request), soon());
  into.done = true;
}

net::Task<void> post(http::Client& client, std::string target, std::string body, Poll& into) {
  http::Request request;
  request.head.method = "POST";
  request.head.target = std::move(target);
  request.body = std::move(body);
  into.answer = co_await client.send(std::move(request), soon());
  into.done = true;
}

net::Task<void> wait_for(net::Loop&, Poll& poll) {
  while (!poll.done)
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
}

/// Keeps the worker busy until `release`, then has `act` done: what waits behind it finds another world.
net::Task<void> hold_up(net::Loop& loop, net::Worker& worker, std::future<void>& release, std::function<void()> act) {
  std::function<void()> job = [&release, act = std::move(act)] {
    release.wait();
    act();
  };
  co_await worker.run(loop, std::move(job));
}

net::Task<void> wait_for_queue(net::Worker& worker, std::size_t jobs) {
  while (worker.waiting() < jobs)
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
}

net::Task<void> wait_until_idle(net::Worker& worker) {
  while (worker.waiting() > 0)
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
}

TEST_F(Doors, DoNothingForWhoWasRevokedWhileTheCallWaited) {
  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("internal:operator:alice"), "", {}}));
  struct Row {
    const char* name;
    bool revoked;
    std::string organisations;
    std::string certificates;  ///< of the gateway
  };
  for (const Row& row : {Row{"nothing happens", false, "1", "2"}, Row{"revoked", true, "0", "1"}}) {
    SCOPED_TRACE(row.name);
    const auto alice = credential("internal:operator:alice", Purpose::service);
    const auto gateway = credential("internal:service:gateway", Purpose::service);
    auto as_operator = testing::run(loop, connect(service().api_at(), &alice));
    auto as_gateway = testing::run(loop, connect(service().internal_at(), &gateway));
    ASSERT_TRUE(as_operator && as_gateway);
    std::promise<void> release;
    auto released = release.get_future();
    net::spawn(loop,
               hold_up(loop, worker(), released,
                       [&] {
                         if (!row.revoked) return;
                         for (const tls::Credential* caller : {&alice, &gateway})
                           EXPECT_TRUE(revoke(authority().ledger(), admin_actor(), caller->chain.front().serial(),
                                              "superseded"));
                       }),
               "hold_up", log.log());
    const std::string id = row.revoked ? "revoked" : "living";
    const object order{{"purpose", "service"}, {"csr", testing_csr()}};
    Poll creation;
    Poll renewal;
    net::spawn(loop, post(*as_operator->client, "/v1/organisations", R"({"id":")" + id + R"(","name":"X"})", creation),
               "creation", log.log());
    net::spawn(loop, post(*as_gateway->client, "/v1/renewals", base::json::serialize(order), renewal), "renewal",
               log.log());
    testing::run(loop, wait_for_queue(worker(), 2));
    release.set_value();
    testing::run(loop, wait_for(loop, creation));
    testing::run(loop, wait_for(loop, renewal));
    EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM organisations WHERE id = '" + id + "'"), row.organisations);
    const std::string since = base::to_hex(gateway.chain.front().fingerprint());
    EXPECT_EQ(
        raw().ask("SELECT COUNT(*) FROM certificates WHERE application = 'gateway' AND rowid >= (SELECT rowid FROM"
                  " certificates WHERE fingerprint = '" +
                  since + "')"),
        row.certificates);
  }
}

TEST_F(Doors, KeepTheAuthorityAndAnOperator) {
  const std::string application = "/v1/applications/internal/";
  const auto revoke_call = [](const x509::Certificate& certificate) {
    return Ask{"POST", "/v1/certificates/" + certificate.serial().hex() + "/revoke", R"({"reason":"superseded"})"};
  };
  const auto server = feed::load(server_files(authority().folder())).value();
  const auto& own = admin()->chain.front();
  EXPECT_EQ(outcome(api(admin(), {"POST", application + "service/authority/suspend"})), "409 application.authority");
  EXPECT_EQ(outcome(api(admin(), revoke_call(server.chain.front()))), "409 certificate.in_use");
  EXPECT_EQ(outcome(api(admin(), revoke_call(own))), "409 operator.last");

  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("internal:operator:alice"), "", {}}));
  EXPECT_EQ(outcome(api(admin(), revoke_call(own))), "409 operator.last") << "alice has no certificate yet";
  const auto alice = credential("internal:operator:alice", Purpose::service);
  EXPECT_EQ(outcome(api(admin(), {"POST", application + "operator/alice/suspend"})), "200");
  EXPECT_EQ(outcome(api(admin(), revoke_call(own))), "409 operator.last") << "alice could not get in";
  EXPECT_EQ(outcome(api(admin(), {"POST", application + "operator/alice/resume"})), "200");
  EXPECT_EQ(outcome(api(&alice, revoke_call(own))), "200");
  EXPECT_EQ(outcome(api(&alice, revoke_call(alice.chain.front()))), "409 operator.last");
}

TEST_F(Doors, SayWhenTooMuchWaits) {
  std::promise<void> release;
  auto released = release.get_future();
  for (std::size_t i = 0; i < kWaitingCalls + 1; ++i)
    net::spawn(loop, hold_up(loop, worker(), released, [] {}), "hold_up", log.log());
  testing::run(loop, wait_for_queue(worker(), kWaitingCalls));
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "503 authority.busy");
  release.set_value();
  testing::run(loop, wait_until_idle(worker()));
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200");
}

TEST_F(Doors, StayOpenForEverybodyElse) {
  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("internal:operator:alice"), "", {}}));
  const auto alice = credential("internal:operator:alice", Purpose::service);
  auto connection = testing::run(loop, connect(service().api_at(), admin()));
  ASSERT_TRUE(connection);
  http::Request request;
  request.head.method = "GET";
  request.head.target = "/v1/organisations";
  const std::function<void()> revoke_alice = [&] {
    EXPECT_TRUE(revoke(authority().ledger(), admin_actor(), alice.chain.front().serial(), "superseded"));
  };
  const auto [before, after] = testing::run(loop, call_twice(*connection->client, request, revoke_alice));
  EXPECT_EQ(outcome(before), "200");
  EXPECT_EQ(outcome(after), "200");
}

TEST_F(Doors, KeepTheInternalOneForThePlatform) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto ehi = credential("production:provider:ehi", Purpose::ehi);
  const auto partner = credential("production:acme:payments", Purpose::transport);
  struct Row {
    const char* name;
    const tls::Credential* own;
    const char* snapshot;
  };
  for (const Row& row : {Row{"nobody", nullptr, "tls.alert_received"}, Row{"a partner", &partner, "tls.alert_received"},
                         Row{"the sender's face to partners", &ehi, "403 caller.not_service"},
                         Row{"an operator", admin(), "403 caller.not_service"}, Row{"the gateway", &gateway, "200"}}) {
    EXPECT_EQ(outcome(internal(row.own, {.target = "/v1/feed/snapshot"})), row.snapshot) << row.name;
    EXPECT_EQ(outcome(internal(row.own, {.target = changes_path("after=0")})), row.snapshot) << row.name;
  }
  EXPECT_EQ(outcome(internal(&gateway, {.target = "/v1/organisations"})), "404 api.no_such_path");
  const auto snapshot = feed::parse_snapshot(internal(&gateway, {.target = "/v1/feed/snapshot"})->body);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->facts.size(), 9U + 5U);  // CAs; server, admin, gateway, ehi, partner
  const std::string newest = std::to_string(snapshot->sequence);
  EXPECT_EQ(outcome(internal(&gateway, {.target = changes_path("after=" + newest)})), "200");
  EXPECT_EQ(outcome(internal(&gateway, {.target = changes_path("after=999999")})), "410 feed.gone");
  EXPECT_EQ(outcome(internal(&gateway, {.target = "/v1/feed/changes"})), "400 query.invalid");
  EXPECT_EQ(outcome(internal(&gateway, {.target = "/v1/feed/changes?after=-1"})), "400 query.invalid");
}

TEST_F(Doors, RenewForTheCallersOwnIdentity) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto ehi = credential("production:provider:ehi", Purpose::ehi);
  struct Row {
    const char* name;
    const tls::Credential* own;
    const char* purpose;
    const char* outcome;
    const char* urn;
  };
  for (const Row& row : {Row{"service", &gateway, "service", "201", "urn:countersign:internal:service:gateway"},
                         Row{"server", &gateway, "server", "201", "urn:countersign:internal:service:gateway"},
                         Row{"ehi", &ehi, "ehi", "201", "urn:countersign:production:provider:ehi"},
                         Row{"ehi as service", &ehi, "service", "403 purpose.not_allowed", ""},
                         Row{"service as transport", &gateway, "transport", "403 purpose.not_allowed", ""}}) {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const object order{{"purpose", row.purpose}, {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()}};
    const auto response = internal(row.own, {"POST", "/v1/renewals", base::json::serialize(order)});
    ASSERT_EQ(outcome(response), row.outcome) << row.name;
    if (response->status == 201) {
      EXPECT_EQ(member(json_of(response), "urn"), row.urn) << row.name;
    }
  }
}

TEST_F(Doors, AnswerALongPollAtOnce) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto partner = credential("production:acme:payments", Purpose::transport);
  const auto start = take_snapshot(authority().ledger(), authority().hierarchy());
  auto connection = testing::run(loop, connect(service().internal_at(), &gateway));
  ASSERT_TRUE(connection);
  Poll waiting;
  const auto began = std::chrono::steady_clock::now();
  net::spawn(loop, poll(*connection->client, changes_path("wait=30&after=" + std::to_string(start->sequence)), waiting),
             "poll", log.log());
  const std::string path = "/v1/certificates/" + partner.chain.front().serial().hex() + "/revoke";
  EXPECT_EQ(outcome(api(admin(), {"POST", path, R"({"reason":"key_compromise"})"})), "200");
  testing::run(loop, wait_for(loop, waiting));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  ASSERT_EQ(outcome(waiting.answer), "200");
  const auto changes = feed::parse_changes(waiting.answer->body, start->sequence);
  ASSERT_EQ(changes->changes.size(), 1U);
  EXPECT_EQ(std::get<trust::CertificateFact>(changes->changes.front().fact).revoked_for, "key_compromise");
}

TEST_F(Doors, TellTheRevokedNoMoreNews) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto start = take_snapshot(authority().ledger(), authority().hierarchy());
  auto connection = testing::run(loop, connect(service().internal_at(), &gateway));
  ASSERT_TRUE(connection);
  Poll waiting;
  net::spawn(loop, poll(*connection->client, changes_path("wait=30&after=" + std::to_string(start->sequence)), waiting),
             "poll", log.log());
  const std::string path = "/v1/certificates/" + gateway.chain.front().serial().hex() + "/revoke";
  EXPECT_EQ(outcome(api(admin(), {"POST", path, R"({"reason":"key_compromise"})"})), "200");
  testing::run(loop, wait_for(loop, waiting));
  EXPECT_FALSE(waiting.answer) << waiting.answer->body;
  EXPECT_TRUE(has_logged(R"("event":"connection.cut","reason":"revoked")"));
}

TEST_F(Doors, DrainWithoutLosingWhoWaits) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto start = take_snapshot(authority().ledger(), authority().hierarchy());
  auto busy = testing::run(loop, connect(service().internal_at(), &gateway));
  auto idle = testing::run(loop, connect(service().api_at(), admin()));
  ASSERT_TRUE(busy && idle);
  EXPECT_EQ(outcome(testing::run(loop, send(*idle, {.target = "/v1/health"}))), "200");
  Poll waiting;
  net::spawn(loop, poll(*busy->client, changes_path("wait=30&after=" + std::to_string(start->sequence)), waiting),
             "poll", log.log());
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200");
  const auto began = std::chrono::steady_clock::now();
  testing::run(loop, service().drain());
  EXPECT_LT(std::chrono::steady_clock::now() - began, kDrainTime);
  testing::run(loop, wait_for(loop, waiting));
  EXPECT_EQ(outcome(waiting.answer), "200");
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "net.connect");
}

}  // namespace
}  // namespace countersign::authority
