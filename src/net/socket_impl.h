// Socket::Impl: what a Socket owns. Private to net.
//
// Shared with the frames that are suspended in an operation, so that it outlives an abort() or the Socket itself.
#pragma once

#include <optional>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "net/deadline_wheel.h"
#include "net/socket.h"

namespace countersign::net {

using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;

/// Cancels what is pending on a descriptor at its deadline.
class Cancellation final : public DeadlineWheel::Entry {
 public:
  explicit Cancellation(Descriptor& descriptor) : descriptor_(descriptor) {}
  bool timed_out = false;
  bool pending = false;

 private:
  void on_deadline() noexcept override;
  Descriptor& descriptor_;
};

struct Socket::Impl {
  Impl(Loop& l, Endpoint peer_address) : loop(l), descriptor(l.executor()), peer(std::move(peer_address)) {}
  /// Owns `open_descriptor` from now on. Null, with errno set and the descriptor closed, when the kernel has no room
  /// left to watch it.
  static std::shared_ptr<Impl> adopt(Loop& loop, int open_descriptor, Endpoint peer);

  /// Keeps `impl`, which may be null as that of a moved-from Socket is.
  static Task<base::Result<void>> wait(std::shared_ptr<Impl> impl, Ready direction, Deadline deadline);
  /// Did too many operations in a row need no wait? Counts this one.
  bool is_yield_due();
  /// Lets other tasks run.
  Task<void> yield();
  ssize_t read_now(std::span<std::uint8_t> into);
  /// Once it was waited for as writable, Asio asks the kernel for that in every later wait too, and the kernel answers
  /// at once each time. This makes it as if it was adopted anew. False when the kernel has no room left.
  bool forget_writable();
  void abort() noexcept;

  Loop& loop;
  Descriptor descriptor;
  Endpoint peer;
  std::optional<Endpoint> local;  ///< asked for when first wanted
  bool aborted = false;
  bool hung_up = false;        ///< by hang_up()
  bool maybe_readable = true;  ///< false: the last read emptied the kernel's buffer, so wait before the next
  int without_wait = 0;
  Cancellation reading{descriptor};
  Cancellation writing{descriptor};
};

}  // namespace countersign::net
