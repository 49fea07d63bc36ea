#include "policy/explain.h"

#include <algorithm>

#include "policy/api_key.h"

namespace countersign::policy {
namespace {

std::string list(const net::Networks& networks) {
  std::string text;
  for (const net::Network& one : networks)
    text += (text.empty() ? "" : ", ") + one.text();
  return text;
}

std::string list(const std::vector<PathPattern>& paths) {
  std::string text;
  for (const PathPattern& one : paths)
    text += (text.empty() ? "" : ", ") + one.text();
  return text;
}

std::string key_missing(const Rights& rights, const Request& request) {
  switch (check_api_key(request.fields, rights.policy().api_key_field(), rights.api_keys())) {
    case KeyCheck::good: return "";
    case KeyCheck::missing: return "an API key is demanded, and none was sent";
    case KeyCheck::refused: return "the API key that was sent is not one of this application's";
  }
  return "";
}

/// What of `grant` does not fit; empty when it lets the request through.
std::string missing(const Grant& grant, const Rights& rights, const Request& request,
                    const std::optional<net::Address>& address) {
  if (!grant.host.matches(request.host)) return "it is for host " + grant.host.text();
  if (std::ranges::none_of(grant.paths, [&](const PathPattern& path) { return path.matches(request.path); }))
    return "it is for paths " + list(grant.paths);
  if (!grant.methods.allows(request.method)) return "it is for methods " + grant.methods.to_text();
  if (!net::holds(grant.from, address)) return "it holds from " + list(grant.from) + " only";
  if (grant.api_key || request.api_key) return key_missing(rights, request);
  return "";
}

std::string limits_text(std::string_view whose, const Limits& limits) {
  std::string text;
  const auto add = [&](std::string_view what, std::uint64_t amount) {
    text += (text.empty() ? "" : ", ") + std::to_string(amount) + " " + std::string(what);
  };
  if (limits.requests) add("requests/s", limits.requests->per_second);
  if (limits.requests) add("at once after a pause", limits.requests->burst);
  if (limits.concurrent) add("under way", *limits.concurrent);
  if (limits.bytes_in) add("bytes/s in", limits.bytes_in->per_second);
  if (limits.bytes_out) add("bytes/s out", limits.bytes_out->per_second);
  if (limits.bytes_in_per_day) add("bytes a day in", *limits.bytes_in_per_day);
  if (limits.bytes_out_per_day) add("bytes a day out", *limits.bytes_out_per_day);
  return text.empty() ? "" : "limits      " + std::string(whose) + ": " + text + "\n";
}

std::string addresses_text(const Rights& rights, const std::optional<net::Address>& address) {
  std::string text;
  if (!net::holds(rights.application_from(), address))
    text += "address     not in what [[partners]] lets this application come from: " + list(rights.application_from()) +
            "\n";
  if (!net::holds(rights.organisation_from(), address))
    text +=
        "address     not in what [[partners]] lets its organisation come from: " + list(rights.organisation_from()) +
        "\n";
  return text;
}

std::string grants_text(const Rights& rights, const Request& request, const std::optional<net::Address>& address) {
  if (request.access == Access::any_partner) return "route       is for any partner: no grant is needed\n";
  if (request.access == Access::anyone) return "route       is for anyone: no grant is needed\n";
  const auto grants = rights.grants();
  if (grants.empty()) return "grants      none names this application\n";
  std::string text = "grants      that name this application:\n";
  for (const Grant* grant : grants) {
    const std::string why_not = missing(*grant, rights, request, address);
    text += "  " + grant->name + ": " + (why_not.empty() ? "yes" : "no, " + why_not) + "\n";
  }
  return text;
}

}  // namespace

Explained explain(const Caller& caller, const Rights& rights, const Request& request,
                  const std::optional<net::Address>& address) {
  const Verdict verdict = judge(rights, request, address);
  std::string text = "who         " + caller.application() + "\n";
  text += "asks for    " + std::string(request.method) + " " + std::string(request.path) + " on " +
          std::string(request.host) + "\n";
  if (verdict.refusal) {
    text += "decision    refused: " + std::string(explanation(*verdict.refusal).code) + "\n";
    if (rights.mode() != Mode::enforce)
      text += "mode        " + std::string(name(rights.mode())) + ": let through all the same\n";
  } else {
    text +=
        "decision    let through" + (verdict.grant == nullptr ? "" : " by grant '" + verdict.grant->name + "'") + "\n";
  }
  text += addresses_text(rights, address) + grants_text(rights, request, address);
  text += limits_text("of the application", rights.application_limits());
  text += limits_text("of its organisation", rights.organisation_limits());
  if (verdict.refusal) text += "to mend     " + std::string(explanation(*verdict.refusal).remedy) + "\n";
  return {!verdict.refusal, std::move(text)};
}

}  // namespace countersign::policy
