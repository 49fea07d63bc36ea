#include "gateway/connection.h"

#include <array>

#include "gateway/tcp_visit.h"

namespace countersign::gateway {
namespace {

constexpr base::Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 1024 * 1024;

}  // namespace

net::Task<void> serve_connection(ConnectionContext context, LivePartner& live) {
  if (!live.connection.site->tunnel.empty()) return serve_tcp(context, live);
  switch (live.connection.protocol) {
    case tls::Protocol::http_1_1: return serve_h1(context, live);
    case tls::Protocol::http_2: return serve_h2(context, live);
  }
  return serve_h1(context, live);  // not reached: the switch is complete
}

net::Task<void> part_from(LivePartner& live) {
  net::Stream& stream = *live.connection.stream;
  const net::Deadline deadline = net::Deadline::after(kLingerTime);
  co_await stream.finish(deadline);
  std::array<std::uint8_t, 8192> dropped;
  for (std::size_t total = 0; total < kLingerBytes && !live.cut;) {
    const auto count = co_await stream.read_some(dropped, deadline);
    if (!count || *count == 0) break;
    total += *count;
  }
  stream.abort();
}

}  // namespace countersign::gateway
