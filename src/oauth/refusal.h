// Refusal: why somebody got no token, or none was taken, for one request: a reason of the closed list and what was
// found. It becomes one answer in OAuth's words, and one record.
#pragma once

#include <string>

#include "base/result.h"
#include "http/message.h"
#include "oauth/reason.h"

namespace countersign::oauth {

struct Refusal {
  Reason reason;
  std::string detail = {};  ///< what exactly, for the record and the answer; empty: the meaning says all
};

template <class T>
using Checked = base::Result<T, Refusal>;

inline tl::unexpected<Refusal> refuse(Reason reason, std::string detail = {}) {
  return tl::unexpected<Refusal>(Refusal{reason, std::move(detail)});
}

/// {"error","error_description","code"} with Cache-Control: no-store (RFC 6749 section 5.2), as the endpoints of the
/// authorisation server answer.
http::Response to_endpoint_response(const Refusal& refusal);
/// The same with WWW-Authenticate: Bearer (RFC 6750 section 3), as a route that demands a token answers. `scopes`: what
/// it demands, told where they are what is missing.
http::Response to_resource_response(const Refusal& refusal, const std::string& scopes);

}  // namespace countersign::oauth
