// Generation: all that the gateway does by its configuration, as of one reading of the files: routes, upstreams,
// listeners with their sites, whom they believe and which of our certificates they show. A reload makes the next one
// and puts it in the place of this one as a whole, or leaves everything as it is.
//
// Immutable, but for what parts of it count and remember; these go on in the next generation where nothing that they
// depend on has changed. Shared by all threads; a request keeps the one it began under.
#pragma once

#include <memory>

#include "gateway/listener_plan.h"
#include "gateway/route_table.h"
#include "gateway/upstream/state.h"
#include "policy/watch.h"

namespace countersign::gateway {

class Generation;
using GenerationPointer = std::shared_ptr<const Generation>;

class Generation {
 public:
  /// What it stands on; borrowed for its life.
  struct Means {
    const feed::Knowledge& knowledge;
    Metrics& metrics;
    const base::Clock& clock;
    const base::Log& log;
  };
  /// Reads the files of roots. `before`: the one that this is to follow; null at start. Fails: files' errors,
  /// `trust.empty`.
  static base::Result<GenerationPointer> make(GatewayConfig config, const Means& means,
                                              const GenerationPointer& before);
  Generation(const Generation&) = delete;

  /// Counts those there were since the start, from 1.
  std::uint64_t number() const { return number_; }
  const GatewayConfig& config() const { return config_; }
  const RouteTable& routes() const { return routes_; }
  const std::shared_ptr<const UpstreamStates>& upstreams() const { return upstreams_; }
  const Plans& plans() const { return *plans_; }

 private:
  Generation(GatewayConfig config, const GenerationPointer& before);

  std::uint64_t number_;
  GatewayConfig config_;
  RouteTable routes_;
  std::shared_ptr<const UpstreamStates> upstreams_;
  std::optional<Plans> plans_;  ///< always there once made
};

/// A configuration that was read while `running` is in force, with what cannot change in a running process as it is
/// there. Names what was to change and did not, for a message.
std::vector<std::string> keep_what_needs_a_restart(GatewayConfig& read, const GatewayConfig& running);

}  // namespace countersign::gateway
