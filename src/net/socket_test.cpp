#include "net/socket.h"

#include <array>
#include <numeric>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/run.h"

namespace countersign::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return Deadline::after(milliseconds(1)); }
Deadline far() { return Deadline::after(seconds(60)); }

struct Pair {
  Socket client;
  Socket server;
};

Task<Pair> make_pair(Loop& loop, Listener& listener) {
  base::Result<Socket> client = co_await Socket::connect(loop, listener.local(), far());
  base::Result<Socket> server = co_await listener.accept();
  Pair pair{std::move(client).value(), std::move(server).value()};
  co_return std::move(pair);
}

Task<std::string> read_text(Stream& stream, std::size_t size, Deadline deadline) {
  base::Bytes buffer(size);
  const base::Result<std::size_t> got = co_await stream.read_some(buffer, deadline);
  if (!got) co_return "!" + got.error().code;
  co_return std::string(base::as_text({buffer.data(), *got}));
}

Task<std::string> write_text(Stream& stream, base::BytesView data, Deadline deadline) {
  const base::Result<void> written = co_await stream.write_all(data, deadline);
  co_return written ? "" : "!" + written.error().code;
}

class SocketTest : public ::testing::Test {
 protected:
  static Listener::Options any_port() {
    Listener::Options options;
    options.at = {"127.0.0.1", 0};
    return options;
  }

  template <class T>
  T run(Task<T> task) {
    return testing::run(loop_, std::move(task));
  }
  std::string read(Stream& stream, Deadline deadline = far()) { return run(read_text(stream, 100, deadline)); }
  std::string write(Stream& stream, std::string_view text) {
    return run(write_text(stream, base::as_bytes(text), far()));
  }
  void spawn(Task<void> task) { net::spawn(loop_, std::move(task), "test", log_.log()); }

  testing::KeptLog log_;
  Loop loop_;
  Listener listener_ = Listener::bind(loop_, any_port()).value();
  Pair pair_ = run(make_pair(loop_, listener_));
  Socket& client_ = pair_.client;
  Socket& server_ = pair_.server;
};

TEST_F(SocketTest, CarriesBytesBothWaysAndTheEnd) {
  EXPECT_EQ(write(client_, "ping"), "");
  EXPECT_EQ(read(server_), "ping");
  EXPECT_EQ(write(server_, "pong"), "");
  EXPECT_EQ(read(client_), "pong");
  run(client_.finish(far()));
  EXPECT_EQ(read(server_), "");
  EXPECT_EQ(read(server_), "");  // the end stays
  EXPECT_EQ(write(server_, "still open"), "");
  EXPECT_EQ(read(client_), "still open");
}

TEST_F(SocketTest, KnowsBothEnds) {
  EXPECT_EQ(client_.peer(), listener_.local());
  EXPECT_EQ(server_.local(), listener_.local());
  EXPECT_EQ(client_.local(), server_.peer());
  EXPECT_NE(listener_.local().port, 0);
}

