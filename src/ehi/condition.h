// Condition: one statement about a JSON body, as it stands in the configuration: "/amount <= 50.00", "/response/code =
// 00".
//
// POINTER OPERATOR [VALUE]; the pointer is RFC 6901. It never holds of a field that is not there (but `absent`), nor of
// one that cannot be compared: what is not understood is not agreed to.
//   = !=         a text is equal letter by letter ("00" is not "0"), a number by its value, true, false, null by name
//   < <= > >=    of numbers, and of texts that are plain decimals; at most 15 digits, so that no two are confused
//   in           one of several, with | between them
//   exists absent
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace countersign::ehi {

class Condition {
 public:
  /// Fails: `ehi.condition`, naming what is wrong with it.
  static base::Result<Condition> parse(std::string_view text);
  bool holds(const base::json::value& body) const;
  /// As it was written.
  const std::string& text() const { return text_; }

 private:
  enum class Operator { equal, unequal, less, at_most, more, at_least, one_of, exists, absent };
  Condition() = default;
  bool holds_of(const base::json::value& field) const;
  std::string text_;
  std::string pointer_;
  Operator operator_ = Operator::exists;
  std::vector<std::string> values_;
  std::optional<double> number_;  ///< of the one value
};

/// All of them hold. Of a body that is not JSON only none at all do.
bool all_hold(const std::vector<Condition>& conditions, const std::string& body);

}  // namespace countersign::ehi
