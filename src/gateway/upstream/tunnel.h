// run_tunnel: bytes both ways between two streams, as they come, until both have ended: what is left of HTTP once both
// ends have agreed to speak something else (RFC 9110 section 7.8).
//
// Constant memory: what one side does not take is not read from the other. Whoever aborts one of the streams - a
// revocation does - ends both.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "net/loop.h"
#include "net/stream.h"

namespace countersign::gateway {

enum class TunnelWay { to_upstream, to_client };

struct TunnelEnds {
  net::Stream& client;
  net::Stream& upstream;
  std::string from_client;  ///< read of it already
  std::string from_upstream;
  /// Asked before so many bytes are passed on. An error: they are not, and the tunnel ends with it in both directions.
  std::function<base::Result<void>(TunnelWay, std::uint64_t)> may_pass;
};

struct TunnelOutcome {
  std::uint64_t to_upstream = 0;  ///< bytes
  std::uint64_t to_client = 0;
  std::optional<base::Error> failure = {};  ///< nothing: both sides ended in order
};

/// Borrows both streams. A side that ends is told to the other, which may go on; silence in both directions for
/// `idle_time` ends it (`net.timeout`).
net::Task<TunnelOutcome> run_tunnel(net::Loop& loop, const base::Log& log, TunnelEnds ends, base::Duration idle_time);

}  // namespace countersign::gateway
