#include "http/plain_server.h"

#include <gtest/gtest.h>

#include "http/client.h"
#include "http/problem.h"
#include "testing/run.h"

namespace countersign::http {
namespace {

struct Row {
  const char* name;
  const char* host;
  bool loopback;
};

class Loopback : public ::testing::TestWithParam<Row> {};

TEST_P(Loopback, IsAnAddressOfThisMachineOnly) { EXPECT_EQ(is_loopback({GetParam().host, 9100}), GetParam().loopback); }

INSTANTIATE_TEST_SUITE_P(
    Rows, Loopback,
    ::testing::Values(Row{"Usual", "127.0.0.1", true}, Row{"WholeNetwork", "127.255.255.254", true},
                      Row{"Ipv6", "::1", true}, Row{"Ipv6Long", "0:0:0:0:0:0:0:1", true},
                      Row{"Localhost", "localhost", true}, Row{"NameThatLooksLikeIt", "127.evil.example", false},
                      Row{"NameWithAllNumbers", "127.0.0.1.evil.example", false}, Row{"Short", "127.1", false},
                      Row{"NextNetwork", "128.0.0.1", false}, Row{"Everywhere", "0.0.0.0", false},
                      Row{"Ipv6Everywhere", "::", false}, Row{"LocalhostBelow", "localhost.evil.example", false},
                      Row{"Nothing", "", false}),
    [](const auto& row) { return row.param.name; });

net::Task<Response> live(Request) { co_return json_response(200, "{}"); }

net::Task<int> ask(net::Loop& loop, net::Endpoint at) {
  const net::Deadline deadline = net::Deadline::after(std::chrono::seconds(20));
  auto socket = co_await net::Socket::connect(loop, std::move(at), deadline);
  ClientOptions options;
  options.host = "localhost";
  Client client(*socket, std::move(options));
  Request request;
  request.head.method = "GET";
  request.head.target = "/live";
  const auto response = co_await client.send(std::move(request), deadline);
  co_return response ? response->status : 0;
}

TEST(PlainServer, ServesOnLoopbackAndNowhereElse) {
  net::Loop loop;
  const testing::KeptLog log;
  const auto server = PlainServer::bind(loop, {"127.0.0.1", 0}, live, log.log());
  ASSERT_TRUE(server);
  net::spawn(loop, (*server)->run(), "plain", log.log());
  EXPECT_EQ(testing::run(loop, ask(loop, (*server)->local())), 200);
  const auto elsewhere = PlainServer::bind(loop, {"0.0.0.0", 0}, live, log.log());
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code, "http.not_loopback");
}

}  // namespace
}  // namespace countersign::http
