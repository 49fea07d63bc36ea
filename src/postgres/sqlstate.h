// What the codes say that PostgreSQL gives with an error (SQLSTATE).
#pragma once

#include <string_view>

namespace countersign::postgres {

enum class Meaning {
  conflict,     ///< a uniqueness or reference rule of the schema
  busy,         ///< somebody else is in the way: the same again may do
  unavailable,  ///< the database is not there, full, or does not let us in
  corrupt,
  statement  ///< our own mistake
};

/// `state` is blank where there was no answer at all.
Meaning meaning_of(std::string_view state);

}  // namespace countersign::postgres
