// Whoever always has more to read or to write takes no turn of its neighbours: what becomes ready behind it, in the
// same batch of events or later, is served after a fixed number of its operations.
#include "testing/fairness.h"

#include <array>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "base/process.h"
#include "net/signal.h"
#include "net/socket.h"
#include "testing/raw_peer.h"
#include "testing/run.h"

namespace countersign::net {
namespace {

/// So many operations in a row has a socket before others run.
constexpr int kRow = 32;
/// Each has what is left of its row, and another one before the loop looks at its sockets again.
constexpr int kFair = 2 * kRow;
constexpr int kBatch = 128;
constexpr std::size_t kPiece = 1024;

Deadline far() { return Deadline::after(std::chrono::seconds(30)); }

enum class Greed { reads, reads_bytes, writes, both, reads_by_hand };
enum class Neighbour { reads, writes, waits_for_signal, is_posted, accepts };

struct Connection {
  std::optional<testing::RawPeer> peer;
  std::optional<Socket> ours;
};

class FairnessTest : public ::testing::Test {
 protected:
  struct Row {
    const char* name;
    Greed greed;
    int count;   ///< of those that are greedy
    int moment;  ///< the operation at which the neighbour becomes ready; 0: in the batch that they begin in
  };

  /// Until every task waits.
  void settle() {
    loop_.io().poll();
    loop_.io().restart();
  }
  void spawn(Task<void> task) { net::spawn(loop_, std::move(task), "test", log_.log()); }

  Task<void> accept(std::optional<Socket>& into) { into.emplace(std::move(co_await listener_.accept()).value()); }
  std::unique_ptr<Connection> connect() {
    auto connection = std::make_unique<Connection>();
    connection->peer.emplace(listener_.local().port);
    testing::run(loop_, accept(connection->ours));
    return connection;
  }

  /// Begins when its peer has said something. Then the peer has always said more before it reads, and takes what it
  /// writes.
  Task<void> be_greedy(Connection& connection, Greed greed) {
    Socket& socket = *connection.ours;
    EXPECT_TRUE(co_await socket.wait(Socket::Ready::read, far()));
    std::array<std::uint8_t, kPiece> buffer;
    const std::span<std::uint8_t> into(buffer.data(), greed == Greed::reads_bytes ? 1 : kPiece);
    for (bool writes = greed == Greed::writes; fairness_->goes_on(); writes ^= greed == Greed::both) {
      if (writes) {
        EXPECT_TRUE(co_await socket.write_all(into, far()));
        connection.peer->drain();
        continue;
      }
      connection.peer->send(std::string(into.size(), 'x'));
      if (greed == Greed::reads_by_hand) {  // as tls does it
        if (socket.is_yield_due()) co_await socket.yield();
        EXPECT_GT(socket.read_now(into), 0);
      } else {
        EXPECT_TRUE(co_await socket.read_some(into, far()));
      }
    }
  }

  Task<void> be_served_reading(Socket& socket) {
    std::array<std::uint8_t, 16> buffer;
    EXPECT_TRUE(co_await socket.read_some(buffer, far()));
    fairness_->neighbour_served();
  }
  /// Once the kernel takes no more.
  Task<void> be_served_writing(Socket& socket) {
    const base::Bytes piece(64 * 1024);
    while (socket.write_now(piece) > 0) {
    }
    EXPECT_TRUE(co_await socket.wait(Socket::Ready::write, far()));
    fairness_->neighbour_served();
  }
  Task<void> be_served_waiting() {
    EXPECT_TRUE(co_await signal_.wait(far()));
    fairness_->neighbour_served();
  }
  Task<void> be_served_accepting(Connection& newcomer) {
    co_await accept(newcomer.ours);
    fairness_->neighbour_served();
  }

  /// Starts it; what makes it ready.
  std::function<void()> start(Neighbour neighbour) {
    switch (neighbour) {
      case Neighbour::reads:
        beside_ = connect();
        spawn(be_served_reading(*beside_->ours));
        return [this] { beside_->peer->send("x"); };
      case Neighbour::writes:
        beside_ = connect();
        spawn(be_served_writing(*beside_->ours));
        return [this] { beside_->peer->drain(); };
      case Neighbour::waits_for_signal: spawn(be_served_waiting()); return [this] { signal_.raise(); };
      case Neighbour::is_posted: return [this] { loop_.post([this] { fairness_->neighbour_served(); }); };
      case Neighbour::accepts:
        beside_ = std::make_unique<Connection>();
        spawn(be_served_accepting(*beside_));
        return [this] { beside_->peer.emplace(listener_.local().port); };
    }
    return {};
  }

  void run(const Row& row, Neighbour neighbour) {
    fairness_.emplace(20 * row.count * kFair);
    std::vector<std::unique_ptr<Connection>> greedy;
    for (int i = 0; i < row.count; ++i) {
      greedy.push_back(connect());
      spawn(be_greedy(*greedy.back(), row.greed));
    }
    const auto make_ready = start(neighbour);
    settle();
    for (const auto& one : greedy)
      one->peer->send(std::string(kPiece, 'x'));
    fairness_->begin(row.moment, make_ready);
    loop_.run();
    EXPECT_TRUE(fairness_->is_served()) << row.name;
    EXPECT_LE(fairness_->waited(), (1 + row.count / kBatch) * row.count * kFair) << row.name;
    beside_.reset();
  }

  testing::KeptLog log_;
  Loop loop_;
  Listener listener_ = Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  Signal signal_{loop_};
  std::optional<testing::Fairness> fairness_;
  std::unique_ptr<Connection> beside_;
};

TEST_F(FairnessTest, ANeighbourIsServedWhateverTheOthersHaveToDo) {
  base::raise_file_limit();
  const Row rows[] = {
      {"one that reads", Greed::reads, 1, 0},
      {"one that reads, later", Greed::reads, 1, 5 * kRow + 7},
      {"one that reads single bytes", Greed::reads_bytes, 1, 5 * kRow + 7},
      {"one that writes", Greed::writes, 1, 0},
      {"one that writes, later", Greed::writes, 1, 5 * kRow + 7},
      {"one that does both", Greed::both, 1, 5 * kRow + 7},
      {"one that reads the descriptor", Greed::reads_by_hand, 1, 5 * kRow + 7},
      {"many that read", Greed::reads, 20, 0},
      {"many that read, later", Greed::reads, 20, 100 * kRow + 7},
      {"many that do both", Greed::both, 100, 100 * kRow + 7},
      {"more than a batch of events", Greed::reads, 200, 0},
  };
  for (const Row& row : rows)
    for (const Neighbour neighbour :
         {Neighbour::reads, Neighbour::writes, Neighbour::waits_for_signal, Neighbour::is_posted, Neighbour::accepts})
      run(row, neighbour);
  for (const std::string& line : log_.lines())
    ADD_FAILURE() << line;
}

}  // namespace
}  // namespace countersign::net
