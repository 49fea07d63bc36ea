#include "base/metric_text.h"
#include "policy/gate.h"

namespace countersign::policy {
namespace {

constexpr base::MetricText kMetrics{"countersign_gateway_policy_"};

std::string labels(const std::string& who, std::string_view key, std::string_view value) {
  return base::metric_label("application", who) + "," + base::metric_label(key, value);
}

}  // namespace

std::string Gate::metrics() const {
  const auto accounts = applications_.all();
  std::string text = kMetrics.heading("permitted_total", "counter", "Requests let through, by application.");
  for (const auto& account : accounts)
    text += kMetrics.line("permitted_total", base::metric_label("application", account->name()), account->permitted());
  text += kMetrics.heading("refused_total", "counter", "Requests refused, by application and code.");
  for (const auto& account : accounts)
    for (const Explanation& e : explanations())
      if (const auto count = account->refused(e.reason); count > 0)
        text += kMetrics.line("refused_total", labels(account->name(), "code", e.code), count);
  text += kMetrics.heading("would_refuse_total", "counter",
                           "Requests let through that mode enforce would have refused, by application and code.");
  for (const auto& account : accounts)
    for (const Explanation& e : explanations())
      if (const auto count = account->would_refuse(e.reason); count > 0)
        text += kMetrics.line("would_refuse_total", labels(account->name(), "code", e.code), count);
  text += kMetrics.heading("live_requests", "gauge", "Requests under way, by application.");
  for (const auto& account : accounts)
    text += kMetrics.line("live_requests", base::metric_label("application", account->name()),
                          std::uint64_t{account->live()});
  text += kMetrics.heading("generation", "gauge", "Policies since the start; the one in force.") +
          kMetrics.line("generation", "", generation());
  text += kMetrics.heading("file_broken", "gauge",
                           "1 while the policy file cannot be used and the one before it is in force.");
  return text + kMetrics.line("file_broken", "", std::uint64_t{file_broken_.load(std::memory_order_relaxed) ? 1U : 0U});
}

}  // namespace countersign::policy
