#include "ehi/circuit.h"

#include <algorithm>

namespace countersign::ehi {

std::string_view name(Site site) {
  switch (site) {
    case Site::primary: return "primary";
    case Site::recovery: return "recovery";
  }
  return "";
}

std::optional<Site> Circuit::choose() const {
  if (is_closed(Site::primary)) return Site::primary;
  if (is_closed(Site::recovery)) return Site::recovery;
  return std::nullopt;
}

bool Circuit::is_closed(Site site) const { return !of(site).open && (site == Site::primary || sites_ == Sites::two); }

/// An answer to a call that began before the circuit opened says that the site is there: but the probe decides.
Circuit::Change Circuit::answered(Site site) {
  State& state = of(site);
  if (state.open) return Change::none;
  state = State();
  return Change::none;
}

Circuit::Change Circuit::failed(Site site, Time now) {
  State& state = of(site);
  if (state.open) return Change::none;
  ++state.failures;
  if (state.failures < limits_.failures && !state.on_trial) return Change::none;
  const base::Duration pause = state.on_trial ? std::min(state.pause * 2, limits_.longest_pause) : limits_.pause;
  state = State();
  state.open = true;
  state.pause = pause;
  state.probe_at = now + pause;
  return Change::opened;
}

std::optional<Site> Circuit::take_probe(Time now) {
  for (const Site site : {Site::primary, Site::recovery}) {
    State& state = of(site);
    if (!state.open || state.probing || now < state.probe_at) continue;
    state.probing = true;
    return site;
  }
  return std::nullopt;
}

Circuit::Change Circuit::probed(Site site, Outcome outcome, Time now) {
  State& state = of(site);
  if (!state.open) return Change::none;
  state.probing = false;
  if (outcome == Outcome::unreached) {
    state.pause = std::min(state.pause * 2, limits_.longest_pause);
    state.probe_at = now + state.pause;
    return Change::none;
  }
  state.open = false;
  state.on_trial = true;
  state.failures = 0;
  return Change::closed;
}

}  // namespace countersign::ehi
