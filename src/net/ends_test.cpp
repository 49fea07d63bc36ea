// Ends of a connection: each, however it comes, is noticed without a deadline (Readiness, through Socket).
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "net/readiness.h"
#include "net/socket.h"
#include "testing/raw_peer.h"
#include "testing/run.h"

namespace countersign::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::RawPeer;

Deadline in(base::Duration time) { return Deadline::after(time); }

using Texts = std::vector<std::string>;

/// What reads gave, up to the end or a failure.
Task<void> read_on(Socket& socket, Texts& into, base::Duration patience) {
  std::array<std::uint8_t, 100> buffer;
  for (bool more = true; more;) {
    const base::Result<std::size_t> got = co_await socket.read_some(buffer, in(patience));
    into.push_back(got ? std::string(base::as_text({buffer.data(), *got})) : "!" + got.error().code);
    more = got && *got > 0;
  }
}

Task<void> accept_one(Listener& listener, std::optional<Socket>& into) {
  into = std::move(co_await listener.accept()).value();
}

class EndsTest : public ::testing::Test {
 protected:
  static Listener::Options any_port() {
    Listener::Options options;
    options.at = {"127.0.0.1", 0};
    return options;
  }
  void spawn(Task<void> task) { net::spawn(loop_, std::move(task), "test", log_.log()); }
  /// Until every task waits.
  void settle() {
    loop_.io().poll();
    loop_.io().restart();
  }
  Socket& connect(std::optional<RawPeer>& peer, std::optional<Socket>& socket) {
    peer.emplace(listener_.local().port);
    testing::run(loop_, accept_one(listener_, socket));
    return *socket;
  }

  testing::KeptLog log_;
  Loop loop_;
  Listener listener_ = Listener::bind(loop_, any_port()).value();
};

TEST_F(EndsTest, AreSeenWithoutADeadline) {
  const Texts end = {"bye", ""};
  const Texts gone = {"bye", "!net.reset"};
  const struct {
    const char* name;
    Texts expected;
    std::function<void(RawPeer&, const std::function<void()>&)> act;  ///< with what lets the loop see what is there
  } rows[] = {
      {"nothing", {"!net.timeout"}, [](RawPeer&, const auto&) {}},
      {"bytes only", {"bye", "!net.timeout"}, [](RawPeer& peer, const auto&) { peer.send("bye"); }},
      {"half close with the bytes", end, [](RawPeer& peer, const auto&) { peer.send("bye"), peer.half_close(); }},
      {"half close behind", end, [](RawPeer& peer, const auto& see) { peer.send("bye"), see(), peer.half_close(); }},
      {"close with the bytes", end, [](RawPeer& peer, const auto&) { peer.send("bye"), peer.close(); }},
      {"close behind", end, [](RawPeer& peer, const auto& see) { peer.send("bye"), see(), peer.close(); }},
      {"reset with the bytes", gone, [](RawPeer& peer, const auto&) { peer.send("bye"), peer.reset(); }},
      {"reset behind", gone, [](RawPeer& peer, const auto& see) { peer.send("bye"), see(), peer.reset(); }},
      {"half close alone", {""}, [](RawPeer& peer, const auto&) { peer.half_close(); }},
      {"reset alone", {"!net.reset"}, [](RawPeer& peer, const auto&) { peer.reset(); }},
  };
  for (const auto& row : rows)
    for (const bool waits : {true, false}) {  // before anything comes
      std::optional<RawPeer> peer;
      std::optional<Socket> socket;
      connect(peer, socket);
      Texts seen;
      const bool ends = row.expected.back() != "!net.timeout";
      const auto begin = [&] { spawn(read_on(*socket, seen, ends ? base::Duration(seconds(30)) : milliseconds(1))); };
      if (waits) begin(), settle();
      row.act(*peer, [this] { settle(); });
      if (!waits) begin();
      loop_.run();
      EXPECT_EQ(seen, row.expected) << row.name << (waits ? ", waited for" : "");
    }
}

TEST_F(EndsTest, AHalfClosedPeerCanStillBeAnswered) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  Texts seen;
  spawn(read_on(*socket, seen, seconds(30)));
  settle();
  peer->send("question");
  peer->half_close();
  loop_.run();
  EXPECT_EQ(seen, (Texts{"question", ""}));
  EXPECT_EQ(socket->write_now(base::as_bytes(std::string_view("answer"))), 6);
  EXPECT_EQ(peer->drain(), 6U);
}

