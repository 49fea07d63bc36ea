// Records that wait for those behind them, on a socket that takes only a part at a time; and one that never rests.
#include "tls/socket_bio.h"

#include <array>
#include <numeric>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "testing/fairness.h"
#include "testing/pki.h"
#include "testing/raw_peer.h"
#include "testing/run.h"
#include "tls/tls_stream.h"

namespace countersign::tls {
namespace {

using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

constexpr std::size_t kWholeRecord = 16 * 1024;
/// More than the kernel keeps for a client that reads nothing.
constexpr int kMany = 24;

net::Deadline far() { return net::Deadline::after(std::chrono::seconds(30)); }

/// A connection past its handshake: our end on a loop, the client's by hand.
class SocketBio : public ::testing::Test {
 protected:
  void SetUp() override {
    const testing::Issued own = testing::Pki().internal_server().issue();
    ASSERT_EQ(SSL_CTX_use_certificate(server_context_.get(), own.certificate.native()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(server_context_.get(), own.key.native()), 1);
    SSL_CTX_set_num_tickets(server_context_.get(), 0);
    client_.reset(SSL_new(client_context_.get()));
    SSL_set_fd(client_.get(), peer_.descriptor());
    std::thread client([this] { EXPECT_EQ(SSL_connect(client_.get()), 1); });
    testing::run(loop_, shake_hands());
    client.join();
    ASSERT_EQ(::fcntl(peer_.descriptor(), F_SETFL, O_NONBLOCK), 0);
  }
  net::Task<void> shake_hands() {
    socket_.emplace(std::move(co_await listener_.accept()).value());
    ssl_.reset(SSL_new(server_context_.get()));
    EXPECT_TRUE(attach_socket(ssl_.get(), *socket_));
    SSL_set_accept_state(ssl_.get());
    for (int result = 0; (result = SSL_do_handshake(ssl_.get())) != 1;) {
      const bool writes = need_after(ssl_.get(), result) == Need::write;
      EXPECT_TRUE(co_await socket_->wait(writes ? net::Socket::Ready::write : net::Socket::Ready::read, far()));
    }
  }
  /// What libssl gives the socket from now on is taken by a few kilobytes at a time.
  void narrow() const {
    const int least = 1;
    ASSERT_EQ(::setsockopt(socket_->descriptor(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
  }
  void hold(const std::string& text) {
    hold_next_write(ssl_.get());
    ASSERT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
  }
  TlsStream& to_stream() { return stream_.emplace(std::move(*socket_), std::move(ssl_)); }
  void spawn(net::Task<void> task) { net::spawn(loop_, std::move(task), "test", log_.log()); }

  /// Lets the loop go on until all wait; how many steps that took. One that spins never waits.
  std::size_t settle() {
    constexpr std::size_t kTooMany = 10'000;
    std::size_t steps = 0;
    while (steps < kTooMany && loop_.io().poll_one() > 0)
      ++steps;
    loop_.io().restart();
    EXPECT_LT(steps, kTooMany) << "it spins";
    return steps;
  }
  /// Of what was sent to the client, and lies there.
  std::size_t size_at_client() const {
    int size = 0;
    EXPECT_EQ(::ioctl(peer_.descriptor(), FIONREAD, &size), 0);
    return static_cast<std::size_t>(size);
  }
  /// A moment for the kernel to bring them.
  void await_bytes() const {
    pollfd one{peer_.descriptor(), POLLIN, 0};
    ::poll(&one, 1, 10);
  }
  /// The client takes no more than `size` bytes off its socket; what they say goes to heard_.
  std::size_t take(std::size_t size) {
    std::vector<char> bytes(size);
    const ssize_t got = ::recv(peer_.descriptor(), bytes.data(), size, MSG_DONTWAIT);
    if (got <= 0) return 0;
    if (into_client_ == nullptr) SSL_set0_rbio(client_.get(), into_client_ = BIO_new(BIO_s_mem()));
    EXPECT_EQ(BIO_write(into_client_, bytes.data(), static_cast<int>(got)), got);
    std::array<char, kWholeRecord> text;
    for (int read = 0; (read = SSL_read(client_.get(), text.data(), static_cast<int>(text.size()))) > 0;)
      heard_.append(text.data(), static_cast<std::size_t>(read));
    return static_cast<std::size_t>(got);
  }

  net::Task<void> write(std::string text) {
    const auto written = co_await stream_->write_all(base::as_bytes(text), far());
    written_ = written ? "written" : written.error().code;
  }

  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_ = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  testing::RawPeer peer_{listener_.local().port};
  Context server_context_{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  Context client_context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, void (*)(SSL*)> client_{nullptr, SSL_free};
  BIO* into_client_ = nullptr;  ///< of client_
  std::optional<net::Socket> socket_;
  SslHandle ssl_;
  std::optional<TlsStream> stream_;
  std::string heard_;
  std::string written_;
};

std::string text_of(std::size_t size, std::size_t seed) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>('!' + (i * 31 + i / 97 + seed) % 90);
  return text;
}

struct Row {
  const char* name;
  std::vector<std::size_t> held;  ///< sizes of what is held
  std::size_t behind;             ///< of what is written behind it
  std::size_t taken;              ///< by the client at once
  bool in_parts;                  ///< not all of what is held fits
};

class HeldWrites : public SocketBio, public ::testing::WithParamInterface<Row> {};

TEST_P(HeldWrites, ComeWholeAndInOrderWithoutSpinning) {
  const Row& row = GetParam();
  narrow();
  std::string said;
  for (const std::size_t size : row.held) {
    hold(text_of(size, said.size()));
    said += text_of(size, said.size());
  }
  EXPECT_EQ(size_at_client(), 0U) << "it waits for what is behind it";
  to_stream();
  std::string behind = text_of(row.behind, said.size());
  said += behind;
  const std::size_t held = std::accumulate(row.held.begin(), row.held.end(), std::size_t{0});
  spawn(write(std::move(behind)));
  std::size_t steps = settle();
  if (row.in_parts) {
    EXPECT_LT(size_at_client(), held);
    EXPECT_EQ(written_, "");
    EXPECT_EQ(settle(), 0U) << "there is nothing to do before the client takes something";
  }
  std::size_t taken = 0;
  const net::Deadline patience = far();
  while (heard_.size() < said.size() && !patience.passed()) {
    await_bytes();
    taken += take(row.taken);
    steps += settle();
  }
  EXPECT_EQ(written_, "written");
  EXPECT_EQ(heard_.size(), said.size());
  EXPECT_EQ(heard_, said);
  EXPECT_LT(steps, 50 + taken / 100);
}

INSTANTIATE_TEST_SUITE_P(
    , HeldWrites,
    ::testing::Values(Row{"nothing_held", {}, 300'000, 1'000, false}, Row{"all_fits", {100}, 100, 1'000, false},
                      Row{"a_small_one_before_much", {100}, 300'000, 1'000, false},
                      Row{"much_before_one_byte", std::vector<std::size_t>(kMany, kWholeRecord), 1, 1'000, true},
                      Row{"much_before_one_byte_taken_by_much", std::vector<std::size_t>(kMany, kWholeRecord), 1,
                          1 << 20, true},
                      Row{"much_before_much", std::vector<std::size_t>(kMany, kWholeRecord), 300'000, 1'500, true},
                      Row{"many_small_ones", std::vector<std::size_t>(6'000, 50), 20, 700, true}),
    [](const auto& row) { return row.param.name; });

TEST_F(SocketBio, AResetEndsAWriteThatWaitsWithWhatIsHeld) {
  narrow();
  for (int i = 0; i < kMany; ++i)
    hold(text_of(kWholeRecord, 0));
  to_stream();
  spawn(write("behind"));
  settle();
  EXPECT_EQ(written_, "");
  peer_.reset();
  loop_.run();
  EXPECT_EQ(written_, "net.reset");
}

/// The client has always sent more before it is read, and reads whatever is written.
class RestlessTls : public SocketBio {
 protected:
  static constexpr int kFair = 2 * 32;

  net::Task<void> read_on() {
    std::vector<std::uint8_t> buffer(kWholeRecord);
    const std::string more = text_of(1'000, 0);
    while (fairness_.goes_on()) {
      EXPECT_EQ(SSL_write(client_.get(), more.data(), static_cast<int>(more.size())), static_cast<int>(more.size()));
      EXPECT_TRUE(co_await stream_->read_some(buffer, far()));
    }
  }
  net::Task<void> write_on() {
    const std::string more = text_of(1'000, 0);
    while (fairness_.goes_on()) {
      EXPECT_TRUE(co_await stream_->write_all(base::as_bytes(more), far()));
      peer_.drain();
    }
  }
  void run(net::Task<void> restless) {
    fairness_.begin(1'000, [this] { loop_.post([this] { fairness_.neighbour_served(); }); });
    spawn(std::move(restless));
    loop_.run();
    EXPECT_TRUE(fairness_.is_served());
    EXPECT_LE(fairness_.waited(), kFair);
  }
  testing::Fairness fairness_{100 * kFair};
};

TEST_F(RestlessTls, LeavesOthersTheirTurnWhileItReads) {
  to_stream();
  run(read_on());
}

TEST_F(RestlessTls, LeavesOthersTheirTurnWhileItWrites) {
  to_stream();
  run(write_on());
}

}  // namespace
}  // namespace countersign::tls
