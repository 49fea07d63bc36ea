// One connection that has always one more request ready takes no turn of its neighbours: those of the same loop are
// served after a fixed number of its requests.
#include "testing/fairness.h"

#include <optional>

#include <gtest/gtest.h>

#include "http/h2_session.h"
#include "http/h2_wire_test.h"
#include "http/server.h"
#include "net/socket.h"
#include "testing/raw_peer.h"
#include "testing/run.h"

namespace countersign::http {
namespace {

/// Requests that are there before any is served, and stay there: one more is sent for each that is served.
constexpr int kAhead = 60;
/// Two rows of operations of a socket, and what one read has brought; several times, for what a read brings differs.
constexpr int kFair = 4 * (2 * 32 + kAhead);
constexpr int kMoment = 1'000;

net::Deadline far() { return net::Deadline::after(std::chrono::seconds(30)); }

std::string ask(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

class FairnessTest : public ::testing::Test {
 protected:
  struct Connection {
    explicit Connection(std::uint16_t port) : peer(port) {}
    testing::RawPeer peer;
    std::optional<net::Socket> ours = {};
  };

  net::Task<void> accept(std::optional<net::Socket>& into) {
    into.emplace(std::move(co_await listener_.accept()).value());
  }
  std::unique_ptr<Connection> connect() {
    auto connection = std::make_unique<Connection>(listener_.local().port);
    testing::run(loop_, accept(connection->ours));
    return connection;
  }
  void spawn(net::Task<void> task) { net::spawn(loop_, std::move(task), "test", log_.log()); }
  void settle() {
    loop_.io().poll();
    loop_.io().restart();
  }

  net::Task<Response> answer(Request request) {
    if (request.head.target == "/greedy") {
      greedy_->peer.drain();
      if (fairness_.goes_on()) greedy_->peer.send(ask("/greedy"));
      else greedy_->peer.half_close();
    } else {
      fairness_.neighbour_served();
      neighbour_->peer.half_close();
    }
    Response response;
    response.body = "ok";
    co_return response;
  }
  net::Task<void> serve_h1(net::Socket& socket) { co_await serve(socket, handler_, options_); }

  net::Task<void> answer_stream(H2Stream stream) {
    greedy_->peer.drain();
    if (fairness_.goes_on()) greedy_->peer.send(get(next_stream_ += 2));
    else greedy_->peer.half_close();
    stream.send_head(200, {}, H2Stream::Body::follows);
    stream.hold("ok");
    (void)co_await stream.finish(far());
  }
  net::Task<void> serve_h2(net::Socket& socket) {
    const H2Session::Options options{
        .limits = {}, .serve = [this](H2Stream stream) { spawn(answer_stream(std::move(stream))); }, .malformed = {}};
    H2Session session(loop_, socket, options, log_.log());
    (void)co_await session.run();
  }

  /// `greedy` serves a connection whose client has sent `first`; a neighbour, of HTTP/1.1, asks later.
  void run(net::Task<void> greedy, const std::string& first) {
    neighbour_ = connect();
    spawn(serve_h1(*neighbour_->ours));
    spawn(std::move(greedy));
    settle();
    greedy_->peer.send(first);
    fairness_.begin(kMoment, [this] { neighbour_->peer.send(ask("/")); });
    loop_.run();
    EXPECT_TRUE(fairness_.is_served());
    EXPECT_LE(fairness_.waited(), kFair);
    for (const std::string& line : log_.lines())
      ADD_FAILURE() << line;
  }

  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_ = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  testing::Fairness fairness_{100 * kFair};
  const Handler handler_ = [this](Request request) { return answer(std::move(request)); };
  const ServerOptions options_ = {};
  std::unique_ptr<Connection> greedy_ = connect();
  std::unique_ptr<Connection> neighbour_;
  std::size_t next_stream_ = 2 * kAhead - 1;  ///< the last one asked for
};

TEST_F(FairnessTest, OfAPipelineWithoutEnd) {
  std::string first;
  for (int i = 0; i < kAhead; ++i)
    first += ask("/greedy");
  run(serve_h1(*greedy_->ours), first);
}

TEST_F(FairnessTest, OfStreamsWithoutEnd) {
  std::string first = hello();
  for (std::size_t stream = 1; stream <= next_stream_; stream += 2)
    first += get(stream);
  run(serve_h2(*greedy_->ours), first);
}

}  // namespace
}  // namespace countersign::http
