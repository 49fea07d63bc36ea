// The head of a message, checked already, as values: the one place that includes Beast. Private to http.
#pragma once

#include "http/message.h"

namespace countersign::http {

/// `head` is from the start line to the empty line. Fails: `http.malformed`.
base::Result<RequestHead> parse_request_head(std::string_view head);
base::Result<ResponseHead> parse_response_head(std::string_view head);

}  // namespace countersign::http
