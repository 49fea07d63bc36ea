// UpstreamState: what all threads know of one upstream: its addresses and their health, the certificate we show it, and
// what was counted. Everything in it is thread-safe; what changes seldom has a number that says whether it changed.
#pragma once

#include <map>
#include <memory>

#include "base/published.h"
#include "gateway/observe/histogram.h"
#include "gateway/upstream/settings.h"
#include "tls/context.h"

namespace countersign::gateway {

/// One address to connect to.
struct UpstreamAddress {
  net::Endpoint endpoint;  ///< as it is connected to
  std::string host;        ///< as it was configured: the name its certificate must carry unless another one is given
  AddressHealth health = {};
  std::atomic<std::uint64_t> requests{0};  ///< sent there
  std::atomic<std::uint64_t> failures{0};

  UpstreamAddress(net::Endpoint e, std::string h) : endpoint(std::move(e)), host(std::move(h)) {}
};
using UpstreamAddresses = std::vector<std::shared_ptr<UpstreamAddress>>;

class UpstreamState {
 public:
  explicit UpstreamState(UpstreamSettings settings);

  const UpstreamSettings& settings() const { return settings_; }
  /// Nobody keeps its health true any more: no configuration names it.
  void retire() { retired_.store(true, std::memory_order_relaxed); }
  bool is_retired() const { return retired_.load(std::memory_order_relaxed); }

  /// Rises with each new list of addresses and each credential.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const UpstreamAddresses> addresses() const { return addresses_.take(); }
  /// What the names of the settings lead to now: for the i-th of them `resolved[i]`, which is empty where nothing is
  /// known. Those known before keep their health. True when that changed anything.
  bool use_addresses(const std::vector<std::vector<net::Endpoint>>& resolved);

  /// Null: none is shown, or none is there yet.
  std::shared_ptr<const tls::Credential> credential() const { return credential_.take(); }
  void use_credential(std::shared_ptr<const tls::Credential> own);

  struct Counts {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> retries{0};
    std::atomic<std::uint64_t> overloaded{0};  ///< refused by the breaker
    std::atomic<std::uint64_t> failed{0};      ///< answered 502, 503 or 504 by us
    std::atomic<std::uint64_t> cut{0};         ///< connections, because their certificate is not believed any more
    std::atomic<std::int64_t> connections{0};  ///< open now
    std::atomic<std::int64_t> pending{0};      ///< requests that wait for one
    std::atomic<std::uint64_t> switched{0};    ///< became tunnels
    std::atomic<std::int64_t> tunnels{0};      ///< open now
    Histogram time = {};                       ///< from the request's head sent to the response's head read
  };
  Counts counts = {};

 private:
  const UpstreamSettings settings_;
  base::Published<UpstreamAddresses> addresses_;
  base::Published<tls::Credential> credential_;
  std::atomic<std::uint64_t> version_{1};
  std::atomic<bool> retired_{false};
};

/// All upstreams of one configuration, and no more: those with a name, and those that routes name by their address.
/// Never changes; what is in it does.
class UpstreamStates {
 public:
  /// With settings_of_address() for each of those. Of `before`, unless null, it goes on with the upstreams whose
  /// settings are the same: their health, connections and counts. What of it is not wanted any more goes with it.
  UpstreamStates(std::vector<UpstreamSettings> wanted, const UpstreamStates* before = nullptr);

  /// Null where no upstream has this name.
  std::shared_ptr<UpstreamState> named(const std::string& name) const;
  /// Null where no route names this address.
  std::shared_ptr<UpstreamState> at(const net::Endpoint& address) const { return named(address.to_string()); }
  std::vector<std::shared_ptr<UpstreamState>> all() const;
  /// Metrics in the Prometheus text format.
  std::string to_text(AddressHealth::Time now) const;

 private:
  std::map<std::string, std::shared_ptr<UpstreamState>> by_name_;  ///< an address has a ':', a name of an upstream none
};

}  // namespace countersign::gateway
