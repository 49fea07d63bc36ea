#include "gateway/given_doors.h"

#include <algorithm>

namespace countersign::gateway {
namespace {

struct Place {
  std::string name;  ///< of a listener, or kStatusDoor
  std::string door;
  net::Endpoint at;
};

base::Result<std::vector<Place>> places_of(const GatewayConfig& config) {
  std::vector<Place> places;
  for (const ListenerConfig& listener : config.listeners) {
    BASE_TRY(const net::Endpoint at, net::ListenSocket::address_of(listener.listen));
    places.push_back({listener.name, door_of(listener), at});
  }
  BASE_TRY(const net::Endpoint status, net::ListenSocket::address_of(config.status));
  places.push_back({std::string(kStatusDoor), std::string(kStatusDoor), status});
  return places;
}

/// Port 0 stands for any.
bool is_at(const net::ListenSocket& socket, const net::Endpoint& at) {
  return socket.local().host == at.host && (at.port == 0 || socket.local().port == at.port);
}

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "gateway.given_sockets", std::move(detail));
}

std::string describe(const net::GivenSocket& one) {
  return "the socket '" + one.name + "' at " + one.socket.local().to_string() + ", which the service manager opened, ";
}

base::Result<const Place*> place_for(const net::GivenSocket& one, const std::vector<Place>& places) {
  const auto named = std::ranges::find(places, one.name, &Place::name);
  if (named != places.end()) {
    if (is_at(one.socket, named->at)) return &*named;
    return wrong(describe(one) + "is named like what is to be at " + named->at.to_string() +
                 ": ListenStream= and 'listen' must say the same");
  }
  const auto there = std::ranges::find_if(
      places, [&](const Place& place) { return place.at.port != 0 && is_at(one.socket, place.at); });
  if (there != places.end()) return &*there;
  return wrong(describe(one) +
               "belongs to no listener: FileDescriptorName= must be a listener's name or \"status\", or ListenStream= "
               "the address of one");
}

}  // namespace

base::Result<std::vector<Door>> given_doors(std::vector<net::GivenSocket> given, const GatewayConfig& config) {
  std::vector<Door> doors;
  if (given.empty()) return doors;
  BASE_TRY(const auto places, places_of(config));
  for (net::GivenSocket& one : given) {
    BASE_TRY(const Place* place, place_for(one, places));
    auto door = std::ranges::find(doors, place->door, &Door::name);
    if (door == doors.end()) door = doors.insert(doors.end(), Door{place->door, {}});
    door->sockets.push_back(std::move(one.socket));
  }
  return doors;
}

}  // namespace countersign::gateway
