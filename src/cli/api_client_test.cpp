// The client against an authority of our own making, over real TLS: whom it believes, and what it keeps open.
#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "cli/first_contact.h"
#include "cli/remedy.h"
#include "http/problem.h"
#include "http/server.h"
#include "net/loop.h"
#include "testing/code_of.h"
#include "testing/pki.h"
#include "tls/handshake.h"

namespace countersign::cli {
namespace {

using testing::code_of;
using testing::Issued;
using testing::Pki;

class NoSink final : public base::LogSink {
 public:
  void write(std::string_view) override {}
};

net::Task<http::Response> answer(http::Request request, std::string trust_chain) {
  if (request.head.target == "/v1/trust-chain?of=provider") co_return http::json_response(200, trust_chain);
  if (request.head.target == "/conflict")
    co_return http::to_problem({base::Kind::conflict, "code.used", "used before"});
  if (request.head.target.starts_with("/wait/")) {
    http::Response pending = http::json_response(202, "{}");
    pending.fields.add("Retry-After", request.head.target.substr(6));
    co_return pending;
  }
  if (request.head.target == "/text") co_return http::json_response(200, "not JSON");
  co_return http::json_response(200, R"({"target":")" + request.head.target + R"("})");
}

/// Serves on a thread of its own until it dies; every client certificate is refused.
class FakeAuthority {
 public:
  FakeAuthority(Pki& pki, Issued certificate)
      : trust_chain_(pki.provider_root().certificate.to_pem()), log_({.program = "test"}, pki.clock(), sink_) {
    const tls::Credential credential{std::move(certificate.chain), std::move(certificate.key)};
    context_ = tls::ServerContext::make(credential, tls::ClientCertificate::optional, {}).value();
    net::Listener::Options options;
    options.at = {"127.0.0.1", 0};
    listener_.emplace(net::Listener::bind(loop_, options).value());
    net::spawn(loop_, accept_all(), "fake authority", log_);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~FakeAuthority() {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }

  net::Endpoint address() const { return listener_->local(); }
  int connections() const { return connections_; }

 private:
  net::Task<void> accept_all() {
    for (;;) {
      auto socket = co_await listener_->accept();
      if (!socket) co_return;
      net::spawn(loop_, serve(std::move(*socket)), "connection", log_);
    }
  }

  net::Task<void> serve(net::Socket socket) {
    tls::JudgeClient nobody =
        [](const trust::PresentedChain& presented) -> base::Result<trust::AdmittedChain, trust::Refusal> {
      return base::unexpected(trust::refuse(trust::Reason::unknown_issuer, presented.front(), 0, "nobody is known"));
    };
    const net::Deadline deadline = net::Deadline::after(std::chrono::seconds(20));
    auto connection =
        co_await tls::Handshake::accept_optional(std::move(socket), context_, std::move(nobody), deadline);
    if (!connection) co_return;
    ++connections_;
    const http::Handler handler = [this](http::Request request) { return answer(std::move(request), trust_chain_); };
    const http::ServerOptions options;
    co_await http::serve(*connection->stream, handler, options);
  }

  std::string trust_chain_;
  NoSink sink_;
  base::Log log_;
  std::shared_ptr<const tls::ServerContext> context_;
  net::Loop loop_;
  std::optional<net::Listener> listener_;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

class ApiClientTest : public ::testing::Test {
 protected:
  base::Result<base::json::object> call(const FakeAuthority& authority, std::string name,
                                        const tls::Credential* own = nullptr, const Door& door = kAuthorityDoor) {
    auto client = ApiClient::make({.authority = authority.address(),
                                   .trust = pki_.provider_trust(),
                                   .credential = own,
                                   .server_name = std::move(name),
                                   .door = door},
                                  context_);
    return client->get("/v1/health");
  }

  Pki pki_;
  NoSink sink_;
  base::Log log_{{.program = "test"}, pki_.clock(), sink_};
  std::ostringstream out_;
  std::ostringstream err_;
  Context context_{out_, err_, pki_.clock(), log_};
};

TEST_F(ApiClientTest, BelievesOnlyTheAuthorityByThatName) {
  struct Row {
    const char* row;
    Issued certificate;
    const char* called;
    const char* code;
  };
  Row rows[] = {
      {"genuine", pki_.internal_server("authority").issue(), "localhost", "ok"},
      {"other name", pki_.internal_server("authority").issue(), "authority.example", "authority.refused"},
      {"another server", pki_.internal_server("gateway").issue(), "localhost", "authority.another_server"},
      {"other CA", pki_.internal_server("authority").other_ca().issue(), "localhost", "authority.refused"},
      {"expired", pki_.internal_server("authority").expired().issue(), "localhost", "authority.refused"},
      {"self-signed", pki_.internal_server("authority").self_signed().issue(), "localhost", "authority.refused"},
      {"a partner's", pki_.client().with_dns({"localhost"}).issue(), "localhost", "authority.refused"},
      {"a public CA's", pki_.server("localhost").issue(), "localhost", "authority.refused"}};
  for (Row& row : rows) {
    FakeAuthority authority(pki_, std::move(row.certificate));
    const auto answer = call(authority, row.called);
    EXPECT_EQ(code_of(answer), row.code) << row.row;
    if (answer || answer.error().code != "authority.refused") continue;
    const base::Error* why = answer.error().cause.get();
    ASSERT_NE(why, nullptr) << row.row;
    const auto known = std::ranges::find(trust::explanations(), why->code, &trust::Explanation::name);
    ASSERT_NE(known, trust::explanations().end()) << row.row << ": " << why->code;
    EXPECT_TRUE(why->detail.ends_with(known->remedy(trust::Party::platform))) << row.row << ": " << why->detail;
  }
}

TEST_F(ApiClientTest, SaysThatOurOwnCertificateWasRefused) {
  FakeAuthority authority(pki_, pki_.internal_server("authority").issue());
  Issued own = pki_.operator_().issue();
  const tls::Credential credential{std::move(own.chain), std::move(own.key)};
  const struct {
    const char* name;
    Door door;
    const char* code;
    const char* remedy;
  } rows[] = {{"a renewal", kAuthorityDoor, "authority.refuses_us", ""},
              {"an operator", kDoorForOperators, "operator.refused", "--operator DIR"},
              {"a person", kDoorForPeople, "person.refused", "--person NEW"},
              {"at a gateway", kGatewayDoor, "gateway.refuses_us", "--out NEW"}};
  for (const auto& row : rows) {
    const auto refused = call(authority, "localhost", &credential, row.door);
    ASSERT_FALSE(refused) << row.name;
    EXPECT_EQ(refused.error().code, row.code) << row.name;
    EXPECT_EQ(refused.error().kind, base::Kind::denied) << row.name;
    EXPECT_NE(refused.error().detail.find("another provider"), std::string::npos) << refused.error().detail;
    EXPECT_EQ(remedy(refused.error()).empty(), std::string_view(row.remedy).empty()) << row.name;
    EXPECT_NE(remedy(refused.error()).find(row.remedy), std::string_view::npos) << row.name;
  }
}

TEST_F(ApiClientTest, KeepsOneConnectionAndGivesAnswersAsTheyAre) {
  FakeAuthority authority(pki_, pki_.internal_server("authority").issue());
  auto client = ApiClient::make(
      {.authority = authority.address(), .trust = pki_.provider_trust(), .server_name = "localhost"}, context_);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->get("/a")->at("target").as_string(), "/a");
  EXPECT_EQ(client->post("/b", {{"x", 1}})->at("target").as_string(), "/b");
  const auto conflict = client->post("/conflict", {});
  EXPECT_EQ(code_of(conflict), "code.used");
  EXPECT_EQ(conflict.error().kind, base::Kind::conflict);
  EXPECT_EQ(code_of(client->get("/text")), "authority.answer");
  EXPECT_EQ(client->get_text("/text"), "not JSON");
  EXPECT_EQ(authority.connections(), 1);
}

TEST_F(ApiClientTest, SaysHowLongTheAuthorityAsksToWait) {
  FakeAuthority authority(pki_, pki_.internal_server("authority").issue());
  auto client = ApiClient::make(
      {.authority = authority.address(), .trust = pki_.provider_trust(), .server_name = "localhost"}, context_);
  ASSERT_TRUE(client);
  const struct {
    const char* target;
    base::Duration retry_after;
  } rows[] = {{"/wait/60", std::chrono::seconds(60)},
              {"/wait/0", {}},
              {"/wait/soon", {}},
              {"/wait/-5", {}},
              {"/wait/60x", {}},
              {"/wait/99999999", std::chrono::hours(24)},
              {"/wait/99999999999999999999999", {}}};
  for (const auto& row : rows) {
    const auto answer = client->post_for_answer(row.target, {});
    ASSERT_TRUE(answer) << row.target;
    EXPECT_EQ(answer->status, 202);
    EXPECT_EQ(answer->retry_after, row.retry_after) << row.target;
  }
}

TEST_F(ApiClientTest, TheFingerprintOfTheRootIsEnoughForAFirstContact) {
  const auto server = [this](const char* name) { return pki_.internal_server(name).with_addresses({"127.0.0.1"}); };
  struct Row {
    const char* row;
    Issued certificate;
    x509::Certificate root;
    const char* opened;
    const char* called;
  };
  const x509::Certificate root = pki_.provider_root().certificate;
  Row rows[] = {
      {"genuine", server("authority").issue(), root, "ok", "ok"},
      {"another root", server("authority").issue(), pki_.partner_root().certificate, "trust_chain.other_root", ""},
      {"the genuine root, shown by another CA", server("authority").other_ca().issue(), root, "ok",
       "authority.refused"},
      {"the genuine root, shown by another server", server("gateway").issue(), root, "ok", "authority.another_server"},
      {"the genuine root, shown by a partner", pki_.client().with_addresses({"127.0.0.1"}).issue(), root,
       "authority.refused", ""}};
  for (Row& row : rows) {
    FakeAuthority authority(pki_, std::move(row.certificate));
    auto client = open_api_by_fingerprint(authority.address(), row.root.fingerprint(), context_);
    EXPECT_EQ(code_of(client), row.opened) << row.row;
    if (!client) continue;
    EXPECT_EQ(code_of(client->get("/v1/health")), row.called) << row.row;
  }
}

TEST(Fingerprint, IsWrittenWithOrWithoutColons) {
  const std::string plain(64, 'a');
  std::string colons;
  for (int i = 0; i < 32; ++i)
    colons += i == 0 ? "AA" : ":AA";
  EXPECT_EQ(parse_fingerprint(plain).value(), parse_fingerprint(colons).value());
  for (const std::string& wrong :
       {std::string(), plain.substr(2), plain + "aa", "g" + plain.substr(1), colons + ":", ":" + colons, plain + ":"})
    EXPECT_EQ(code_of(parse_fingerprint(wrong)), "fingerprint.form") << wrong;
}

TEST_F(ApiClientTest, SaysThatNobodyIsThere) {
  net::Endpoint gone;
  {
    FakeAuthority authority(pki_, pki_.internal_server("authority").issue());
    gone = authority.address();
  }
  auto client =
      ApiClient::make({.authority = gone, .trust = pki_.provider_trust(), .server_name = "localhost"}, context_);
  const auto refused = client->get("/v1/health");
  EXPECT_EQ(code_of(refused), "authority.unreachable");
  EXPECT_EQ(base::to_exit_code(refused.error().kind), base::ExitCode::unavailable);
}

}  // namespace
}  // namespace countersign::cli
