// How an API error leaves the authority: as problem+json, and in our log where the fault is ours.
#pragma once

#include "base/log.h"
#include "http/message.h"

namespace countersign::authority {

/// http::to_problem, with the statuses that a Kind cannot say: 405 and 410. Kinds internal, corrupt and unavailable
/// become a record `api.failed` with the whole story.
http::Response to_response(const base::Error& error, const base::Log& log);

}  // namespace countersign::authority
