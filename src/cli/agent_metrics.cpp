#include <algorithm>
#include <functional>

#include "cli/agent.h"

namespace countersign::cli {
namespace {

/// Prometheus text format 0.0.4: backslash, double quote and line feed are escaped in label values.
std::string label(std::string_view key, std::string_view value) {
  std::string text = std::string(key) + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text + "\"";
}

struct Family {
  const char* name;
  const char* type;
  const char* help;
};

std::string heading(const Family& family) {
  const std::string full = "countersign_agent_" + std::string(family.name);
  return "# HELP " + full + " " + family.help + "\n# TYPE " + full + " " + family.type + "\n";
}

std::string line(const Family& family, const Keeper& keeper, const std::string& outcome, std::int64_t value) {
  return "countersign_agent_" + std::string(family.name) + "{" + label("dir", keeper.options().folder.string()) + "," +
         label("purpose", trust::name(keeper.options().purpose)) +
         (outcome.empty() ? "" : "," + label("outcome", outcome)) + "} " + std::to_string(value) + "\n";
}

}  // namespace

std::string to_metrics(const std::vector<const Keeper*>& keepers) {
  static constexpr Family kEnd{"certificate_not_after_seconds", "gauge",
                               "When the certificate ends; 0: none is usable."};
  static constexpr Family kRenewals{"renewals_total", "counter", "Renewals by outcome."};
  static constexpr Family kHooks{"hooks_total", "counter", "Hooks run, by outcome."};
  static constexpr Family kFailures{"failures_in_a_row", "gauge", "Failed renewals and hooks since the last success."};
  static constexpr Family kPending{"pending", "gauge", "1: a renewal waits for approval."};
  std::string end = heading(kEnd);
  std::string renewals = heading(kRenewals);
  std::string hooks = heading(kHooks);
  std::string failures = heading(kFailures);
  std::string pending = heading(kPending);
  const auto count = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
  for (const Keeper* keeper : keepers) {
    const Keeper::State& state = keeper->state();
    end += line(kEnd, *keeper, "", state.not_after ? state.not_after->unix_seconds() : 0);
    renewals += line(kRenewals, *keeper, "renewed", count(state.renewed));
    renewals += line(kRenewals, *keeper, "failed", count(state.failed));
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
