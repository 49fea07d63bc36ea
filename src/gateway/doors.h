// Doors: the sockets that the gateway listens on, as the main thread holds them. Workers watch duplicates, and a
// successor is given duplicates, so that a connection that waits in one of them is taken by somebody whatever happens
// to the others.
#pragma once

#include <string>
#include <vector>

#include "gateway/config.h"
#include "net/listen_socket.h"

namespace countersign::gateway {

/// Of one listener: as many sockets on one address as there were workers when it was opened.
struct Door {
  std::string name;  ///< door_of() a listener, or kStatusDoor
  std::vector<net::ListenSocket> sockets;
};
inline constexpr std::string_view kStatusDoor = "status";

class Doors {
 public:
  /// `inherited`: what a process before us listened on; what the configuration does not name is closed.
  explicit Doors(std::vector<Door> inherited = {}) : doors_(std::move(inherited)) {}

  /// Opens the listeners of `config` that have no door yet. Nothing changes; see keep(). Fails: `net.listen`.
  base::Result<std::vector<Door>> open_missing(const GatewayConfig& config) const;
  /// Opens the status door unless it is there. Fails: `net.listen`, `http.not_loopback`.
  base::Result<void> open_status(const GatewayConfig& config);
  /// Takes over what open_missing() opened, and closes what `config` does not name any more.
  void keep(std::vector<Door> opened, const GatewayConfig& config);
  const Door* find(std::string_view name) const;
  const std::vector<Door>& all() const { return doors_; }
  void close() { doors_.clear(); }

  /// The sockets of `door` for one of `workers`: each socket has a worker, and each worker a socket.
  static base::Result<std::vector<net::ListenSocket>> share(const Door& door, std::size_t worker, std::size_t workers);

 private:
  std::vector<Door> doors_;
};

}  // namespace countersign::gateway
