// BASE_CHECK: stops the process when our own code broke its promise. Never for input, peers or the environment.
#pragma once

namespace countersign::base {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace countersign::base

#define BASE_CHECK(condition) \
  ((condition) ? void(0) : ::countersign::base::check_failed(#condition, __FILE__, __LINE__))
/// Marks the end of a function whose switch names every enumerator.
#define BASE_UNREACHABLE() ::countersign::base::check_failed("unreachable", __FILE__, __LINE__)
