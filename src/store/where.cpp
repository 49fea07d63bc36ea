#include "store/where.h"

namespace countersign::store {

void Where::add(const std::string& condition) { text_ += (text_.empty() ? " WHERE " : " AND ") + condition; }

void Where::add_if(const std::string& condition, const std::string& value) {
  if (!value.empty()) add(condition + hold(value));
}

void Where::add_among(const std::string& column, const std::vector<std::string>& values) {
  std::string held;
  for (const std::string& value : values)
    held += (held.empty() ? "" : ", ") + hold(value);
  add(column + " IN (" + held + ")");
}

std::string Where::hold(std::string value) {
  values_.push_back({"w" + std::to_string(values_.size()), std::move(value), 0, true});
  return ":" + values_.back().name;
}

std::string Where::hold(std::int64_t value) {
  values_.push_back({"w" + std::to_string(values_.size()), "", value, false});
  return ":" + values_.back().name;
}

void Where::bind(soci::details::prepare_temp_type& query) const {
  for (const Value& value : values_) {
    if (value.is_text) query, soci::use(value.text, value.name);
    else query, soci::use(value.number, value.name);
  }
}

}  // namespace countersign::store
