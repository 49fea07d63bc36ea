// Accepting goes on, whatever the kernel or our own code refuses in between.
#include <cerrno>
#include <stdexcept>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/socket.h"
#include "testing/run.h"

namespace {

int refused_watches = 0;  ///< how many descriptors the kernel is yet to refuse to watch

}  // namespace

/// In this program, instead of the C library's.
extern "C" int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  if (operation == EPOLL_CTL_ADD && refused_watches > 0) {
    --refused_watches;
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, descriptor, event));
}

namespace countersign::net {
namespace {

Deadline far() { return Deadline::after(std::chrono::seconds(60)); }

class Accepting : public ::testing::Test {
 protected:
  static Listener::Options any_port() {
    Listener::Options options;
    options.at = {"127.0.0.1", 0};
    return options;
  }
  std::string connect_and_read() {
    std::uint8_t byte = 0;
    Socket socket = testing::run(loop_, Socket::connect(loop_, listener_.local(), far())).value();
    const auto got = testing::run(loop_, socket.read_some(std::span(&byte, 1), far()));
    return !got ? got.error().code : *got == 0 ? "closed" : std::string(1, static_cast<char>(byte));
  }

  testing::KeptLog log_;
  Loop loop_;
  Listener listener_ = Listener::bind(loop_, any_port()).value();
};

Task<void> greet(Socket socket) {
  constexpr std::string_view kHello = "h";
  (void)co_await socket.write_all(base::as_bytes(kHello), far());
}

TEST_F(Accepting, ADescriptorTheKernelDoesNotWatchIsDroppedAndTheNextTaken) {
  const Socket waiting = testing::run(loop_, Socket::connect(loop_, listener_.local(), far())).value();
  Socket next = testing::run(loop_, Socket::connect(loop_, listener_.local(), far())).value();
  refused_watches = 1;
  const base::Result<Socket> accepted = testing::run(loop_, listener_.accept());
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->peer(), next.local());
  EXPECT_EQ(refused_watches, 0);
}

TEST_F(Accepting, WhereNothingIsWatchedNothingIsConnectedOrListenedOn) {
  refused_watches = 1;
  const auto socket = testing::run(loop_, Socket::connect(loop_, listener_.local(), far()));
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, "net.connect");
  refused_watches = 1;
  const auto listener = Listener::bind(loop_, any_port());
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, "net.listen");
}

TEST_F(Accepting, AnExceptionIsLoggedAndAcceptingGoesOn) {
  int taken = 0;
  auto take = [&](Socket socket) {
    if (++taken == 1) throw std::runtime_error("no memory");
    net::spawn(loop_, greet(std::move(socket)), "greet", log_.log());
  };
  net::spawn(loop_, accept_each(listener_, take, "door", log_.log()), "accept", log_.log());
  EXPECT_EQ(connect_and_read(), "closed");
  EXPECT_EQ(connect_and_read(), "h");
  listener_.close();
  loop_.run();  // until accept_each has ended
  ASSERT_EQ(log_.lines().size(), 1U);
  EXPECT_NE(log_.lines()[0].find(R"("event":"accept.failed","listener":"door","error":"no memory")"),
            std::string::npos);
}

}  // namespace
}  // namespace countersign::net
