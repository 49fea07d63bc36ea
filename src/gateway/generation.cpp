#include "gateway/generation.h"

#include <algorithm>

namespace countersign::gateway {
namespace {

/// A route that is served as before goes on with its counts.
void keep_counts(std::vector<Route>& routes, const Generation* before) {
  if (before == nullptr) return;
  for (Route& route : routes)
    for (const Route& known : before->routes().routes())
      if (known.host == route.host && known.path == route.path && known.listeners == route.listeners)
        route.counts = known.counts;
}

std::vector<Route> routes_of(const GatewayConfig& config, const Generation* before) {
  std::vector<Route> routes = config.routes;
  keep_counts(routes, before);
  return routes;
}

/// Those with a name, and those that routes name by their address.
std::vector<UpstreamSettings> upstreams_of(const GatewayConfig& config) {
  std::vector<UpstreamSettings> upstreams = config.upstreams;
  for (const Route& route : config.routes)
    if (route.upstream_name.empty()) upstreams.push_back(settings_of_address(route.upstream, config.upstream_times()));
  return upstreams;
}

}  // namespace

Generation::Generation(GatewayConfig config, const GenerationPointer& before)
    : number_(before == nullptr ? 1 : before->number() + 1),
      config_(std::move(config)),
      routes_(routes_of(config_, before.get())),
      upstreams_(std::make_shared<const UpstreamStates>(upstreams_of(config_),
                                                        before == nullptr ? nullptr : before->upstreams_.get())) {}

base::Result<GenerationPointer> Generation::make(GatewayConfig config, const Means& means,
                                                 const GenerationPointer& before) {
  std::shared_ptr<Generation> made(new Generation(std::move(config), before));
  const Plans* const plans_before = before == nullptr ? nullptr : &before->plans();
  BASE_TRY(auto plans,
           Plans::make(made->config_, means.knowledge, means.metrics, means.clock, means.log, plans_before));
  made->plans_.emplace(std::move(plans));
  return made;
}

std::vector<std::string> keep_what_needs_a_restart(GatewayConfig& read, const GatewayConfig& running) {
  std::vector<std::string> named;
  const auto keep = [&named](auto& now, const auto& before, const char* key) {
    if (now == before) return;
    named.emplace_back(key);
    now = before;
  };
  keep(read.workers, running.workers, "workers");
  keep(read.data, running.data, "data");
  keep(read.authority, running.authority, "authority");
  keep(read.status, running.status, "status");
  keep(read.handover, running.handover, "handover");
  keep(read.trust_chain, running.trust_chain, "trust_chain");
  keep(read.partner_chain, running.partner_chain, "partner_chain");
  return named;
}

}  // namespace countersign::gateway
