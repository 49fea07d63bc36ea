#include "gateway/listening_addresses.h"

namespace countersign::gateway {
namespace {

/// IPv4 addresses hold no colon.
bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

/// The wildcard of IPv6 takes connections of IPv4, too (Linux, net.ipv6.bindv6only = 0).
bool holds(const std::string& wildcard, const std::string& address) {
  return wildcard == "::" || (wildcard == "0.0.0.0" && !is_v6(address));
}

bool overlap(const net::Endpoint& a, const net::Endpoint& b) {
  if (a.port != b.port || a.port == 0) return false;
  return a.host == b.host || holds(a.host, b.host) || holds(b.host, a.host);
}

}  // namespace

base::Result<void> check_listening_addresses(const std::vector<ListenerConfig>& listeners) {
  std::vector<net::Endpoint> addresses;
  for (const ListenerConfig& listener : listeners) {
    BASE_TRY(const net::Endpoint address, net::ListenSocket::address_of(listener.listen));
    for (std::size_t i = 0; i < addresses.size(); ++i)
      if (overlap(addresses[i], address))
        return base::fail(base::Kind::invalid, "gateway.config",
                          "the listeners '" + listeners[i].name + "' (" + listeners[i].listen.to_string() + ") and '" +
                              listener.name + "' (" + listener.listen.to_string() +
                              ") lead to one port of one address: give them ports or addresses that do not overlap, or "
                              "make them sites of one listener");
    addresses.push_back(address);
  }
  return {};
}

}  // namespace countersign::gateway
