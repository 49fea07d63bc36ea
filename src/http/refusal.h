// The three ways in which a message is refused for what its bytes say. Private to http.
#pragma once

#include "base/result.h"

namespace countersign::http {

inline tl::unexpected<base::Error> malformed(std::string detail) {
  return base::fail(base::Kind::invalid, "http.malformed", std::move(detail));
}
/// Two readers could take it for two different messages.
inline tl::unexpected<base::Error> ambiguous(std::string detail) {
  return base::fail(base::Kind::invalid, "http.ambiguous", std::move(detail));
}
inline tl::unexpected<base::Error> too_large(std::string detail) {
  return base::fail(base::Kind::too_large, "http.head_too_large", std::move(detail));
}

}  // namespace countersign::http
