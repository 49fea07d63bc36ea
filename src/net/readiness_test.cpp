// Readiness: every end, however it comes, is noticed without a deadline; no event reaches the wrong socket.
#include "net/readiness.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/process.h"
#include "net/socket.h"
#include "testing/run.h"

namespace countersign::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline in(base::Duration time) { return Deadline::after(time); }

/// The other end, which acts at once and not by the loop.
class RawPeer {
 public:
  explicit RawPeer(const Endpoint& to) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(to.port);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~RawPeer() { close(); }
  RawPeer(const RawPeer&) = delete;

  void send(std::string_view text) const {
    EXPECT_EQ(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void send_urgent(char byte) const { EXPECT_EQ(::send(descriptor_, &byte, 1, MSG_OOB), 1); }
  void half_close() const { EXPECT_EQ(::shutdown(descriptor_, SHUT_WR), 0); }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  /// Reads all that is there now.
  std::size_t drain() const {
    std::vector<char> buffer(1 << 20);
    std::size_t all = 0;
    for (ssize_t got = 0; (got = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
      all += static_cast<std::size_t>(got);
    return all;
  }

 private:
  int descriptor_;
};

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
    peer.emplace(listener_.local());
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

/// One end of a pair of sockets, watched, and the other.
struct End {
  explicit End(Readiness& readiness) : watched(std::in_place, readiness) {
    int both[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
    EXPECT_EQ(watched->open(both[0]), 0);
    other = both[1];
  }
  ~End() { ::close(other); }
  End(const End&) = delete;
  void poke() const { EXPECT_EQ(::send(other, "x", 1, 0), 1); }

  std::optional<Readiness::Watched> watched;
  int other = -1;
  std::string outcome = {};
};

Task<void> note_told(End& end, std::function<void()> then) {
  Readiness::Side& side = end.watched->reading;
  co_await end.watched->suspend(side);
  end.outcome = end.watched && side.was_told() ? "told" : "disturbed";
  if (then) then();
}

class ReadinessTest : public ::testing::Test {
 protected:
  void wait(End& end, std::function<void()> then = nullptr) {
    net::spawn(loop_, note_told(end, std::move(then)), "test", log_.log());
  }
  void settle() {
    loop_.io().poll();
    loop_.io().restart();
  }

  testing::KeptLog log_;
  Loop loop_;
  Readiness& readiness_ = Readiness::of(loop_);
};

TEST_F(ReadinessTest, ASocketClosedInABatchIsToldNothingOfIt) {
  End a(readiness_), b(readiness_);
  const auto close_other = [](End& other) { return [&other] { other.watched->close(); }; };
  wait(a, close_other(b));
  wait(b, close_other(a));
  settle();
  a.poke();
  b.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
  EXPECT_EQ(b.outcome, "disturbed");
}

TEST_F(ReadinessTest, ASocketMayCloseItselfWhenTold) {
  End a(readiness_), b(readiness_);
  wait(a, [&] { a.watched.reset(); });
  wait(b);
  settle();
  a.poke();
  b.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
  EXPECT_EQ(b.outcome, "told");
}

TEST_F(ReadinessTest, TheNextOwnerOfANumberIsToldNothingOfTheLast) {
  End a(readiness_), b(readiness_);
  const int number = b.watched->descriptor();
  const auto* const place = &*b.watched;
  wait(a, [&] {
    b.watched.reset();
    b.watched.emplace(readiness_);  // at the same place in memory, too
    int both[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
    ASSERT_EQ(b.watched->open(both[0]), 0);
    ASSERT_EQ(b.watched->descriptor(), number);
    ASSERT_EQ(&*b.watched, place);
    ::close(std::exchange(b.other, both[1]));
    b.watched->reading.maybe_ready = false;
    wait(b);
  });
  settle();
  a.poke();
  b.poke();
  settle();
  EXPECT_EQ(a.outcome, "told");
  EXPECT_EQ(b.outcome, "") << "that was for the last owner";
  EXPECT_FALSE(b.watched->reading.maybe_ready);
  b.poke();
  loop_.run();
  EXPECT_EQ(b.outcome, "told");
}

Task<void> hold(std::unique_ptr<End> end) { co_await end->watched->suspend(end->watched->reading); }

TEST_F(ReadinessTest, WhatIsOpenedAgainLeavesNoTraceWhenItCloses) {
  auto loop = std::make_unique<Loop>();
  auto a = std::make_unique<End>(Readiness::of(*loop)), b = std::make_unique<End>(Readiness::of(*loop));
  auto c = std::make_unique<End>(Readiness::of(*loop));
  b->watched->close();  // with a neighbour on either side
  ASSERT_EQ(b->watched->open(::dup(b->other)), 0);
  b.reset();
  for (std::unique_ptr<End>* end : {&a, &c})
    net::spawn(*loop, hold(std::move(*end)), "test", log_.log());
  loop->io().poll();
  loop.reset();  // goes through all that are there
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(ReadinessTest, AConnectionThatAnotherProcessHoldsTooIsNoLongerTold) {
  End a(readiness_);
  const int elsewhere = ::dup(a.watched->descriptor());  // as a child has it between fork and exec
  const int peer = ::dup(a.other);
  a.watched.reset();
  a.watched.emplace(readiness_);  // at the same place in memory
  int both[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
  ASSERT_EQ(a.watched->open(both[0]), 0);
  ::close(std::exchange(a.other, both[1]));
  wait(a);
  settle();
  ASSERT_EQ(::send(peer, "x", 1, 0), 1);
  settle();
  EXPECT_EQ(a.outcome, "") << "that was for the last owner";
  a.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
  ::close(elsewhere);
  ::close(peer);
}

TEST_F(ReadinessTest, OneOfThousandsThatAreIdleIsToldAloneAndTheLoopMayDie) {
  base::raise_file_limit();
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const std::size_t count = std::min<std::size_t>(4'000, (files.rlim_cur - 100) / 2);
  auto loop = std::make_unique<Loop>();
  std::vector<std::unique_ptr<End>> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(std::make_unique<End>(Readiness::of(*loop)));
    net::spawn(*loop, note_told(*all.back(), nullptr), "test", log_.log());
  }
  loop->io().poll();
  all[count / 2]->poke();
  loop->io().poll();
  for (std::size_t i = 0; i < count; ++i)
    ASSERT_EQ(all[i]->outcome, i == count / 2 ? "told" : "") << i;
  all.clear();
  loop.reset();
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(ReadinessTest, MoreThanABatchAreAllTold) {
  base::raise_file_limit();
  std::vector<std::unique_ptr<End>> all;
  for (int i = 0; i < 300; ++i) {
    all.push_back(std::make_unique<End>(readiness_));
    wait(*all.back());
  }
  settle();
  for (const auto& one : all)
    one->poke();
  loop_.run();
  for (const auto& one : all)
    EXPECT_EQ(one->outcome, "told");
}

/// Of `b`, asked by whoever is told of `a`.
TEST_F(ReadinessTest, KnowsWhatWasSilentWhenTheLoopLooked) {
  const struct {
    const char* name;
    bool expected;
    std::function<void(End&)> before;  ///< the loop looks
    std::function<void(End&)> in_turn;
  } rows[] = {
      {"silent", true, [](End&) {}, [](End&) {}},
      {"spoke", false, [](End& b) { b.poke(); }, [](End&) {}},
      {"hung up", false, [](End& b) { ::shutdown(b.other, SHUT_WR); }, [](End&) {}},
      {"went away", false, [](End& b) { ::close(std::exchange(b.other, -1)); }, [](End&) {}},
      {"read in this turn: it may have spoken since", false, [](End&) {}, [](End& b) { b.watched->note_drained(); }},
      {"spoke in this turn: that goes unnoticed", true, [](End&) {}, [](End& b) { b.poke(); }},
      {"never read", false, [](End& b) { b.watched->reading.maybe_ready = true; }, [](End&) {}},
  };
  for (const auto& row : rows) {
    End a(readiness_), b(readiness_);
    settle();
    b.watched->note_drained();
    EXPECT_FALSE(b.watched->was_silent()) << row.name << ": nobody has looked yet";
    std::optional<bool> silent;
    wait(a, [&] {
      row.in_turn(b);
      silent = b.watched->was_silent();
    });
    settle();
    a.poke();
    row.before(b);
    settle();
    EXPECT_EQ(silent, row.expected) << row.name;
    EXPECT_FALSE(b.watched->was_silent()) << row.name << ": the turn is over";
  }
}

TEST_F(ReadinessTest, WhatIsLeftForTheEndOfABatchRunsBehindAllOfIt) {
  End a(readiness_), b(readiness_);
  Texts steps;
  const auto note = [&](const char* name) {
    return [&, name] {
      EXPECT_TRUE(readiness_.is_telling());
      steps.emplace_back(name);
      readiness_.after_this([&] { steps.emplace_back("after"); });
    };
  };
  wait(a, note("a"));
  wait(b, note("b"));
  settle();
  a.poke();
  b.poke();
  loop_.run();
  EXPECT_EQ(steps, (Texts{"a", "b", "after", "after"}));
  EXPECT_FALSE(readiness_.is_telling());
}

TEST_F(ReadinessTest, ALoopEndsWhenNobodyWaitsAnyMore) {
  End a(readiness_);
  wait(a);
  settle();
  loop_.post([&] { a.watched->disturb(a.watched->reading); });
  loop_.run();  // and not until somebody pokes
  EXPECT_EQ(a.outcome, "disturbed");
  wait(a);
  settle();
  a.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
}

}  // namespace
}  // namespace countersign::net
