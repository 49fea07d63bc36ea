#include "ehi/condition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace countersign::ehi {
namespace {

namespace json = base::json;

constexpr std::size_t kDigits = 15;                          // every decimal of these is a double of its own
constexpr std::int64_t kLargestWhole = 999'999'999'999'999;  // the same of integers

tl::unexpected<base::Error> wrong(std::string_view text, const char* what) {
  return base::fail(base::Kind::invalid, "ehi.condition", "'" + std::string(text) + "' is no condition: " + what);
}

/// [-]digits[.digits]
std::optional<double> parse_decimal(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const auto all_digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  const bool whole = point == digits.size();
  if (!all_digits(digits.substr(0, point)) || (!whole && !all_digits(digits.substr(point + 1)))) return std::nullopt;
  if (digits.size() - (whole ? 0 : 1) > kDigits) return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> to_number(const json::value& field) {
  if (field.is_string()) return parse_decimal(std::string_view(field.get_string().data(), field.get_string().size()));
  if (field.is_double()) return field.get_double();
  if (field.is_uint64()) return std::nullopt;  // more than an int64 holds
  if (!field.is_int64() || field.get_int64() > kLargestWhole || field.get_int64() < -kLargestWhole) return std::nullopt;
  return static_cast<double>(field.get_int64());
}

bool is_equal(const json::value& field, const std::string& value) {
  if (field.is_string()) return std::string_view(field.get_string().data(), field.get_string().size()) == value;
  if (field.is_bool()) return value == (field.get_bool() ? "true" : "false");
  if (field.is_null()) return value == "null";
  const std::optional<double> number = to_number(field);
  const std::optional<double> wanted = parse_decimal(value);
  return number && wanted && *number == *wanted;
}

std::string_view take_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('|', begin), text.size());
    values.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return values;
}

}  // namespace

base::Result<Condition> Condition::parse(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Operator>, 9> kOperators = {{{"=", Operator::equal},
                                                                                       {"!=", Operator::unequal},
                                                                                       {"<", Operator::less},
                                                                                       {"<=", Operator::at_most},
                                                                                       {">", Operator::more},
                                                                                       {">=", Operator::at_least},
                                                                                       {"in", Operator::one_of},
                                                                                       {"exists", Operator::exists},
                                                                                       {"absent", Operator::absent}}};
  Condition condition;
  condition.text_ = text;
  std::string_view rest = text;
  condition.pointer_ = take_word(rest);
  if (!condition.pointer_.starts_with('/')) return wrong(text, "it begins with a JSON pointer such as /amount");
  boost::system::error_code error;
  (void)json::value().find_pointer(condition.pointer_, error);
  const std::string_view word = take_word(rest);
  const auto* const found = std::ranges::find(kOperators, word, &std::pair<std::string_view, Operator>::first);
  if (found == kOperators.end()) return wrong(text, "the operators are = != < <= > >= in exists absent");
  condition.operator_ = found->second;
  const bool wants_value = condition.operator_ != Operator::exists && condition.operator_ != Operator::absent;
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  while (rest.ends_with(' '))
    rest.remove_suffix(1);
  if (rest.empty() == wants_value)
    return wrong(text, wants_value ? "a value is missing" : "nothing stands behind exists and absent");
  condition.values_ = condition.operator_ == Operator::one_of ? split(rest) : std::vector{std::string(rest)};
  condition.number_ = parse_decimal(rest);
  const bool compares = condition.operator_ >= Operator::less && condition.operator_ <= Operator::at_least;
  if (compares && !condition.number_) return wrong(text, "only a decimal of at most 15 digits can be compared");
  return condition;
}

bool Condition::holds(const json::value& body) const {
  boost::system::error_code error;
  const json::value* field = body.find_pointer(pointer_, error);
  if (field == nullptr) return operator_ == Operator::absent;
  return holds_of(*field);
}

bool Condition::holds_of(const json::value& field) const {
  const std::optional<double> number = to_number(field);
  switch (operator_) {
    case Operator::equal: return is_equal(field, values_.front());
    case Operator::unequal: return field.is_primitive() && !is_equal(field, values_.front());
    case Operator::less: return number && *number < *number_;
    case Operator::at_most: return number && *number <= *number_;
    case Operator::more: return number && *number > *number_;
    case Operator::at_least: return number && *number >= *number_;
    case Operator::one_of:
      return std::ranges::any_of(values_, [&](const auto& value) { return is_equal(field, value); });
    case Operator::exists: return true;
    case Operator::absent: return false;
  }
  return false;
}

bool all_hold(const std::vector<Condition>& conditions, const std::string& body) {
  if (conditions.empty()) return true;
  const auto parsed = base::parse_json(body);
  if (!parsed) return false;
  return std::ranges::all_of(conditions, [&](const Condition& condition) { return condition.holds(*parsed); });
}

}  // namespace countersign::ehi
