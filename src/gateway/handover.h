// Handover: how a gateway that runs gives its sockets to the one that follows it, so that no connection finds nobody.
//
// The successor starts whole beside us, with our sockets but without touching them; only when it is ready it is told to
// go, and only when it says that it serves we stop. Whatever fails before that leaves us as we were. What one says:
//
//   successor          predecessor
//   hello 1 PID   ->
//                 <-   door NAME, with descriptors (as often as needed), then: end
//   ready         ->   (from now on the files in `data` are the successor's)
//                 <-   go
//   serving       ->   (stops accepting, drains and ends; only now the successor accepts)
#pragma once

#include <functional>
#include <optional>

#include "gateway/doors.h"
#include "net/descriptor_channel.h"

namespace countersign::gateway {

/// The successor's side.
class Inheritance {
 public:
  /// Asks the gateway that listens at `path` for its sockets; nothing where there is none. Fails: as
  /// net::DescriptorChannel, `handover.refused` for what is no answer.
  static net::Task<base::Result<std::optional<Inheritance>>> ask(net::Loop& loop, std::filesystem::path path);

  std::vector<Door> take_doors() { return std::move(doors_); }
  /// We could serve now: waits for leave. Fails: `handover.refused`; then the other one goes on, and we must not begin.
  net::Task<base::Result<void>> be_ready();
  /// We serve from now on: the other one stops taking connections. To be said before we take the first.
  net::Task<void> confirm();

 private:
  explicit Inheritance(net::DescriptorChannel channel) : channel_(std::move(channel)) {}
  net::Task<base::Result<void>> receive_doors();
  net::DescriptorChannel channel_;
  std::vector<Door> doors_ = {};
};

/// The predecessor's side: what is asked of it in the course of one hand-over.
struct Bequest {
  const Doors& doors;
  std::function<void()> let_go;  ///< the successor is ready: the files are its own
};
/// Hands over to whoever is at the other end of `channel`. Its process id once it serves. Fails: as the channel, at
/// each step; the successor is gone or hopeless then.
net::Task<base::Result<int>> hand_over(net::DescriptorChannel channel, Bequest bequest);

}  // namespace countersign::gateway
