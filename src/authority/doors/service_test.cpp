// Both doors over real TLS on loopback: who gets in, who stays, and who waits for what.
#include "authority/doors/service.h"

#include <functional>
#include <future>

#include "authority/doors/doors_test.h"
#include "authority/revocation/revocation.h"

namespace countersign::authority {
namespace {

std::string testing_csr() {
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  return x509::Csr::make_pem(key, {"", "", ""}).value();
}

TEST(Places, AreSharedByTheListeners) {
  struct Row {
    std::size_t files;
    std::size_t each;
  };
  for (const Row& row : {Row{1'048'576, kConnectionLimit}, Row{1024, 320}, Row{64, 1}, Row{0, 1}})
    EXPECT_EQ(connections_within(row.files), row.each) << row.files;
}

class FewPlaces : public Doors {
 protected:
  void SetUp() override {
    places.anonymous = 3;
    Doors::SetUp();
  }
};

TEST_F(FewPlaces, KeepPlacesForWhoShowsACertificate) {
  std::vector<Connection> anonymous;
  for (std::size_t i = 0; i < places.anonymous; ++i) {
    auto connection = testing::run(loop, connect(service().api_at(), nullptr));
    ASSERT_TRUE(connection) << i;
    anonymous.push_back(std::move(*connection));
  }
  EXPECT_EQ(outcome(testing::run(loop, send(anonymous.back(), {.target = "/v1/health"}))), "200");
  EXPECT_TRUE(was_cut(api(nullptr, {.target = "/v1/health"}))) << "their places are taken";
  EXPECT_EQ(outcome(api(admin(), {.target = "/v1/health"})), "200") << "an operator's is not";
  EXPECT_TRUE(has_logged(R"("event":"listener.full")"));
  anonymous.pop_back();
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200") << "one has left";
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
  add_operator(authority().ledger(), "alice", {Role::administrator});
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
  add_operator(authority().ledger(), "alice", {Role::administrator});
  struct Row {
    const char* name;
    bool revoked;
    std::string organisations;
    int renewed;
  };
  for (const Row& row : {Row{"nothing happens", false, "1", 1}, Row{"revoked", true, "0", 0}}) {
    SCOPED_TRACE(row.name);
    const auto alice = credential("internal:operator:alice", Purpose::service);
    const auto gateway = credential("internal:service:gateway", Purpose::service);
    const auto count_of_gateway = [this] {
      return std::stoi(raw().ask("SELECT COUNT(*) FROM certificates WHERE application = 'gateway'"));
    };
    const int before = count_of_gateway();
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
    EXPECT_EQ(count_of_gateway() - before, row.renewed);
  }
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
  add_operator(authority().ledger(), "alice", {Role::administrator});
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
  EXPECT_EQ(snapshot->facts.size(), 10U + 5U);  // CAs; server, admin, gateway, ehi, partner
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
  const auto start = take_snapshot(authority().ledger());
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
  const auto start = take_snapshot(authority().ledger());
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
  const auto start = take_snapshot(authority().ledger());
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
