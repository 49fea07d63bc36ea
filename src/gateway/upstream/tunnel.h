// run_tunnel: bytes both ways between two streams, as they come, until both have ended: what is left of HTTP once both
// ends have agreed to speak something else (RFC 9110 section 7.8).
//
// Constant memory: what one side does not take is not read from the other. Whoever aborts one of the streams - a
// revocation does - ends both, at once.
#pragma once

#include <optional>
#include <string>

#include "net/loop.h"
#include "net/stream.h"

namespace countersign::gateway {

enum class TunnelWay { up, down };

/// Whoever counts what passes, and may slow it down or end it.
class TunnelMeter {
 public:
  virtual ~TunnelMeter() = default;
  /// So much has gone on; the next of this way is read when this is done. A failure ends the tunnel.
  virtual net::Task<base::Result<void>> passed(TunnelWay way, std::uint64_t bytes) = 0;
  /// The tunnel is at its end: whatever waits in passed() is to come back.
  virtual void end() noexcept = 0;
};

struct TunnelEnds {
  net::Stream& client;
  net::Stream& upstream;
  std::string from_client;  ///< read of it already
  std::string from_upstream;
  TunnelMeter* meter = nullptr;  ///< nobody counts but the outcome
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
