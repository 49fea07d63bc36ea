// Stream: bytes both ways, in order: a TCP connection (net::Socket) or a TLS connection (tls::Stream).
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "net/endpoint.h"
#include "net/task.h"

namespace countersign::net {

/// Belongs to one loop; at most one read and one write are pending at a time.
class Stream {
 public:
  virtual ~Stream() = default;

  /// At least one byte into `into`, or 0 at the orderly end. Fails: `net.timeout` (Kind::timeout), `net.reset`
  /// (Kind::unavailable), for TLS also `tls.truncated`.
  virtual Task<base::Result<std::size_t>> read_some(std::span<std::uint8_t> into, Deadline deadline) = 0;
  /// All of `data`, or a failure; `data` is borrowed until then. Fails: `net.timeout`, `net.reset`.
  virtual Task<base::Result<void>> write_all(base::BytesView data, Deadline deadline) = 0;
  /// Says that nothing more will be written (FIN; for TLS close_notify first). Best effort.
  virtual Task<void> finish(Deadline deadline) = 0;
  /// Closes at once; pending operations fail with `net.reset`. May be called more than once.
  virtual void abort() noexcept = 0;
  /// abort() for a peer that is to have nothing more: what was written and is not on its way is thrown away, too.
  virtual void cut() noexcept { abort(); }
  /// Has all that was written left for the other end, so that cut() would throw nothing away? Never blocks.
  virtual bool is_on_its_way() const { return true; }
  /// Calls `then`, which must not throw, from within the abort() that closes the connection: for whoever works for this
  /// end and waits elsewhere. Replaces what was set before; an empty one takes it back, as must be done before what
  /// `then` uses dies. A stream that nobody aborts but its own reader may leave it out.
  virtual void when_aborted(std::function<void()> then) { (void)then; }
  /// The other end, as the kernel names it.
  virtual const Endpoint& peer() const = 0;
  /// Our end, as the kernel names it: the address that the other end came to.
  virtual const Endpoint& local() const = 0;
  /// Is there something to read, an end or a reset? For idle pooled connections, which should be silent. Never blocks.
  virtual bool has_unexpected_input() = 0;
  /// Is it known, without asking, that there was nothing of that when the loop last looked at its sockets, and that it
  /// has looked since the last read? What has come since then goes unnoticed.
  virtual bool is_known_silent() const { return false; }
};

}  // namespace countersign::net
