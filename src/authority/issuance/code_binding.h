// A code belongs to the key that came first: the one place where an order binds the enrolment code it came with.
#pragma once

#include "authority/issuance/check.h"

namespace countersign::authority {

/// Binds the code of `order`, if it has one, to the order's key for its purpose; bound to it already is no failure.
/// Fails: `code.used`, `code.cancelled`, and as store.
base::Result<void> bind_code(Amendment& amendment, const Order& order);

}  // namespace countersign::authority
