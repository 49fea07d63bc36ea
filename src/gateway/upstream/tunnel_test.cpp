// A tunnel through which bytes never stop takes no turn of its neighbours.
#include "gateway/upstream/tunnel.h"

#include <array>
#include <optional>

#include <gtest/gtest.h>

#include "net/socket.h"
#include "testing/fairness.h"
#include "testing/raw_peer.h"
#include "testing/run.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kPiece = 16 * 1024;  ///< what a tunnel reads at once
/// A piece is an operation of either side, of which each yields after 32.
constexpr int kFair = 2 * 32;
constexpr int kMoment = 1'000;

net::Deadline far() { return net::Deadline::after(std::chrono::seconds(30)); }

struct Connection {
  explicit Connection(std::uint16_t port) : peer(port) {}
  testing::RawPeer peer;
  std::optional<net::Socket> ours = {};
};

class TunnelFairness : public ::testing::Test {
 protected:
  net::Task<void> accept(std::optional<net::Socket>& into) {
    into.emplace(std::move(co_await listener_.accept()).value());
  }
  std::unique_ptr<Connection> connect() {
    auto connection = std::make_unique<Connection>(listener_.local().port);
    testing::run(loop_, accept(connection->ours));
    return connection;
  }

  /// For each piece that has gone on, another one is there to be read.
  class Firehose final : public TunnelMeter {
   public:
    explicit Firehose(TunnelFairness& test) : test_(test) {}
    net::Task<base::Result<void>> passed(TunnelWay way, std::uint64_t) override {
      Connection& from = way == TunnelWay::up ? *test_.client_ : *test_.upstream_;
      Connection& to = way == TunnelWay::up ? *test_.upstream_ : *test_.client_;
      to.peer.drain();
      if (test_.fairness_.goes_on()) from.peer.send(std::string(kPiece, 'x'));
      else from.peer.half_close();
      co_return base::Result<void>();
    }
    void end() noexcept override {}

   private:
    TunnelFairness& test_;
  };

  net::Task<void> carry() {
    Firehose firehose(*this);
    TunnelEnds ends{*client_->ours, *upstream_->ours, {}, {}, &firehose};
    const TunnelOutcome outcome = co_await run_tunnel(loop_, log_.log(), std::move(ends), std::chrono::seconds(30));
    EXPECT_FALSE(outcome.failure) << base::to_string(*outcome.failure);
  }
  net::Task<void> be_served() {
    std::array<std::uint8_t, 16> buffer;
    EXPECT_TRUE(co_await neighbour_->ours->read_some(buffer, far()));
    fairness_.neighbour_served();
  }

  /// `speakers`: whose bytes do not end; the others say nothing until they have.
  void run(const std::vector<Connection*>& speakers) {
    net::spawn(loop_, carry(), "tunnel", log_.log());
    net::spawn(loop_, be_served(), "neighbour", log_.log());
    loop_.io().poll();
    loop_.io().restart();
    for (const Connection* one : speakers)
      one->peer.send(std::string(kPiece, 'x'));
    fairness_.begin(kMoment, [this] { neighbour_->peer.send("x"); });
    for (const Connection* one : {client_.get(), upstream_.get()})
      if (std::ranges::find(speakers, one) == speakers.end()) one->peer.half_close();
    loop_.run();
    EXPECT_TRUE(fairness_.is_served());
    EXPECT_LE(fairness_.waited(), static_cast<int>(speakers.size()) * kFair);
  }

  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_ = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  testing::Fairness fairness_{100 * kFair};
  std::unique_ptr<Connection> client_ = connect();
  std::unique_ptr<Connection> upstream_ = connect();
  std::unique_ptr<Connection> neighbour_ = connect();
};

TEST_F(TunnelFairness, BytesWithoutEndLeaveOthersTheirTurn) { run({client_.get()}); }
TEST_F(TunnelFairness, AndInTheOtherDirection) { run({upstream_.get()}); }
TEST_F(TunnelFairness, AndInBoth) { run({client_.get(), upstream_.get()}); }

}  // namespace
}  // namespace countersign::gateway
