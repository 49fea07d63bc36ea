// The server under a crowd: those who say nothing give way to those who do.
#include "tls/server.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/turns.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"

namespace countersign::tls {
namespace {

using testing::Issued;
using testing::Pki;
using testing::soon;
using trust::Purpose;

struct Counted final : ServerObserver {
  int accepted_count = 0, refused_count = 0, failed_count = 0, shed_count = 0;
  void accepted() override { ++accepted_count; }
  void refused(trust::Reason) override { ++refused_count; }
  void failed(const std::string&) override { ++failed_count; }
  void shed() override { ++shed_count; }
  void cut(trust::Reason) override {}
};

/// A TCP connection from `address` of this machine that says nothing. Closed when it dies.
class Idle {
 public:
  Idle(const char* address, std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in from = to_address(address, 0);
    sockaddr_in to = to_address("127.0.0.1", port);
    connected_ = ::bind(descriptor_, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0 &&
                 ::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Idle() { ::close(descriptor_); }
  Idle(const Idle&) = delete;
  bool connected() const { return connected_; }
  void begin() const {
    constexpr char kHandshakeRecord = 0x16;
    ASSERT_EQ(::send(descriptor_, &kHandshakeRecord, 1, MSG_NOSIGNAL), 1);
  }
  /// Has the server closed it? Never blocks.
  bool ended() const {
    char byte;
    return ::recv(descriptor_, &byte, 1, MSG_DONTWAIT) == 0;
  }

 private:
  static sockaddr_in to_address(const char* text, std::uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
  }
  int descriptor_;
  bool connected_ = false;
};

net::Task<base::Result<void, HandshakeFailure>> shake_hands(net::Loop& loop, net::Endpoint to,
                                                            std::shared_ptr<const ClientContext> context,
                                                            JudgeServer judge, std::vector<int>& kept) {
  auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
  kept.push_back(::dup(socket->descriptor()));
  auto connection =
      co_await Handshake::connect(std::move(*socket), std::move(context), "localhost", std::move(judge), soon());
  if (!connection) co_return base::unexpected(std::move(connection).error());
  // In TLS 1.3 the client is done first: a byte from the server says that it is, too.
  HandshakeFailure failure;
  std::array<std::uint8_t, 1> byte;
  const auto got = co_await connection->stream->read_some(byte, soon());
  if (got && *got == 1) co_return base::Result<void, HandshakeFailure>();
  failure.error = got ? base::Error{base::Kind::unavailable, "closed", ""} : got.error();
  co_return base::unexpected(std::move(failure));
}

class Crowd : public ::testing::Test {
 protected:
  ~Crowd() override {
    for (const int descriptor : kept_)
      ::close(descriptor);
  }

  void start(ServerOptions options) {
    Issued own = pki_.internal_server().issue();
    context_ = *ServerContext::make({std::move(own.chain), std::move(own.key)}, ClientCertificate::required, {});
    Issued client = pki_.client().issue();
    const Credential credential{std::move(client.chain), std::move(client.key)};
    genuine_ = *ClientContext::make(&credential);
    nobody_ = *ClientContext::make(nullptr);
    Issued old = pki_.client().expired().issue();
    const Credential expired{std::move(old.chain), std::move(old.key)};
    expired_ = *ClientContext::make(&expired);
    registry_ = pki_.registry();
    server_.emplace(
        loop_, listener_, std::move(options), [this] { return context_; },
        [this](const trust::PresentedChain& presented) { return judge(presented); },
        [](LiveConnection<VerifiedPeer>& live) { return greet(live); }, counted_, log_.log());
    net::spawn(loop_, server_->run(), "accept", log_.log());
  }

  base::Result<trust::AdmittedChain, trust::Refusal> judge(const trust::PresentedChain& presented) const {
    auto chain = trust::verify_chain(presented, {.purposes = {Purpose::transport}}, pki_.trust_set(), pki_.now());
    if (!chain) return base::unexpected(std::move(chain).error());
    return trust::admit(std::move(*chain), *registry_);
  }

  static net::Task<void> greet(LiveConnection<VerifiedPeer>& live) {
    constexpr std::string_view kHello = "h";
    (void)co_await live.connection.stream->write_all(base::as_bytes(kHello), soon());
    std::array<std::uint8_t, 1> byte;
    (void)co_await live.connection.stream->read_some(byte, soon());
  }

  /// "accepted", or the code of what went wrong, as the client sees it.
  std::string handshake(const std::shared_ptr<const ClientContext>& context) {
    JudgeServer judge = [this](const trust::PresentedChain& presented) {
      return trust::verify_chain(presented, {.purposes = {Purpose::server}}, pki_.trust_set(), pki_.now());
    };
    const auto done = testing::run(loop_, shake_hands(loop_, listener_.local(), context, std::move(judge), kept_));
    return done ? "accepted" : done.error().error.code;
  }

  void come_silently(const char* address, int times) {
    for (int i = 0; i < times; ++i) {
      idle_.push_back(std::make_unique<Idle>(address, listener_.local().port));
      ASSERT_TRUE(idle_.back()->connected());
    }
  }
  /// The same, each with the first byte of a record.
  void come_and_begin(const char* address, int times) {
    come_silently(address, times);
    for (const auto& idle : idle_)
      idle->begin();
  }

  long ended() const {
    return std::count_if(idle_.begin(), idle_.end(), [](const auto& idle) { return idle->ended(); });
  }

  int lines_with(const std::string& text) const {
    int count = 0;
    for (const std::string& line : log_.lines())
      count += line.find(text) != std::string::npos ? 1 : 0;
    return count;
  }

  static net::Listener::Options any_port() {
    net::Listener::Options options;
    options.at = {"127.0.0.1", 0};
    return options;
  }

  Pki pki_;
  testing::KeptLog log_;
  Counted counted_;
  net::Loop loop_;
  net::Listener listener_ = net::Listener::bind(loop_, any_port()).value();
  std::shared_ptr<const ServerContext> context_;
  std::shared_ptr<const ClientContext> genuine_, nobody_, expired_;
  std::unique_ptr<trust::RegistryView> registry_;
  std::vector<std::unique_ptr<Idle>> idle_;
  std::vector<int> kept_;  ///< the clients' connections once more, so that none ends with its handshake
  std::optional<Server<VerifiedPeer>> server_;
};

TEST_F(Crowd, SilentConnectionsOfOneAddressDoNotLockOthersOut) {
  start({.name = "door", .handshakes = 8, .handshakes_per_address = 8});
  come_silently("127.0.0.2", 20);
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_EQ(counted_.shed_count, 13);
  EXPECT_EQ(ended(), 13);
  EXPECT_EQ(counted_.failed_count, 0) << "whoever was shed did not fail";
}

TEST_F(Crowd, NorThoseOfItsOwnAddress) {
  start({.name = "door", .handshakes = 100, .handshakes_per_address = 4});
  come_silently("127.0.0.1", 20);
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_EQ(counted_.shed_count, 17);
}

TEST_F(Crowd, BelowTheCapsNobodyGivesWay) {
  start({.name = "door", .handshakes = 21, .handshakes_per_address = 21});
  come_silently("127.0.0.1", 20);
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_EQ(counted_.shed_count, 0);
  EXPECT_EQ(ended(), 0);
}

TEST_F(Crowd, SheddingIsLoggedEverMoreRarely) {
  start({.name = "door", .handshakes_per_address = 1});
  come_silently("127.0.0.2", 12);
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_EQ(counted_.shed_count, 11);
  EXPECT_EQ(lines_with(R"("event":"tls.shed")"), 4);  // 1, 2, 4, 8
  EXPECT_EQ(lines_with(R"("turned_away":8)"), 1);
  EXPECT_EQ(lines_with(R"("listener":"door")"), 4);
}

TEST_F(Crowd, ConnectionsOverTheCapOfTheirAddressAreRefused) {
  start({.name = "door", .connections_per_address = 3});
  come_silently("127.0.0.2", 5);
  come_silently("127.0.0.1", 2);
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_EQ(counted_.shed_count, 2);
  come_silently("127.0.0.1", 1);
  EXPECT_NE(handshake(genuine_), "accepted");
}

/// Looks in each round of the loop how many wait for their turn.
void look_often(net::Loop& loop, int times, std::size_t& most) {
  most = std::max(most, loop.turns().waiting());
  if (times > 1) loop.post([&loop, times, &most] { look_often(loop, times - 1, most); });
}

TEST_F(Crowd, HandshakesTakeTurns) {
  start({.name = "door"});
  come_and_begin("127.0.0.2", 10);
  std::size_t most = 0;
  loop_.post([&] { look_often(loop_, 100, most); });
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_GT(most, 1U);
}

TEST_F(Crowd, WhoeverSaysNothingTakesNoTurn) {
  start({.name = "door"});
  come_silently("127.0.0.2", 10);
  std::size_t most = 0;
  loop_.post([&] { look_often(loop_, 100, most); });
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_LE(most, 1U);
}

TEST_F(Crowd, AnAddressBeginsSoManyHandshakesOnly) {
  start({.name = "door", .handshakes_per_second = 0.001, .handshake_burst = 3});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_NE(handshake(genuine_), "accepted");
  EXPECT_EQ(counted_.shed_count, 1);
  come_silently("127.0.0.2", 1);
  EXPECT_EQ(ended(), 0) << "another address has a rate of its own";
}

net::Task<void> wait_for_failures(const Counted& counted, int count) {
  while (counted.failed_count < count)
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
}

TEST_F(Crowd, WhoeverSaysNothingEndsAtTheDeadline) {
  start({.name = "door", .handshake_time = std::chrono::milliseconds(50)});
  come_silently("127.0.0.2", 3);
  testing::run(loop_, wait_for_failures(counted_, 3));
  EXPECT_EQ(ended(), 3);
  EXPECT_EQ(lines_with(R"("code":"net.timeout")"), 3);
  EXPECT_EQ(handshake(genuine_), "accepted");
  EXPECT_EQ(ServerOptions{}.handshake_time, std::chrono::seconds(10));
}

TEST_F(Crowd, WhoeverIsRefusedIsInNobodysWayWhileItLingers) {
  start({.name = "door", .handshakes = 2, .handshakes_per_address = 2});
  come_silently("127.0.0.2", 1);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(handshake(expired_), "tls.alert_received");
  EXPECT_EQ(counted_.shed_count, 0);
  EXPECT_EQ(ended(), 0);
}

net::Task<void> wait_for_connections(const Server<VerifiedPeer>& server, std::size_t count) {
  while (server.live() < count)
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
}

TEST_F(Crowd, ADrainEndsNoHandshakeWithoutItsRecord) {
  const net::Networks balancers{net::Network::parse("127.0.0.3").value()};
  start({.name = "door", .proxies = balancers});
  come_silently("127.0.0.2", 3);
  come_silently("127.0.0.3", 2);  // for their PROXY header is waited
  testing::run(loop_, wait_for_connections(*server_, 5));
  EXPECT_FALSE(testing::run(loop_, server_->drain(net::Deadline::after(std::chrono::milliseconds(1)))));
  EXPECT_EQ(counted_.failed_count, 5);
  EXPECT_EQ(lines_with(R"("event":"tls.failed")"), 5);
  EXPECT_EQ(server_->live(), 0U);
}

TEST_F(Crowd, ADrainDoesNotWaitForWhoeverWasRefusedAndLingers) {
  start({.name = "door"});
  EXPECT_EQ(handshake(expired_), "tls.alert_received");
  EXPECT_EQ(counted_.refused_count, 0) << "it lingers";
  EXPECT_FALSE(testing::run(loop_, server_->drain(net::Deadline::after(std::chrono::milliseconds(1)))));
  EXPECT_EQ(counted_.refused_count, 1);
  EXPECT_EQ(server_->live(), 0U);
}

}  // namespace
}  // namespace countersign::tls
