// Private to rotation: what its two halves say alike.
#pragma once

#include <string>

#include "base/result.h"

namespace countersign::authority {

inline tl::unexpected<base::Error> unknown_ca(const std::string& name) {
  return base::fail(base::Kind::not_found, "ca.unknown", "there is no issuing CA '" + name.substr(0, 80) + "'");
}

inline tl::unexpected<base::Error> wrong_state(const std::string& name, const std::string& state,
                                               const std::string& remedy) {
  return base::fail(base::Kind::conflict, "ca.state", "the issuing CA '" + name + "' is " + state + ": " + remedy);
}

}  // namespace countersign::authority
