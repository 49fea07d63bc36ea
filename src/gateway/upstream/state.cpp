#include "gateway/upstream/state.h"

#include <algorithm>

namespace countersign::gateway {
namespace {

UpstreamAddresses as_configured(const UpstreamSettings& settings) {
  UpstreamAddresses addresses;
  for (const net::Endpoint& address : settings.addresses)
    addresses.push_back(std::make_shared<UpstreamAddress>(address, address.host));
  return addresses;
}

std::shared_ptr<UpstreamAddress> find(const UpstreamAddresses& addresses, const net::Endpoint& endpoint,
                                      const std::string& host) {
  const auto found = std::ranges::find_if(
      addresses, [&](const auto& known) { return known->endpoint == endpoint && known->host == host; });
  return found == addresses.end() ? nullptr : *found;
}

}  // namespace

UpstreamState::UpstreamState(UpstreamSettings settings)
    : settings_(std::move(settings)), addresses_(std::make_shared<const UpstreamAddresses>(as_configured(settings_))) {}

bool UpstreamState::use_addresses(const std::vector<std::vector<net::Endpoint>>& resolved) {
  const auto before = addresses_.take();
  UpstreamAddresses now;
  for (std::size_t i = 0; i < settings_.addresses.size(); ++i) {
    const net::Endpoint& name = settings_.addresses[i];
    std::vector<net::Endpoint> endpoints = resolved[i];
    if (endpoints.empty()) endpoints.push_back(name);
    for (net::Endpoint& endpoint : endpoints) {
      auto known = find(*before, endpoint, name.host);
      if (known == nullptr) known = std::make_shared<UpstreamAddress>(std::move(endpoint), name.host);
      if (std::ranges::find(now, known) == now.end()) now.push_back(std::move(known));
    }
  }
  if (now == *before) return false;
  addresses_.publish(std::make_shared<const UpstreamAddresses>(std::move(now)));
  version_.fetch_add(1, std::memory_order_acq_rel);
  return true;
}

void UpstreamState::use_credential(std::shared_ptr<const tls::Credential> own) {
  credential_.publish(std::move(own));
  version_.fetch_add(1, std::memory_order_acq_rel);
}

namespace {

/// Sets of anchors are read anew each time; the same roots are the same set.
void take_known_anchors(UpstreamSettings& settings, const UpstreamSettings& known) {
  if (!settings.tls || !known.tls) return;
  if (settings.tls->anchors->anchors().anchors() == known.tls->anchors->anchors().anchors())
    settings.tls->anchors = known.tls->anchors;
}

}  // namespace

UpstreamStates::UpstreamStates(std::vector<UpstreamSettings> wanted, const UpstreamStates* before) {
  for (UpstreamSettings& settings : wanted) {
    if (by_name_.contains(settings.name)) continue;  // an address that several routes name
    auto state = before == nullptr ? nullptr : before->named(settings.name);
    if (state != nullptr) take_known_anchors(settings, state->settings());
    if (state == nullptr || state->settings() != settings) state = std::make_shared<UpstreamState>(settings);
    by_name_.emplace(settings.name, std::move(state));
  }
}

std::shared_ptr<UpstreamState> UpstreamStates::named(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<UpstreamState>> UpstreamStates::all() const {
  std::vector<std::shared_ptr<UpstreamState>> states;
  for (const auto& [name, state] : by_name_)
    states.push_back(state);
  return states;
}

std::string UpstreamStates::to_text(AddressHealth::Time now) const {
  std::string counters;
  std::string gauges;
  std::string cut;
  std::string sent;
  std::string failed;
  std::string health;
  std::string times;
  for (const auto& state : all()) {
    const std::string of = base::metric_label("upstream", state->settings().name);
    const UpstreamState::Counts& counts = state->counts;
    const auto event = [&](std::string_view kind, std::uint64_t count) {
      counters += kMetrics.line("upstream_requests_total", of + "," + base::metric_label("event", kind), count);
    };
    event("begun", counts.requests);
    event("retried", counts.retries);
    event("overloaded", counts.overloaded);
    event("failed", counts.failed);
    event("upgraded", counts.switched);
    const auto gauge = [&](std::string_view state_name, std::int64_t count) {
      gauges += kMetrics.line("upstream_connections", of + "," + base::metric_label("state", state_name),
                              static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)));
    };
    gauge("open", counts.connections);
    gauge("awaited", counts.pending);
    gauge("upgraded", counts.tunnels);
    cut += kMetrics.line("upstream_connections_cut_total", of, counts.cut);
    times += counts.time.to_text("upstream_seconds", of);
    for (const auto& address : *state->addresses()) {
      const std::string at = of + "," + base::metric_label("address", address->endpoint.to_string());
      sent += kMetrics.line("upstream_address_requests_total", at, address->requests);
      failed += kMetrics.line("upstream_address_failures_total", at, address->failures);
      const bool good = !address->health.is_down() && !address->health.is_ejected(now);
      health += kMetrics.line("upstream_address_healthy", at, std::uint64_t{good ? 1U : 0U});
    }
  }
  return kMetrics.heading(
             "upstream_requests_total", "counter",
             "Requests of upstreams: begun, sent again, refused as too many, failed, upgraded to another protocol.") +
         counters +
         kMetrics.heading("upstream_connections", "gauge",
                          "Connections to upstreams that are open, requests that wait for one, and connections that "
                          "speak another protocol.") +
         gauges +
         kMetrics.heading("upstream_connections_cut_total", "counter",
                          "Connections to upstreams cut because their certificate is not believed any more.") +
         cut +
         kMetrics.heading("upstream_address_requests_total", "counter", "Requests sent to an address of an upstream.") +
         sent +
         kMetrics.heading("upstream_address_failures_total", "counter",
                          "Of these, those that failed or were answered 502, 503 or 504.") +
         failed +
         kMetrics.heading("upstream_address_healthy", "gauge",
                          "1 while an address is asked; 0 while its checks fail or it is ejected.") +
         health +
         kMetrics.heading("upstream_seconds", "histogram",
                          "From a request's head sent to an upstream to the head of its response.") +
         times;
}

}  // namespace countersign::gateway
