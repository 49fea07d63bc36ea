// Errors as problem+json (RFC 9457): one of the three outward tables.
#pragma once

#include <optional>

#include "base/error.h"
#include "http/message.h"

namespace countersign::http {

/// The status that stands for a kind of error.
int to_status(base::Kind kind);
/// The status for a request that could not be read: 400, 408, 413 or 431; nothing when there is nobody to answer.
std::optional<int> status_of_unreadable(const base::Error& error);
/// {"type":"about:blank","title":...,"status":...,"code":...,"detail":...}; causes stay in our log, except that of
/// Kind::internal and Kind::corrupt nothing but the code is told.
Response to_problem(const base::Error& error);
/// The same under another status, where HTTP has one of its own (408, 431).
Response to_problem(const base::Error& error, int status);
/// The error that a response to us stands for: its `code` and `detail` when it is problem+json, else `http.status`.
base::Error from_problem(const Response& response);
Response json_response(int status, std::string body);

}  // namespace countersign::http
