// Upstreams that speak HTTP/2: who shares a connection, and what one request on it does to the others.
#include <set>

#include <gtest/gtest.h>

#include "gateway/upstream/call.h"
#include "http/h2_session.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"

namespace countersign::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::soon;

/// A service of HTTP/2 without TLS: /large has a body of a megabyte, /silent no answer, /held one when it is let go.
class H2Service {
 public:
  H2Service(net::Loop& loop, const base::Log& log)
      : loop_(loop), log_(log), listener_(*net::Listener::bind(loop, {.at = {"127.0.0.1", 0}})) {
    net::spawn(loop, accept(), "service", log);
  }
  net::Endpoint at() const { return listener_.local(); }
  void stop() { listener_.close(); }

  int connections = 0;
  int requests = 0;
  int gone = 0;
  int at_once = 0;
  int most_at_once = 0;
  bool let_go = false;
  http::H2Limits limits = {};
  http::H2Session* newest = nullptr;

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      ++connections;
      net::spawn(loop_, serve(std::move(*socket)), "service.connection", log_);
    }
  }
  net::Task<void> serve(net::Socket socket) {
    http::H2Session session(loop_, socket,
                            {.limits = limits,
                             .serve = [this](http::H2Stream s) { net::spawn(loop_, answer(std::move(s)), "a", log_); },
                             .malformed = [](const base::Error&) {}},
                            log_);
    newest = &session;
    (void)co_await session.run();
    if (newest == &session) newest = nullptr;
  }
  net::Task<void> answer(http::H2Stream stream) {
    ++requests;
    most_at_once = std::max(most_at_once, ++at_once);
    stream.when_gone([this] { ++gone; });
    const std::string target = stream.head().target;
    while ((target == "/silent" || target == "/held") && !let_go && !stream.is_gone())
      co_await net::sleep_until(net::Deadline::after(milliseconds(5)));
    stream.send_head(200, {}, http::H2Stream::Body::follows);
    const std::string body(target == "/large" ? 1'000'000 : 2, 'x');
    (void)co_await stream.write(body, soon());
    (void)co_await stream.finish(soon());
    --at_once;
  }

  net::Loop& loop_;
  const base::Log& log_;
  net::Listener listener_;
};

class H2Upstreams : public ::testing::Test {
 protected:
  H2Upstreams() {
    settings_.name = "grpc";
    settings_.addresses = {service_.at()};
    settings_.protocol = UpstreamProtocol::http2;
    settings_.ejection.failures = 0;
    settings_.times.response = milliseconds(300);
    settings_.idle_time = seconds(1);  // after it the loop runs dry
  }
  void start() {
    state_ = std::make_shared<UpstreamState>(settings_);
    upstream_ = std::make_shared<Upstream>(UpstreamConnector::Needs{loop_, pki_.clock(), registry_, log_.log()}, state_,
                                           Dice(1));
  }

  /// As an exchange does it: the size of the body, or the code of the error.
  net::Task<std::string> get(std::string path) {
    UpstreamCall call(upstream_, {});
    for (;;) {
      auto connected = co_await call.connect();
      if (!connected) co_return connected.error().code;
      auto size = co_await ask(*call.stream(), path, call.response());
      if (size) {
        call.answered(200);
        call.give_back();
        co_return std::to_string(*size);
      }
      if (call.may_send_again(size.error())) continue;
      call.failed(size.error());
      co_return size.error().code;
    }
  }
  static net::Task<base::Result<std::size_t>> ask(http::H2ClientStream& stream, std::string path, net::Deadline head) {
    BASE_CO_TRY_VOID(stream.send_head({"GET", "https", "localhost", path, {}}, http::H2ClientStream::Body::none));
    BASE_CO_TRY_VOID(co_await stream.read_head(head));
    std::array<std::uint8_t, 4096> body;
    std::size_t size = 0;
    while (!stream.at_end_of_message()) {
      BASE_CO_TRY(const std::size_t got, co_await stream.read_body_some(body, soon()));
      size += got;
    }
    co_return size;
  }
  net::Task<void> get_into(std::string path, std::vector<std::string>& outcomes) {
    outcomes.push_back(co_await get(std::move(path)));
  }
  net::Task<std::vector<std::string>> gets(int count, std::string path) {
    std::vector<std::string> outcomes;
    net::TaskGroup group(loop_, log_.log());
    for (int i = 0; i < count; ++i)
      group.spawn(get_into(path, outcomes), "get");
    EXPECT_TRUE(co_await group.wait_until_empty(soon()));
    co_return outcomes;
  }
  std::vector<std::string> run_gets(int count, std::string path = "/") {
    return testing::run(loop_, gets(count, std::move(path)));
  }

