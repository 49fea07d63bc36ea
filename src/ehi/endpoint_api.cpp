#include "ehi/endpoint_api.h"

#include <algorithm>

#include "base/json.h"
#include "http/problem.h"
#include "trust/find_reason.h"

namespace countersign::ehi {
namespace {

using base::json::object;

std::string_view remedy_of(const std::string& reason) {
  const auto known = trust::find_reason(reason);
  return known ? trust::explanation(*known).remedy(trust::Party::server) : std::string_view();
}

object to_json(const Trouble::State& state) {
  object shown{{"code", state.code},
               {"detail", state.detail},
               {"since", base::to_rfc3339(state.since)},
               {"last", base::to_rfc3339(state.last)},
               {"times", state.times}};
  if (state.reason.empty()) return shown;
  shown["reason"] = state.reason;
  shown["remedy"] = remedy_of(state.reason);
  return shown;
}

object to_json(const Channel& channel, const Trouble& trouble) {
  const auto word = [&](Site site) { return channel.is_closed(site) ? "up" : "down"; };
  object shown{{"primary", word(Site::primary)}};
  if (channel.has_recovery()) shown["recovery"] = word(Site::recovery);
  if (trouble.state()) shown["trouble"] = to_json(*trouble.state());
  return shown;
}

object to_json(const Lane& lane) {
  const Endpoint& endpoint = lane.endpoint;
  object shown{{"name", endpoint.name.text()},
               {"environment", base::name(endpoint.environment)},
               {"url", "https://" + endpoint.url.host_field() + endpoint.url.target},
               {"mode", name(endpoint.fallback.mode)},
               {"decisions", to_json(lane.decisions, lane.trouble)},
               {"advices", to_json(lane.advices, lane.delivery.trouble())}};
  if (endpoint.organisation) shown["organisation"] = endpoint.organisation->text();
  return shown;
}

}  // namespace

http::Response show_endpoints(const Lanes& lanes, const MaySee& may_see) {
  base::json::array shown;
  for (const auto& lane : lanes)
    if (may_see(lane->endpoint)) shown.emplace_back(to_json(*lane));
  return http::json_response(200, base::json::serialize(object{{"endpoints", std::move(shown)}}));
}

http::Response show_endpoint(const Lanes& lanes, std::string_view name, const MaySee& may_see) {
  for (const auto& lane : lanes)
    if (lane->endpoint.name.text() == name && may_see(lane->endpoint))
      return http::json_response(200, base::json::serialize(to_json(*lane)));
  return http::to_problem({base::Kind::not_found, "ehi.unknown_endpoint", "there is no such endpoint"});
}

}  // namespace countersign::ehi
