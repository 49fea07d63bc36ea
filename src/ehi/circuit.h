// Circuit: where an endpoint is called: its primary site, its recovery site, or nowhere until a probe got through.
//
// Failures in a row open a site's circuit; then it is probed (a handshake without a request) after pauses that double,
// and closed by the first that succeeds - on trial: one failure opens it again. The primary is called whenever it is
// closed, so a probe that got through is the fail-back. Pure: time is an argument.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace countersign::ehi {

enum class Site { primary, recovery };
std::string_view name(Site site);

class Circuit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    std::int64_t failures = 5;                                ///< in a row
    base::Duration pause = std::chrono::seconds(1);           ///< before the first probe
    base::Duration longest_pause = std::chrono::seconds(60);  ///< pauses double up to this
  };
  enum class Change { none, opened, closed };
  enum class Sites { one, two };

  Circuit(Limits limits, Sites sites) : limits_(limits), sites_(sites) {}

  /// Where to call; nothing: nowhere.
  std::optional<Site> choose() const;
  bool is_closed(Site site) const;
  Change answered(Site site);
  Change failed(Site site, Time now);
  /// A site that is to be probed now; it is not named again before probed().
  std::optional<Site> take_probe(Time now);
  enum class Outcome { reached, unreached };
  Change probed(Site site, Outcome outcome, Time now);

 private:
  struct State {
    bool open = false;
    bool probing = false;
    bool on_trial = false;
    std::int64_t failures = 0;
    base::Duration pause{};
    Time probe_at{};
  };
  State& of(Site site) { return states_[static_cast<std::size_t>(site)]; }
  const State& of(Site site) const { return states_[static_cast<std::size_t>(site)]; }

  Limits limits_;
  Sites sites_;
  std::array<State, 2> states_{};
};

}  // namespace countersign::ehi
