// Private to ehi: the words in which a configuration is refused.
#pragma once

#include <string>

#include "base/config.h"

namespace countersign::ehi {

inline tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "ehi.config", std::move(detail));
}

inline tl::unexpected<base::Error> wrong(base::Error cause, std::string detail) {
  return base::unexpected(std::move(cause).under("ehi.config", std::move(detail)));
}

struct Between {
  std::int64_t least;
  std::int64_t most;
};

/// Fails where the number is outside of `between`.
inline base::Result<std::int64_t> read_number(base::ConfigSection& section, std::string_view key,
                                              std::int64_t otherwise, Between between) {
  BASE_TRY(const std::int64_t number, section.integer_or(key, otherwise));
  if (number < between.least || number > between.most)
    return wrong("'" + section.path_of(key) + "' must be " + std::to_string(between.least) + " to " +
                 std::to_string(between.most));
  return number;
}

}  // namespace countersign::ehi
