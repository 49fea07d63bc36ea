#include "net/configured_networks.h"

namespace countersign::net {

base::Result<Networks> read_networks(base::ConfigSection& section, std::string_view key) {
  BASE_TRY(const auto texts, section.texts(key));
  Networks networks;
  for (const std::string& text : texts) {
    auto network = Network::parse(text);
    if (!network)
      return base::fail(base::Kind::invalid, "config.value",
                        "'" + section.path_of(key) + "': " + network.error().detail);
    networks.push_back(std::move(*network));
  }
  return networks;
}

}  // namespace countersign::net
