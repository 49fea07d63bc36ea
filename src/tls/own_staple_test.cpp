// What clients who ask for a staple get, and those who do not, by whatever there is and whatever the certificate says.
#include "tls/own_staple.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"
#include "tls/handshake.h"

namespace countersign::tls {
namespace {

using Ask = ClientContext::Staple;
using Without = OwnStaple::Without;

using testing::soon;

/// `outcome` is empty after a handshake, else why there was none.
net::Task<void> serve(net::Listener& listener, Entrance entrance, std::optional<std::string>& outcome) {
  auto socket = co_await listener.accept();
  if (!socket) co_return;
  auto connection = co_await Handshake::accept_at(std::move(*socket), std::move(entrance), soon());
  outcome = connection ? "" : connection.error().error.code;
  if (connection) co_await connection->stream->finish(soon());
}

net::Task<void> wait_for(const std::optional<std::string>& outcome) {
  while (!outcome)
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
}

struct Got {
  std::string staple = {};  ///< or the alert that came
  std::string version = {};
  std::string server = {};  ///< why there was no handshake, by its record
};

net::Task<Got> call(net::Loop& loop, net::Endpoint to, std::shared_ptr<const ClientContext> context, JudgeServer judge,
                    std::string name) {
  auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
  auto connection =
      co_await Handshake::connect(std::move(*socket), std::move(context), std::move(name), std::move(judge), soon());
  if (!connection) co_return Got{connection.error().error.detail};
  co_return Got{std::string(base::as_text(connection->staple)), connection->version, ""};
}

class Stapling : public ::testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<const ServerContext> context(std::shared_ptr<const OwnStaple> staple) {
    testing::Issued server = pki_.internal_server().issue();
    const Credential own{std::move(server.chain), std::move(server.key)};
    return ServerContext::make(own, {.mode = ClientCertificate::none, .library = library_, .staple = std::move(staple)})
        .value();
  }
  /// One handshake with the sites there are.
  Got shake_hands(Ask ask, const std::string& name = "localhost") {
    const Entrance entrance{.first = sites_.front()->context, .choose = [this](const std::string& asked) {
                              return asked == "localhost" ? sites_.front() : sites_.back();
                            }};
    net::Loop loop;
    const testing::KeptLog log;
    auto listener = net::Listener::bind(loop, {.at = {"127.0.0.1", 0}});
    auto client = ClientContext::make(nullptr, ClientContext::Offer::nothing, ask).value();
    if (GetParam()) SSL_CTX_set_max_proto_version(client->native(), TLS1_2_VERSION);
    const JudgeServer judge = [this](const trust::PresentedChain& presented) {
      const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = "localhost"};
      return trust::verify_chain(presented, policy, pki_.trust_set(), pki_.now());
    };
    std::optional<std::string> outcome;
    net::spawn(loop, serve(*listener, entrance, outcome), "server", log.log());
    Got got = testing::run(loop, call(loop, listener->local(), client, judge, name));
    testing::run(loop, wait_for(outcome));
    got.server = *outcome;
    EXPECT_TRUE(got.version.empty() || got.version == (GetParam() ? "TLSv1.2" : "TLSv1.3"));
    return got;
  }
  void show(std::shared_ptr<const OwnStaple> staple) {
    auto made = context(std::move(staple));
    sites_.push_back(std::make_shared<const Site>(Site{.name = "site", .context = std::move(made), .judge = {}}));
  }
  std::shared_ptr<const Staple> staple_of(std::string_view text) {
    return std::make_shared<const Staple>(
        Staple{base::to_bytes(base::as_bytes(text)), pki_.now() + std::chrono::hours(1)});
  }

  testing::Pki pki_;
  std::shared_ptr<const Library> library_ = Library::make().value();  // as a worker of the gateway has
  std::vector<std::shared_ptr<const Site>> sites_;
};

INSTANTIATE_TEST_SUITE_P(Versions, Stapling, ::testing::Values(false, true),
                         [](const auto& row) { return row.param ? "tls12" : "tls13"; });

TEST_P(Stapling, WhoAsksGetsTheNewestAndWhoDoesNotGetsNone) {
  const auto own = std::make_shared<OwnStaple>(Without::certificate_alone, pki_.clock());
  show(own);
  EXPECT_EQ(shake_hands(Ask::asked).staple, "") << "there is none yet";
  own->publish(staple_of("first"));
  EXPECT_EQ(shake_hands(Ask::asked).staple, "first");
  EXPECT_EQ(shake_hands(Ask::asked).staple, "first");
  EXPECT_EQ(shake_hands(Ask::not_asked).staple, "");
  own->publish(staple_of("second"));
  EXPECT_EQ(shake_hands(Ask::asked).staple, "second");
  own->publish(nullptr);
  EXPECT_EQ(shake_hands(Ask::asked).staple, "");
}

TEST_P(Stapling, WhatHasEndedIsNotShown) {
  const auto own = std::make_shared<OwnStaple>(Without::certificate_alone, pki_.clock());
  show(own);
  own->publish(staple_of("first"));
  EXPECT_EQ(shake_hands(Ask::asked).staple, "first");
  pki_.clock().advance(std::chrono::hours(1) - std::chrono::microseconds(1));
  EXPECT_EQ(shake_hands(Ask::asked).staple, "first");
  EXPECT_NE(own->current(), nullptr);
  pki_.clock().advance(std::chrono::microseconds(1));
  EXPECT_EQ(shake_hands(Ask::asked).staple, "");
  EXPECT_EQ(own->current(), nullptr);
}

TEST_P(Stapling, WithoutItACertificateThatMustBeStapledIsNotShownToWhoAsks) {
  const auto own = std::make_shared<OwnStaple>(Without::no_handshake, pki_.clock());
  show(own);
  const Got refused = shake_hands(Ask::asked);
  EXPECT_NE(refused.staple.find("internal_error"), std::string::npos);
  EXPECT_EQ(refused.server, "tls.no_staple");
  const Got silent = shake_hands(Ask::not_asked);
  EXPECT_FALSE(silent.version.empty());
  EXPECT_EQ(silent.server, "");
  own->publish(staple_of("there"));
  EXPECT_EQ(shake_hands(Ask::asked).staple, "there");
}

TEST_P(Stapling, IsThatOfTheSite) {
  const auto one = std::make_shared<OwnStaple>(Without::certificate_alone, pki_.clock());
  const auto other = std::make_shared<OwnStaple>(Without::certificate_alone, pki_.clock());
  show(one);
  show(other);
  show(nullptr);
  one->publish(staple_of("one"));
  other->publish(staple_of("other"));
  EXPECT_EQ(shake_hands(Ask::asked).staple, "one");
  EXPECT_EQ(shake_hands(Ask::asked, "elsewhere.example").staple, "") << "a site without";
  sites_.pop_back();
  EXPECT_EQ(shake_hands(Ask::asked, "elsewhere.example").staple, "other");
}

}  // namespace
}  // namespace countersign::tls
