// Private to store: the conditions of a search, no more than narrow it. A statement that had them all, with "or it is
// empty" in each, would have no index to go by.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <soci/soci.h>

namespace countersign::store {

class Where {
 public:
  /// "organisation = " and a value; an empty value lets everything pass.
  void add_if(const std::string& condition, const std::string& value);
  void add(const std::string& condition);
  /// `column` is one of `values`, of which there is at least one.
  void add_among(const std::string& column, const std::vector<std::string>& values);
  /// Keeps `value` for bind(); what stands for it in a condition.
  std::string hold(std::string value);
  std::string hold(std::int64_t value);

  /// " WHERE ...", or nothing.
  const std::string& text() const { return text_; }
  /// Binds the values to a statement that was prepared with text(). They must outlive its run.
  void bind(soci::details::prepare_temp_type& query) const;

 private:
  struct Value {
    std::string name;
    std::string text;
    long long number;
    bool is_text;
  };
  std::string text_;
  std::deque<Value> values_;  ///< borrowed by SOCI, so they must stay where they are
};

}  // namespace countersign::store
