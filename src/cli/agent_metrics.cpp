#include <algorithm>
#include <functional>

#include "base/metric_text.h"
#include "cli/agent.h"

namespace countersign::cli {
namespace {

constexpr base::MetricText kMetrics{"countersign_agent_"};

struct Family {
  const char* name;
  const char* type;
  const char* help;
};

std::string heading(const Family& family) { return kMetrics.heading(family.name, family.type, family.help); }

std::string line(const Family& family, const Keeper& keeper, const std::string& outcome, std::int64_t value) {
  std::string labels = base::metric_label("dir", keeper.options().folder.string()) + "," +
                       base::metric_label("purpose", trust::name(keeper.options().purpose));
  if (!outcome.empty()) labels += "," + base::metric_label("outcome", outcome);
  return kMetrics.line(family.name, labels, value);
}

}  // namespace

std::string to_metrics(const std::vector<const Keeper*>& keepers) {
  static constexpr Family kEnd{"certificate_not_after_seconds", "gauge",
                               "When the certificate ends; 0: none is usable."};
  static constexpr Family kRenewalsTotal{"renewals_total", "counter", "Renewals by outcome."};
  static constexpr Family kHooks{"hooks_total", "counter", "Hooks run, by outcome."};
  static constexpr Family kFailures{"failures_in_a_row", "gauge", "Failed renewals and hooks since the last success."};
  static constexpr Family kPending{"pending", "gauge", "1: a renewal waits for approval."};
  std::string end = heading(kEnd);
  std::string renewals = heading(kRenewalsTotal);
  std::string hooks = heading(kHooks);
  std::string failures = heading(kFailures);
  std::string pending = heading(kPending);
  const auto count = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
  for (const Keeper* keeper : keepers) {
    const Keeper::State& state = keeper->state();
    end += line(kEnd, *keeper, "", state.not_after ? state.not_after->unix_seconds() : 0);
    renewals += line(kRenewalsTotal, *keeper, "renewed", count(state.renewed));
    renewals += line(kRenewalsTotal, *keeper, "failed", count(state.failed));
    hooks += line(kHooks, *keeper, "done", count(state.hooks_done));
    hooks += line(kHooks, *keeper, "failed", count(state.hooks_failed));
    failures += line(kFailures, *keeper, "", state.failures_in_a_row);
    pending += line(kPending, *keeper, "", state.pending ? 1 : 0);
  }
  return end + renewals + hooks + failures + pending;
}

bool are_ready(const std::vector<const Keeper*>& keepers, base::Instant now) {
  return std::ranges::all_of(keepers, [now](const Keeper* keeper) {
    const Keeper::State& state = keeper->state();
    return state.not_before && state.not_after && *state.not_before <= now && now < *state.not_after;
  });
}

}  // namespace countersign::cli
