// Errors in the words of ACME (RFC 8555 section 6.7): problem documents with a type of its list, and our own code
// beside.
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "http/message.h"

namespace countersign::authority {

inline constexpr std::string_view kAcmePrefix = "/acme/";

/// Is this a call of ACME, however it will be answered?
bool is_acme(const http::Request& request);

/// {"type":"urn:ietf:params:acme:error:...","status":...,"code":...,"detail":...}; no detail where the fault is ours.
base::json::object to_acme_problem(const base::Error& error);
http::Response to_acme_response(const base::Error& error);

}  // namespace countersign::authority
