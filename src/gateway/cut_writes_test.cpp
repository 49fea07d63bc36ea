// A cut ends what is being written at once, in either direction; and what was written and has not left reaches nobody.
#include "gateway/cut_test.h"
#include "http/h2_wire_test.h"

namespace countersign::gateway {
namespace {

constexpr std::string_view kEndless = "1000000000000";

struct WriteRow {
  std::string name;
  std::string site = "localhost";
  std::string say;
  std::string await = {};
  bool over_http2 = false;
  bool client_floods = false;
  std::string event = "request";
};

class CutWrites : public Cut, public ::testing::WithParamInterface<WriteRow> {
 protected:
  void add() override {
    config_.upstreams.push_back({.name = "flood", .addresses = {flooding_.at()}});
    config_.upstreams.push_back({.name = "deaf", .addresses = {deaf_.at()}});
    routes_.push_back({.host = "*", .path = "/flood", .upstream = answering_.at()});
    routes_.push_back({.host = "*", .path = "/deaf", .upstream = deaf_.at()});
    for (const auto& [path, at] :
         {std::pair("/socket/flood", flooding_socket_.at()), std::pair("/socket/deaf", deaf_socket_.at())}) {
      Route socket{.host = "*", .path = path, .upstream = at};
      socket.websocket = true;
      routes_.push_back(socket);
    }
  }

  net::Task<void> flood(net::Stream& stream) {
    const std::string piece(16 * 1024, 'x');
    while (co_await stream.write_all(base::as_bytes(piece), net::Deadline::after(kNotByItself)))
      said_ += piece.size();
  }
  /// How much was said by who floods.
  std::uint64_t said() const { return said_ + flooding_.sent() + answering_.sent() + flooding_socket_.sent(); }
  /// Until nothing more is taken of it.
  net::Task<bool> stalls() {
    std::uint64_t before = 0;
    int same = 0;
    for (const net::Deadline deadline = soon(); same < 30 && !deadline.passed();) {
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(10)));
      same = said() == before && before > 0 ? same + 1 : 0;
      before = said();
    }
    co_return same >= 30;
  }
  /// Reads nothing until it is cut. What was the end of it then?
  net::Task<std::string> be_cut(net::Loop& loop) {
    const WriteRow& row = GetParam();
    auto stream = co_await open(loop, row.site, row.over_http2 ? context_h2_ : context_);
    if (stream == nullptr) co_return "no connection";
    (void)co_await stream->write_all(base::as_bytes(row.say), soon());
    std::array<std::uint8_t, 16 * 1024> buffer;
    for (std::string heard; heard.find(row.await) == std::string::npos;) {
      const auto count = co_await stream->read_some(buffer, soon());
      if (!count || *count == 0) co_return "no answer";
      heard += base::as_text(std::span(buffer).first(*count));
    }
    net::TaskGroup flooding(loop, log_.log());
    if (row.client_floods) flooding.spawn(flood(*stream), "flood");
    const bool stalled = co_await stalls();
    if (!stalled) co_return "it goes on";
    revoke();
    const std::string record = "\"event\":\"" + row.event + "\"";
    std::function<bool()> is_there = [this, record] { return lines_with(record) > 0; };
    const bool recorded = co_await poll(std::move(is_there));
    if (!recorded) co_return "no record";
    std::string end = "in order";
    for (bool more = true; more;) {
      const auto count = co_await stream->read_some(buffer, soon());
      more = count && *count > 0;
      if (!count) end = count.error().code;
    }
    stream->abort();
    (void)co_await flooding.wait_until_empty(soon());
    co_return end;
  }

  FloodingUpstream flooding_{log_.log()};
  FloodingUpstream answering_{log_.log(), "HTTP/1.1 200 OK\r\nContent-Length: " + std::string(kEndless) + "\r\n\r\n"};
  FloodingUpstream flooding_socket_{log_.log(), kSwitching};
  DeafUpstream deaf_{log_.log()};
  DeafUpstream deaf_socket_{log_.log(), kSwitching};
  std::atomic<std::uint64_t> said_{0};
};

TEST_P(CutWrites, ThatArePendingEndAtOnce) {
  net::Loop loop;
  EXPECT_EQ(testing::run(loop, be_cut(loop)), "net.reset") << "what had not left is not read";
  EXPECT_EQ(lines_with("\"event\":\"connection.cut\""), 1U);
  EXPECT_EQ(lines_with("\"code\":\"connection.cut\""), 1U) << "of the record";
  EXPECT_EQ(lines_with("gateway.upstream_failed"), 0U);
  const int ended = GetParam().client_floods ? 0 : 1;
  EXPECT_TRUE(becomes([&] { return flooding_.ended() + answering_.ended() + flooding_socket_.ended() == ended; }));
}

std::string open_socket(const std::string& path) {
  std::string head = kOpening;
  return head.replace(head.find("/socket"), std::string_view("/socket").size(), path);
}

/// Its windows are as large as they can be: what holds anything up is that nobody reads.
std::string ask_for_all() {
  using namespace http;
  constexpr std::size_t kLargest = 0x7fffffff;
  constexpr std::size_t kFirst = 0xffff;
  return std::string(kPreface) + frame(kSettings, 0, 0, number(4, 2) + number(kLargest, 4)) + frame(kSettings, 1, 0) +
         frame(kWindow, 0, 0, number(kLargest - kFirst, 4)) +
         frame(kHeaders, kEndHeaders | kEndStream, 1,
               block({{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/flood"}}));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CutWrites,
    ::testing::Values(
        WriteRow{.name = "a_response", .say = "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        WriteRow{.name = "a_response_over_http2", .say = ask_for_all(), .over_http2 = true},
        WriteRow{
            .name = "a_request",
            .say = "POST /deaf HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::string(kEndless) + "\r\n\r\n",
            .client_floods = true},
        WriteRow{.name = "a_websocket_down", .say = open_socket("/socket/flood")},
        WriteRow{
            .name = "a_websocket_up", .say = open_socket("/socket/deaf"), .await = "\r\n\r\n", .client_floods = true},
        WriteRow{.name = "a_tunnel_down", .site = "flood.example", .say = "x", .event = "tcp"},
        WriteRow{.name = "a_tunnel_up", .site = "deaf.example", .say = "x", .client_floods = true, .event = "tcp"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::gateway
