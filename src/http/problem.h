// Errors as problem+json (RFC 9457): one of the three outward tables.
#pragma once

#include "base/error.h"
#include "http/message.h"

namespace countersign::http {

/// The status that stands for a kind of error.
int to_status(base::Kind kind);
/// {"type":"about:blank","title":...,"status":...,"code":...,"detail":...}; causes stay in our log, except that of
/// Kind::internal and Kind::corrupt nothing but the code is told.
Response to_problem(const base::Error& error);
Response json_response(int status, std::string body);

}  // namespace countersign::http
