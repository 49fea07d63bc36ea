// `countersign admin requests`: what awaits approval, told so that a person can judge it.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace countersign::cli {

/// A request as the authority tells it, with the content that is to be approved.
struct ShownRequest {
  base::json::object answer;
  std::string id;
  std::string content_sha256;  ///< of the content shown, reckoned here: what an approval of it is bound to
};

/// Fails: `request.malformed`; `request.forged` when the authority names another hash than its content has.
base::Result<ShownRequest> read_request(base::json::object answer);
/// All of it in lines, each "name  value".
std::string to_lines(const ShownRequest& request);

}  // namespace countersign::cli
