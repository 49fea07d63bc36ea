// Socket::Impl: what a Socket owns. Private to net.
//
// Shared with the frames that are suspended in an operation, so that it outlives an abort() or the Socket itself.
#pragma once

#include <optional>

#include "net/deadline_wheel.h"
#include "net/readiness.h"
#include "net/socket.h"

namespace countersign::net {

/// Disturbs whoever waits for one side of a socket at its deadline.
class Cancellation final : public DeadlineWheel::Entry {
 public:
  Cancellation(Readiness::Watched& watched, Readiness::Side& side) : watched_(watched), side_(side) {}
  bool timed_out = false;
  bool pending = false;
  Readiness::Side& side() { return side_; }

 private:
  void on_deadline() noexcept override;
  Readiness::Watched& watched_;
  Readiness::Side& side_;
};

struct Socket::Impl {
  Impl(Loop& l, Endpoint peer_address) : loop(l), watched(Readiness::of(l)), peer(std::move(peer_address)) {}
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
  ssize_t write_now(base::BytesView data);
  void abort() noexcept;
  int descriptor() const { return watched.descriptor(); }

  Loop& loop;
  Readiness::Watched watched;
  Endpoint peer;
  std::optional<Endpoint> local;  ///< asked for when first wanted
  bool aborted = false;
  std::function<void()> when_aborted = {};
  bool hung_up = false;  ///< by hang_up()
  int without_wait = 0;
  Cancellation reading{watched, watched.reading};
  Cancellation writing{watched, watched.writing};
};

}  // namespace countersign::net
