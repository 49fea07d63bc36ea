// Sockets of a service manager: each to its listener, or the gateway does not start.
#include "gateway/given_doors.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::gateway {
namespace {

net::GivenSocket given(const std::string& name, const std::string& host = "127.0.0.1") {
  return {name, net::ListenSocket::open({.at = {host, 0}}).value()};
}

/// Two listeners, the first one at `first`.
GatewayConfig config_at(const net::Endpoint& first) {
  GatewayConfig config;
  config.status = {"127.0.0.1", 0};
  config.listeners = {{.name = "partners", .listen = first}, {.name = "tests", .listen = {"127.0.0.1", 0}}};
  return config;
}

struct Row {
  const char* name;
  std::string socket;
  std::string host;
  bool same_port;
  const char* code;
  std::string door;
};

TEST(GivenDoors, AreFoundByNameOrAddress) {
  for (const Row& row : {Row{"by name", "partners", "127.0.0.1", true, "ok", "partners"},
                         Row{"by name, at another port", "partners", "127.0.0.1", false, "gateway.given_sockets", ""},
                         Row{"by name, at another address", "partners", "127.0.0.2", true, "gateway.given_sockets", ""},
                         Row{"by address", "gateway.socket", "127.0.0.1", true, "ok", "partners"},
                         Row{"by address, without a name", "", "127.0.0.1", true, "ok", "partners"},
                         Row{"neither", "gateway.socket", "127.0.0.1", false, "gateway.given_sockets", ""},
                         Row{"any port", "tests", "127.0.0.1", false, "ok", "name tests"},
                         Row{"any port, without the name", "", "127.0.0.1", false, "gateway.given_sockets", ""},
                         Row{"the status", "status", "127.0.0.1", false, "ok", "status"}}) {
    std::vector<net::GivenSocket> sockets;
    sockets.push_back(given(row.socket, row.host));
    const net::Endpoint real = sockets.front().socket.local();
    const auto other = static_cast<std::uint16_t>(real.port - 1);
    const net::Endpoint first{"127.0.0.1", row.same_port ? real.port : other};
    const GatewayConfig config = config_at(first);
    const auto doors = given_doors(std::move(sockets), config);
    EXPECT_EQ(testing::code_of(doors), row.code) << row.name;
    if (!doors) continue;
    ASSERT_EQ(doors->size(), 1U) << row.name;
    EXPECT_EQ(doors->front().name, row.door == "partners" ? first.to_string() : row.door) << row.name;
    EXPECT_EQ(doors->front().sockets.front().local(), real) << row.name;
  }
}

TEST(GivenDoors, OfOneNameAreOneDoor) {
  std::vector<net::GivenSocket> sockets;
  sockets.push_back(given("tests"));
  sockets.push_back(given("tests"));
  const auto doors = given_doors(std::move(sockets), config_at({"127.0.0.1", 1}));
  ASSERT_TRUE(doors);
  ASSERT_EQ(doors->size(), 1U);
  EXPECT_EQ(doors->front().sockets.size(), 2U);
}

TEST(GivenDoors, NoneAreNone) { EXPECT_TRUE(given_doors({}, config_at({"no.such.host.invalid", 1}))->empty()); }

}  // namespace
}  // namespace countersign::gateway
