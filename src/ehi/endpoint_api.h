// What internal systems and operators may see of endpoints: GET /v1/endpoints and /v1/endpoints/NAME.
#pragma once

#include "ehi/metrics.h"
#include "http/message.h"

namespace countersign::ehi {

/// Whoever asks sees the endpoints that `may_see` says.
using MaySee = std::function<bool(const Endpoint&)>;

/// {"endpoints":[{"name","url","decisions":{"primary":"up","recovery":"down","trouble":{...}},"advices":{...}}]};
/// `trouble` is there while the last call or message failed: code, reason, detail, remedy, since, last, times.
http::Response show_endpoints(const Lanes& lanes, const MaySee& may_see);
/// One of them. 404 also for one that may not be seen.
http::Response show_endpoint(const Lanes& lanes, std::string_view name, const MaySee& may_see);

}  // namespace countersign::ehi
