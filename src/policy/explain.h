// The decision in words: what was asked, which grant decided, and what was missing in each grant that came near.
#pragma once

#include "policy/decision.h"

namespace countersign::policy {

struct Explained {
  bool permitted;    ///< by grants, addresses and keys; limits depend on what was used
  std::string text;  ///< several lines
};
/// `address` absent: unknown, so a network that is demanded is not met.
Explained explain(const Caller& caller, const Rights& rights, const Request& request,
                  const std::optional<net::Address>& address);

}  // namespace countersign::policy
