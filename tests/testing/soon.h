// The deadline of what a test waits for: it comes, on whatever machine, or the test fails.
#pragma once

#include <chrono>

#include "net/task.h"

namespace countersign::testing {

inline net::Deadline soon() { return net::Deadline::after(std::chrono::seconds(20)); }

}  // namespace countersign::testing
