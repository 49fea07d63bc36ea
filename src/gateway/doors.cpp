#include "gateway/doors.h"

#include <algorithm>

#include "gateway/listening_addresses.h"
#include "http/plain_server.h"

namespace countersign::gateway {
namespace {

base::Result<Door> open_door(const ListenerConfig& listener, std::size_t workers) {
  Door door{door_of(listener), {}};
  net::Endpoint at = listener.listen;
  for (std::size_t i = 0; i < workers; ++i) {
    const net::ListenSocket::Options options{.at = at, .reuse_port = workers > 1};
    BASE_TRY(auto socket, net::ListenSocket::open(options));
    at = socket.local();
    door.sockets.push_back(std::move(socket));
  }
  return door;
}

}  // namespace

const Door* Doors::find(std::string_view name) const {
  const auto found = std::ranges::find(doors_, name, &Door::name);
  return found == doors_.end() ? nullptr : &*found;
}

base::Result<std::vector<Door>> Doors::open_missing(const GatewayConfig& config) const {
  BASE_TRY_VOID(check_listening_addresses(config.listeners));
  std::vector<Door> opened;
  for (const ListenerConfig& listener : config.listeners) {
    if (find(door_of(listener)) != nullptr) continue;
    BASE_TRY(auto door, open_door(listener, config.workers));
    opened.push_back(std::move(door));
  }
  return opened;
}

base::Result<void> Doors::open_status(const GatewayConfig& config) {
  const Door* const there = find(kStatusDoor);
  const bool fits =
      there != nullptr && (config.status.port == 0 || there->sockets.front().local().port == config.status.port);
  if (fits) return {};
  std::erase_if(doors_, [](const Door& door) { return door.name == kStatusDoor; });
  if (!http::is_loopback(config.status))
    return base::fail(base::Kind::invalid, "http.not_loopback", "'" + config.status.to_string() + "' is not loopback");
  const net::ListenSocket::Options options{.at = config.status};
  BASE_TRY(auto socket, net::ListenSocket::open(options));
  Door door{std::string(kStatusDoor), {}};
  door.sockets.push_back(std::move(socket));
  doors_.push_back(std::move(door));
  return {};
}

void Doors::keep(std::vector<Door> opened, const GatewayConfig& config) {
  std::erase_if(doors_, [&](const Door& door) {
    return door.name != kStatusDoor &&
           std::ranges::find(config.listeners, door.name, door_of) == config.listeners.end();
  });
  for (Door& door : opened)
    doors_.push_back(std::move(door));
}

base::Result<std::vector<net::ListenSocket>> Doors::share(const Door& door, std::size_t worker, std::size_t workers) {
  std::vector<net::ListenSocket> sockets;
  const std::size_t count = door.sockets.size();
  for (std::size_t i = worker % count; i < count; i += workers) {
    BASE_TRY(auto socket, door.sockets[i].duplicate());
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

}  // namespace countersign::gateway