TEST_F(SocketTest, IsWithoutDelayAndClosedOnExec) {
  for (const Socket* socket : {&client_, &server_}) {
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    ASSERT_EQ(getsockopt(socket->descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    EXPECT_NE(no_delay, 0);
    EXPECT_NE(fcntl(socket->descriptor(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(fcntl(socket->descriptor(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST_F(SocketTest, ALateReadFailsAndLeavesTheConnectionUsable) {
  EXPECT_EQ(read(server_, soon()), "!net.timeout");
  EXPECT_EQ(read(server_, Deadline::after(seconds(-1))), "!net.timeout");
  EXPECT_EQ(write(client_, "late"), "");
  EXPECT_EQ(read(server_, far()), "late");
}

TEST_F(SocketTest, WhatIsThereIsReadEvenAfterTheDeadline) {
  EXPECT_EQ(write(client_, "there"), "");
  EXPECT_EQ(read(server_, Deadline::after(seconds(-1))), "there");
}

Task<void> keep_read(Stream& stream, std::string& into) { into = co_await read_text(stream, 100, far()); }

TEST_F(SocketTest, ALateWriteDoesNotDisturbTheReadBesideIt) {
  std::string received;
  spawn(keep_read(client_, received));
  const base::Bytes much(64 * 1024 * 1024);  // more than the kernel buffers
  EXPECT_EQ(run(write_text(client_, much, soon())), "!net.timeout");
  EXPECT_EQ(received, "");
  EXPECT_EQ(write(server_, "hello"), "");
  loop_.run();
  EXPECT_EQ(received, "hello");
}

TEST_F(SocketTest, WhoeverAsksIsToldOnceWhenItIsAborted) {
  int told = 0, never = 0;
  client_.when_aborted([&] { ++told; });
  Socket moved = std::move(client_);
  moved.abort();
  moved.abort();
  EXPECT_EQ(told, 1);
  server_.when_aborted([&] { ++never; });
  server_.when_aborted({});
  server_.abort();
  EXPECT_EQ(never, 0);
}

TEST_F(SocketTest, WhoeverIsToldMayAbortItAgain) {
  client_.when_aborted([&] {
    client_.abort();
    server_.abort();
  });
  server_.when_aborted([&] { client_.abort(); });
  client_.abort();
  EXPECT_EQ(read(server_), "!net.reset");
}

/// Until the end or a failure: how many bytes.
Task<std::size_t> count_to_end(Socket& socket) {
  base::Bytes buffer(64 * 1024);
  for (std::size_t total = 0;;) {
    const auto got = co_await socket.read_some(buffer, far());
    if (!got || *got == 0) co_return total;
    total += *got;
  }
}

/// What the other end's kernel has already is its own.
TEST_F(SocketTest, OfWhatIsNotSentYetACutDeliversNothingAndAnAbortAll) {
  const base::Bytes much(64 * 1024 * 1024);  // more than the kernel buffers
  std::size_t heard[2] = {0, 0};
  for (const bool cut : {false, true}) {
    Pair pair = run(make_pair(loop_, listener_));
    EXPECT_EQ(run(write_text(pair.server, much, soon())), "!net.timeout");
    cut ? pair.server.cut() : pair.server.abort();
    heard[cut ? 1 : 0] = run(count_to_end(pair.client));
  }
  EXPECT_LT(2 * heard[1], heard[0]);
}

Task<void> write_and_finish(Socket& socket, const base::Bytes& data) {
  EXPECT_TRUE(co_await socket.write_all(data, far()));
  co_await socket.finish(far());
}

Task<base::Bytes> read_to_end(Socket& socket) {
  base::Bytes all;
  base::Bytes buffer(16 * 1024);
  for (;;) {
    const base::Result<std::size_t> got = co_await socket.read_some(buffer, far());
    if (!got || *got == 0) break;
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  co_return std::move(all);
}

TEST_F(SocketTest, WritesMoreThanTheKernelTakesAtOnce) {
  base::Bytes data(8 * 1024 * 1024);
  std::iota(data.begin(), data.end(), std::uint8_t{0});
  spawn(write_and_finish(client_, data));
  EXPECT_EQ(run(read_to_end(server_)), data);
}

TEST_F(SocketTest, AbortEndsWhatIsPending) {
  std::string received;
  spawn(keep_read(client_, received));
  loop_.post([&] { client_.abort(); });
  loop_.run();
  EXPECT_EQ(received, "!net.reset");
  client_.abort();
  EXPECT_EQ(read(client_), "!net.reset");
  EXPECT_EQ(write(client_, "x"), "!net.reset");
  EXPECT_TRUE(client_.has_unexpected_input());
  EXPECT_EQ(client_.descriptor(), -1);
  EXPECT_EQ(read(server_), "");
}

TEST_F(SocketTest, DyingEndsWhatIsPending) {
  auto dying = std::make_unique<Socket>(std::move(client_));
  std::string received;
  spawn(keep_read(*dying, received));
  loop_.post([&] { dying.reset(); });
  loop_.run();
  EXPECT_EQ(received, "!net.reset");
}

TEST_F(SocketTest, HangingUpReachesTheSocketWhereverItMoved) {
  const std::function<void()> hang_up = client_.hang_up();
  auto moved = std::make_unique<Socket>(std::move(client_));
  std::string received = "nothing yet";
  spawn(keep_read(*moved, received));
  loop_.post(hang_up);
  loop_.run();
  EXPECT_EQ(received, "");
  EXPECT_NE(moved->descriptor(), -1);
  EXPECT_EQ(read(server_), "");
  moved->abort();
  hang_up();
  moved.reset();
  hang_up();
}

TEST_F(SocketTest, MovedFromIsAsAborted) {
  Socket other(std::move(client_));
  EXPECT_EQ(read(client_), "!net.reset");
  EXPECT_EQ(write(client_, "x"), "!net.reset");
  EXPECT_TRUE(client_.has_unexpected_input());
  EXPECT_EQ(client_.peer(), Endpoint());
  client_.abort();
  EXPECT_EQ(write(other, "from the new place"), "");
  EXPECT_EQ(read(server_), "from the new place");
  client_ = std::move(other);
  EXPECT_EQ(write(client_, "and back"), "");
  EXPECT_EQ(read(server_), "and back");
}

TEST_F(SocketTest, WritingToAPeerThatIsGoneFailsWithoutASignal) {
  signal(SIGPIPE, SIG_DFL);
  server_.abort();
  EXPECT_EQ(read(client_), "");
  std::string outcome;
  while (outcome.empty())  // the first write may still reach the kernel's buffer
    outcome = write(client_, "x");
  EXPECT_EQ(outcome, "!net.reset");
}

TEST_F(SocketTest, SeesUnexpectedInputWithoutTakingIt) {
  EXPECT_FALSE(server_.has_unexpected_input());
  EXPECT_EQ(write(client_, "x"), "");
  EXPECT_TRUE(server_.has_unexpected_input());
  EXPECT_EQ(read(server_), "x");
  EXPECT_FALSE(server_.has_unexpected_input());
  client_.abort();
  EXPECT_TRUE(server_.has_unexpected_input());
}

Task<void> read_bytewise(Stream& stream, int count, int& done) {
  std::uint8_t byte = 0;
  for (done = 0; done < count; ++done)
    EXPECT_TRUE(co_await stream.read_some(std::span(&byte, 1), far()));
}

TEST_F(SocketTest, ABusySocketLetsOthersRun) {
  EXPECT_EQ(write(client_, std::string(1000, 'x')), "");
  int done = 0;
  int done_when_other_ran = -1;
  spawn(read_bytewise(server_, 1000, done));
  loop_.post([&] { done_when_other_ran = done; });
  loop_.run();
  EXPECT_EQ(done, 1000);
  EXPECT_LT(done_when_other_ran, 1000);
}

Task<void> yield_often(Socket& socket, int count, int& done) {
  for (done = 0; done < count; ++done)
    if (socket.is_yield_due()) co_await socket.yield();
}

TEST_F(SocketTest, WhoeverUsesTheDescriptorLetsOthersRunToo) {
  int done = 0;
  int done_when_other_ran = -1;
  spawn(yield_often(server_, 100, done));
  loop_.post([&] { done_when_other_ran = done; });
  loop_.run();
  EXPECT_EQ(done, 100);
  EXPECT_EQ(done_when_other_ran, 31);
  Socket other(std::move(server_));
  EXPECT_FALSE(server_.is_yield_due());  // moved from: nothing to do
  run(server_.yield());
}

Task<void> read_now_when_ready(Socket& socket, std::vector<std::string>& seen) {
  std::array<std::uint8_t, 16> buffer;
  const auto note = [&](ssize_t got) {
    seen.push_back(got < 0 ? "!" + std::to_string(errno) : std::string(buffer.begin(), buffer.begin() + got));
  };
  note(socket.read_now(buffer));
  note(socket.read_now(buffer));
  (void)co_await socket.wait(Socket::Ready::read, far());
  note(socket.read_now(buffer));
  note(socket.read_now(buffer));
}

TEST_F(SocketTest, AfterAShortReadNobodyIsAskedUntilAWait) {
  const std::string nothing = "!" + std::to_string(EAGAIN);
  EXPECT_EQ(write(client_, "one"), "");
  std::vector<std::string> seen;
  spawn(read_now_when_ready(server_, seen));
  loop_.post([&] {
    EXPECT_EQ(client_.write_now(base::as_bytes(std::string_view("two"))), 3);
    client_.abort();
  });
  loop_.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"one", nothing, "two", ""})) << "the end came with the bytes";
  EXPECT_FALSE(server_.is_drained());
  EXPECT_TRUE(server_.has_unexpected_input());
  run(read_now_when_ready(server_, seen));
  EXPECT_EQ(seen.back(), "");  // and it stays
  server_.abort();
  std::array<std::uint8_t, 16> buffer;
  EXPECT_EQ(server_.read_now(buffer), -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_EQ(server_.write_now(base::as_bytes(std::string_view("x"))), -1);
}

Task<void> keep_wait(Socket& socket, Socket::Ready direction, std::string& into) {
  const base::Result<void> ready = co_await socket.wait(direction, far());
  into = ready ? "ready" : "!" + ready.error().code;
}

TEST_F(SocketTest, ASecondWaitInOneDirectionFailsAndLeavesTheFirst) {
  std::string first, second, other_direction;
  spawn(keep_wait(server_, Socket::Ready::read, first));
  spawn(keep_wait(server_, Socket::Ready::read, second));
  spawn(keep_wait(server_, Socket::Ready::write, other_direction));
  EXPECT_EQ(write(client_, "x"), "");
  loop_.run();
  EXPECT_EQ(first, "ready");
  EXPECT_EQ(second, "!net.busy");
  EXPECT_EQ(other_direction, "ready");
}

TEST_F(SocketTest, ALoopMayDieWhileTasksWaitOnSockets) {
  struct Waiting {
    static Task<void> in_frame(Loop& loop) {
      Listener::Options options;
      options.at = {"127.0.0.1", 0};
      Listener listener = Listener::bind(loop, options).value();
      const Pair pair = co_await make_pair(loop, listener);
      loop.stop();
      co_await read_text(const_cast<Socket&>(pair.server), 1, far());
      ADD_FAILURE() << "the task went on";
    }
    static Task<void> accept(Listener listener) {
      (void)co_await listener.accept();
      ADD_FAILURE() << "the task went on";
    }
  };
  auto loop = std::make_unique<Loop>();
  net::spawn(*loop, Waiting::accept(Listener::bind(*loop, any_port()).value()), "accepting", log_.log());
  net::spawn(*loop, Waiting::in_frame(*loop), "reading", log_.log());
  loop->run();
  loop.reset();
  EXPECT_TRUE(log_.lines().empty());
}

Task<std::string> connect_to(Loop& loop, Endpoint to, Deadline deadline) {
  const base::Result<Socket> socket = co_await Socket::connect(loop, std::move(to), deadline);
  co_return socket ? "" : "!" + socket.error().code;
}

TEST_F(SocketTest, ConnectResolvesNames) {
  EXPECT_EQ(run(connect_to(loop_, {"localhost", listener_.local().port}, far())), "");
  EXPECT_EQ(run(connect_to(loop_, {"a..b", listener_.local().port}, far())), "!net.resolve");
}

TEST_F(SocketTest, ConnectToNobodyFails) {
  const std::uint16_t port = listener_.local().port;
  EXPECT_EQ(run(connect_to(loop_, {"127.0.0.1", port}, far())), "");
  listener_.close();
  EXPECT_EQ(run(connect_to(loop_, {"127.0.0.1", port}, far())), "!net.connect");
}

Task<std::string> connect_from(Loop& loop, std::string source, Endpoint to) {
  const base::Result<Socket> socket = co_await Socket::connect_from(loop, std::move(source), std::move(to), far());
  co_return socket ? socket->local().host : "!" + socket.error().code;
}

TEST_F(SocketTest, ConnectComesFromTheSourceAskedFor) {
  const Endpoint here{"127.0.0.1", listener_.local().port};
  EXPECT_EQ(run(connect_from(loop_, "127.0.0.3", here)), "127.0.0.3");
  EXPECT_EQ(run(connect_from(loop_, "", here)), "127.0.0.1");
  EXPECT_EQ(run(connect_from(loop_, "192.0.2.1", here)), "!net.connect") << "not an address of this machine";
  EXPECT_EQ(run(connect_from(loop_, "::1", here)), "!net.connect") << "the other family";
  EXPECT_EQ(run(connect_from(loop_, "here", here)), "!net.connect");
}

TEST_F(SocketTest, ConnectFailsAtItsDeadline) {
  // A full backlog: Linux leaves further connections waiting.
  Listener::Options options = any_port();
  options.backlog = 0;
  const Listener full = Listener::bind(loop_, options).value();
  std::string outcome;
  std::vector<Socket> held;
  for (int i = 0; i < 16 && outcome.empty(); ++i) {
    base::Result<Socket> socket = run(Socket::connect(loop_, full.local(), Deadline::after(milliseconds(50))));
    if (socket) held.push_back(std::move(*socket));
    else outcome = socket.error().code;
  }
  EXPECT_EQ(outcome, "net.timeout");
}

TEST_F(SocketTest, APortIsTakenOnceUnlessShared) {
  Listener::Options taken = any_port();
  taken.at = listener_.local();
  const base::Result<Listener> second = Listener::bind(loop_, taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "net.listen");
  EXPECT_NE(second.error().detail.find(taken.at.to_string()), std::string::npos);

  Listener::Options shared = any_port();
  shared.reuse_port = true;
  const Listener first_shared = Listener::bind(loop_, shared).value();
  shared.at = first_shared.local();
  EXPECT_TRUE(Listener::bind(loop_, shared));
}

TEST_F(SocketTest, ANameThatIsNoAddressHereCannotBeListenedOn) {
  Listener::Options options = any_port();
  options.at.host = "192.0.2.1";  // RFC 5737: nobody's
  const base::Result<Listener> listener = Listener::bind(loop_, options);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, "net.listen");
}

Task<void> keep_accept(Listener& listener, std::string& into) {
  const base::Result<Socket> socket = co_await listener.accept();
  into = socket ? "accepted" : "!" + socket.error().code;
}

TEST_F(SocketTest, ClosingAListenerEndsAccept) {
  std::string outcome;
  spawn(keep_accept(listener_, outcome));
  loop_.post([&] { listener_.close(); });
  loop_.run();
  EXPECT_EQ(outcome, "!net.closed");
  spawn(keep_accept(listener_, outcome));
  loop_.run();
  EXPECT_EQ(outcome, "!net.closed");
}

/// Lets this process open no further descriptor as long as it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    const int lowest_free = dup(STDERR_FILENO);
    close(lowest_free);
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;

 private:
  rlimit before_ = {};
};

TEST_F(SocketTest, OutOfDescriptorsItWaitsAndAcceptsLater) {
  const Socket waiting = run(Socket::connect(loop_, listener_.local(), far())).value();
  std::unique_ptr<NoDescriptors> no_descriptors;
  std::string outcome;
  loop_.post([&] { no_descriptors = std::make_unique<NoDescriptors>(); });
  spawn(keep_accept(listener_, outcome));
  loop_.post([&] {
    no_descriptors.reset();
    EXPECT_EQ(outcome, "");
  });
  loop_.run();
  EXPECT_EQ(outcome, "accepted");
}

}  // namespace
}  // namespace countersign::net
