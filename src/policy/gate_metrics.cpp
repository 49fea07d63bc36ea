#include "policy/gate.h"

namespace countersign::policy {
namespace {

std::string heading(std::string_view name, std::string_view type, std::string_view help) {
  const std::string full = "countersign_gateway_policy_" + std::string(name);
  return "# HELP " + full + " " + std::string(help) + "\n# TYPE " + full + " " + std::string(type) + "\n";
}

std::string metric(std::string_view name, const std::string& labels, std::uint64_t value) {
  return "countersign_gateway_policy_" + std::string(name) + labels + " " + std::to_string(value) + "\n";
}

/// `who` is made of slugs and '/', or "anonymous": nothing to escape.
std::string labels(const std::string& who, std::string_view key, std::string_view value) {
  return "{application=\"" + who + "\"," + std::string(key) + "=\"" + std::string(value) + "\"}";
}

}  // namespace

std::string Gate::metrics() const {
  const auto accounts = applications_.all();
  std::string text = heading("permitted_total", "counter", "Requests let through, by application.");
  for (const auto& account : accounts)
    text += metric("permitted_total", "{application=\"" + account->name() + "\"}", account->permitted());
  text += heading("refused_total", "counter", "Requests refused, by application and code.");
  for (const auto& account : accounts)
    for (const Explanation& e : explanations())
      if (const auto count = account->refused(e.reason); count > 0)
        text += metric("refused_total", labels(account->name(), "code", e.code), count);
  text += heading("would_refuse_total", "counter",
                  "Requests let through that mode enforce would have refused, by application and code.");
  for (const auto& account : accounts)
    for (const Explanation& e : explanations())
      if (const auto count = account->would_refuse(e.reason); count > 0)
        text += metric("would_refuse_total", labels(account->name(), "code", e.code), count);
  text += heading("live_requests", "gauge", "Requests under way, by application.");
  for (const auto& account : accounts)
    text += metric("live_requests", "{application=\"" + account->name() + "\"}", account->live());
  text += heading("generation", "gauge", "Policies since the start; the one in force.") +
          metric("generation", "", generation());
  text += heading("file_broken", "gauge", "1 while the policy file cannot be used and the one before it is in force.");
  return text + metric("file_broken", "", file_broken_.load(std::memory_order_relaxed) ? 1 : 0);
}

}  // namespace countersign::policy
