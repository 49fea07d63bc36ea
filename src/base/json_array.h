// to_json_array: a list of texts as JSON.
#pragma once

#include <functional>

#include "base/json.h"

namespace countersign::base {

/// What `to_text` makes of each, in the order of `list`; without it the texts themselves.
template <class List, class ToText = std::identity>
json::array to_json_array(const List& list, ToText to_text = {}) {
  json::array array;
  for (const auto& one : list)
    array.emplace_back(to_text(one));
  return array;
}

}  // namespace countersign::base