  net::Task<bool> wait_for(const std::vector<std::string>& outcomes) {
    for (const net::Deadline deadline = soon(); outcomes.empty() && !deadline.passed();)
      co_await net::sleep_until(net::Deadline::after(milliseconds(5)));
    co_return !outcomes.empty();
  }
  /// Ten begin a large body and read nothing more of it; then five others want theirs whole.
  net::Task<std::vector<std::string>> stall_and_ask() {
    std::vector<std::unique_ptr<UpstreamCall>> stalled;
    for (int i = 0; i < 10; ++i) {
      stalled.push_back(std::make_unique<UpstreamCall>(upstream_, ClientAddresses{}));
      EXPECT_TRUE(co_await stalled.back()->connect());
      http::H2ClientStream& stream = *stalled.back()->stream();
      EXPECT_TRUE(stream.send_head({"GET", "https", "localhost", "/large", {}}, http::H2ClientStream::Body::none));
      EXPECT_TRUE(co_await stream.read_head(soon()));
    }
    co_return co_await gets(5, "/large");
  }
  net::Task<void> let_go_of(int requests) {
    for (const net::Deadline deadline = soon(); service_.at_once < requests && !deadline.passed();)
      co_await net::sleep_until(net::Deadline::after(milliseconds(5)));
    service_.let_go = true;
  }
  net::Task<void> speak_http1(net::Listener& listener) {
    for (;;) {
      auto socket = co_await listener.accept();
      if (!socket) co_return;
      net::spawn(loop_, answer_http1(std::move(*socket)), "http1.connection", log_.log());
    }
  }
  /// Reads what comes on one connection, and takes no other.
  static net::Task<void> say_nothing_once(net::Listener& listener) {
    auto socket = co_await listener.accept();
    listener.close();
    if (!socket) co_return;
    const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
    (void)co_await socket->write_all(base::as_bytes(settings), soon());
    std::array<std::uint8_t, 1024> dropped;
    for (;;) {
      const auto count = co_await socket->read_some(dropped, soon());
      if (!count || *count == 0) co_return;
    }
  }
  static net::Task<bool> wait_until(std::function<bool()> is_so) {
    for (const net::Deadline deadline = soon(); !is_so() && !deadline.passed();)
      co_await net::sleep_until(net::Deadline::after(milliseconds(5)));
    co_return is_so();
  }
  static net::Task<void> answer_http1(net::Socket socket) {
    constexpr std::string_view kAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    (void)co_await socket.write_all(base::as_bytes(kAnswer), soon());
    std::array<std::uint8_t, 1024> dropped;
    for (;;) {
      const auto count = co_await socket.read_some(dropped, soon());
      if (!count || *count == 0) co_return;
    }
  }

  testing::KeptLog log_;
  testing::Pki pki_;
  trust::RegistryView registry_;
  net::Loop loop_;
  H2Service service_{loop_, log_.log()};
  UpstreamSettings settings_;
  std::shared_ptr<UpstreamState> state_;
  std::shared_ptr<Upstream> upstream_;
};

TEST_F(H2Upstreams, ManyRequestsShareOneConnection) {
  start();
  for (int round = 0; round < 3; ++round)
    EXPECT_EQ(run_gets(50), std::vector<std::string>(50, "2"));
  EXPECT_EQ(service_.requests, 150);
  EXPECT_EQ(service_.connections, 1);
}

TEST_F(H2Upstreams, ThatAreUnderWayAtTheSameTime) {
  settings_.times.response = seconds(20);
  start();
  net::spawn(loop_, let_go_of(50), "let_go", log_.log());
  EXPECT_EQ(run_gets(50, "/held"), std::vector<std::string>(50, "2"));
  EXPECT_EQ(service_.most_at_once, 50);
  EXPECT_EQ(service_.connections, 1);
}

