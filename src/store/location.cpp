#include "store/location.h"

namespace countersign::store {
namespace {

constexpr postgres::Use kRegistry{.what = "the registry",
                                  .code = "store.location",
                                  .danger = "danger_unverified_registry = true in [authority]",
                                  .program = "countersign-authority"};

}  // namespace

base::Result<Location> Location::parse(const std::string& uri, Peer peer) {
  BASE_TRY(postgres::Address address, postgres::parse_address(uri, peer, kRegistry));
  Location location;
  location.shown_ = std::move(address.shown);
  location.connection_ = std::move(address.connection);
  return location;
}

}  // namespace countersign::store
