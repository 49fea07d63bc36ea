// code_of: what a table of named rows compares: the code of the error, or "ok".
#pragma once

#include <string>

#include "base/result.h"

namespace countersign::testing {

template <class T>
std::string code_of(const base::Result<T>& result) {
  return result ? "ok" : result.error().code;
}

}  // namespace countersign::testing