TEST_F(H2Upstreams, BeyondTheStreamsOfOneThereIsAnotherConnection) {
  settings_.streams = 10;
  start();
  EXPECT_EQ(run_gets(25), std::vector<std::string>(25, "2"));
  EXPECT_GE(service_.connections, 1);
  EXPECT_LE(service_.connections, 3);
}

TEST_F(H2Upstreams, WhereNoMoreConnectionsMayBeOthersWait) {
  settings_.streams = 5;
  settings_.limits.connections = 1;
  start();
  EXPECT_EQ(run_gets(40), std::vector<std::string>(40, "2"));
  EXPECT_EQ(service_.connections, 1);
  EXPECT_LE(service_.most_at_once, 5);
}

TEST_F(H2Upstreams, TheServicesOwnLimitIsHeeded) {
  service_.limits.streams = 3;
  settings_.limits.connections = 1;
  start();
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "2")) << "now its SETTINGS are known";
  EXPECT_EQ(run_gets(20), std::vector<std::string>(20, "2"));
  EXPECT_LE(service_.most_at_once, 3);
}

TEST_F(H2Upstreams, AfterGoawayThereIsANewConnection) {
  start();
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "2"));
  ASSERT_NE(service_.newest, nullptr);
  service_.newest->wind_down();
  ASSERT_TRUE(testing::run(loop_, wait_until([&] { return service_.newest == nullptr; })));
  EXPECT_EQ(run_gets(3), std::vector<std::string>(3, "2"));
  EXPECT_EQ(service_.connections, 2);
}

TEST_F(H2Upstreams, AConnectionThatDiedWhileNobodyLookedIsNoFailure) {
  start();
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "2"));
  ASSERT_NE(service_.newest, nullptr);
  service_.newest->cut();
  EXPECT_EQ(run_gets(3), std::vector<std::string>(3, "2"));
}

TEST_F(H2Upstreams, ALateAnswerEndsItsStreamAlone) {
  start();
  std::vector<std::string> late;
  net::spawn(loop_, get_into("/silent", late), "late", log_.log());
  EXPECT_EQ(run_gets(20), std::vector<std::string>(20, "2"));
  (void)testing::run(loop_, wait_for(late));
  EXPECT_EQ(late, std::vector<std::string>(1, "net.timeout"));
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "2"));
  EXPECT_EQ(service_.gone, 1) << "the service is told";
}

TEST_F(H2Upstreams, WhoeverReadsNothingHoldsUpNobodyElse) {
  settings_.streams = 20;
  start();
  EXPECT_EQ(testing::run(loop_, stall_and_ask()), std::vector<std::string>(5, "1000000"));
  EXPECT_EQ(service_.connections, 1);
}

/// Those that were on it fail, and the address has failed once; whoever comes later has another connection.
TEST_F(H2Upstreams, AConnectionThatIsDeadInSilenceIsFoundAndLeft) {
  auto plain = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  settings_.addresses = {plain.local()};
  settings_.times.response = seconds(20);
  settings_.ping_after = settings_.ping_time = milliseconds(100);
  start();
  net::spawn(loop_, say_nothing_once(plain), "silent", log_.log());
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "http.silent"));
  const auto address = state_->addresses()->front();
  (void)testing::run(loop_, wait_until([&] { return address->failures == 1; }));
  EXPECT_EQ(address->failures, 1U) << "the connection counts, and not its request, too";
  EXPECT_EQ(state_->counts.retries, 0U) << "there is nobody else to ask";
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "net.connect")) << "it is not asked on the dead one";
}

TEST_F(H2Upstreams, WhereNobodyListensTheErrorSaysSo) {
  start();
  service_.stop();
  EXPECT_EQ(run_gets(3), std::vector<std::string>(3, "net.connect"));
}

TEST_F(H2Upstreams, OneThatSpeaksHttp1IsToldFromOneThatIsDown) {
  auto plain = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  settings_.addresses = {plain.local()};
  start();
  net::spawn(loop_, speak_http1(plain), "http1", log_.log());
  // What is heard first, and whether the request had left us by then, is a matter of chance.
  const std::string outcome = run_gets(1).front();
  const std::set<std::string> possible = {"gateway.upstream_protocol", "http.cut_off", "http.unprocessed"};
  EXPECT_TRUE(possible.contains(outcome)) << outcome;
  EXPECT_LE(state_->counts.retries, 0U) << "there is nobody else to ask";
}

}  // namespace
}  // namespace countersign::gateway
