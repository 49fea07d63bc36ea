#include "policy/decision.h"

#include "base/check.h"
#include "policy/api_key.h"

namespace countersign::policy {
namespace {

/// The key of a request is digested once, and only where somebody wants it.
class Key {
 public:
  Key(const Rights& rights, const Request& request) : rights_(rights), request_(request) {}

  std::optional<Reason> refusal() {
    if (!checked_) checked_ = check_api_key(request_.fields, rights_.policy().api_key_field(), rights_.api_keys());
    switch (*checked_) {
      case KeyCheck::good: return std::nullopt;
      case KeyCheck::missing: return Reason::api_key_missing;
      case KeyCheck::refused: return Reason::api_key_refused;
    }
    BASE_UNREACHABLE();
  }

 private:
  const Rights& rights_;
  const Request& request_;
  std::optional<KeyCheck> checked_ = {};
};

/// Of two grants that speak of a request the one that lets it through decides, else the one that comes nearest; among
/// equals the first of the file.
bool is_better(const Verdict& one, const Verdict& best) {
  if (best.grant == nullptr) return true;
  if (one.refusal.has_value() != best.refusal.has_value()) return !one.refusal;
  if (one.refusal && *one.refusal != *best.refusal) return *one.refusal > *best.refusal;
  return one.grant < best.grant;
}

}  // namespace

std::string_view name(Access access) {
  switch (access) {
    case Access::by_grant: return "policy";
    case Access::any_partner: return "any_partner";
    case Access::anyone: return "anyone";
  }
  BASE_UNREACHABLE();
}

Verdict judge(const Rights& rights, const Request& request, const std::optional<net::Address>& from) {
  const bool address_good = net::holds(rights.application_from(), from) && net::holds(rights.organisation_from(), from);
  Key key(rights, request);
  if (request.access != Access::by_grant) {
    if (rights.anonymous() && request.access == Access::any_partner) return {Reason::not_granted};
    if (!address_good) return {Reason::wrong_address};
    return {request.api_key ? key.refusal() : std::nullopt};
  }
  Verdict best{Reason::not_granted};
  rights.visit_grants(request.path, [&](const Grant& grant) {
    if (!grant.methods.allows(request.method) || !grant.host.matches(request.host)) return;
    std::optional<Reason> refusal;
    if (!address_good || !net::holds(grant.from, from)) refusal = Reason::wrong_address;
    else if (grant.api_key || request.api_key) refusal = key.refusal();
    if (is_better({refusal, &grant}, best)) best = {refusal, &grant};
  });
  return best;
}

}  // namespace countersign::policy