Task<void> keep_write(Socket& socket, const base::Bytes& data, std::string& into) {
  const base::Result<void> written = co_await socket.write_all(data, in(seconds(30)));
  into = written ? "written" : "!" + written.error().code;
}

TEST_F(EndsTest, BothDirectionsAreToldByOneEvent) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  const base::Bytes much(8 << 20);
  Texts seen;
  std::string written;
  spawn(read_on(*socket, seen, seconds(30)));
  spawn(keep_write(*socket, much, written));
  settle();
  EXPECT_TRUE(seen.empty() && written.empty());
  peer->send("stop");
  peer->half_close();
  for (std::size_t got = peer->drain(); got < much.size(); got += peer->drain())
    settle();
  loop_.run();
  EXPECT_EQ(seen, (Texts{"stop", ""}));
  EXPECT_EQ(written, "written");
}

TEST_F(EndsTest, AResetEndsAWriteThatWaits) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  const base::Bytes much(64 << 20);
  std::string written;
  spawn(keep_write(*socket, much, written));
  settle();
  peer->reset();
  loop_.run();
  EXPECT_EQ(written, "!net.reset");
}

Task<void> keep_wait(Socket& socket, Socket::Ready direction, Deadline deadline, std::string& into) {
  const base::Result<void> ready = co_await socket.wait(direction, deadline);
  into = ready ? "ready" : "!" + ready.error().code;
}

TEST_F(EndsTest, WhatTheOtherEndDoesNotTakeIsNotOnItsWay) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  EXPECT_TRUE(socket->is_on_its_way());
  const base::Bytes much(64 * 1024, 'x');
  while (socket->write_now(much) > 0) {
  }
  EXPECT_FALSE(socket->is_on_its_way());
  socket->cut();
  EXPECT_TRUE(socket->is_on_its_way()) << "nothing is left to be thrown away";
}

TEST_F(EndsTest, WhatWasReadBeforeItsEventWakesNobody) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  peer->send("early");
  std::array<std::uint8_t, 100> buffer;
  EXPECT_EQ(socket->read_now(buffer), 5);
  EXPECT_TRUE(socket->is_drained());
  std::string outcome;
  spawn(keep_wait(*socket, Socket::Ready::read, in(milliseconds(1)), outcome));
  loop_.run();
  EXPECT_EQ(outcome, "!net.timeout");
  EXPECT_TRUE(socket->is_drained());
  spawn(keep_wait(*socket, Socket::Ready::read, in(seconds(30)), outcome));
  settle();
  peer->send("later");
  loop_.run();
  EXPECT_EQ(outcome, "ready");
}

TEST_F(EndsTest, WhatWasToldForOneWaitIsNotToldForTheNext) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  std::string outcome;
  spawn(keep_wait(*socket, Socket::Ready::read, in(seconds(30)), outcome));
  settle();
  peer->send("x");
  loop_.run();
  EXPECT_EQ(outcome, "ready");
  std::array<std::uint8_t, 100> buffer;
  EXPECT_EQ(socket->read_now(buffer), 1);
  for (const base::Duration patience : {base::Duration(seconds(-1)), base::Duration(milliseconds(1))}) {
    spawn(keep_wait(*socket, Socket::Ready::read, in(patience), outcome));
    loop_.run();
    EXPECT_EQ(outcome, "!net.timeout");
  }
}

TEST_F(EndsTest, WhoeverWaitsForWhatWasToldAlreadyIsToldAtOnce) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  std::string outcome;
  spawn(keep_wait(*socket, Socket::Ready::read, in(seconds(30)), outcome));
  settle();
  peer->send("x");
  for (int i = 0; i < 3; ++i) {  // never read
    loop_.run();
    EXPECT_EQ(outcome, "ready");
    outcome.clear();
    spawn(keep_wait(*socket, Socket::Ready::read, in(seconds(30)), outcome));
  }
  loop_.run();
  EXPECT_EQ(outcome, "ready");
}

TEST_F(EndsTest, AnUrgentByteDoesNotHideWhatFollows) {
  std::optional<RawPeer> peer;
  std::optional<Socket> socket;
  connect(peer, socket);
  Texts seen;
  spawn(read_on(*socket, seen, seconds(30)));
  settle();
  peer->send("one");
  peer->send_urgent('!');
  peer->send("two");
  settle();
  EXPECT_EQ(seen, (Texts{"one", "two"}));
  peer->half_close();
  loop_.run();
  EXPECT_EQ(seen, (Texts{"one", "two", ""}));
}

}  // namespace
}  // namespace countersign::net
