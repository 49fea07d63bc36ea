// JSON (RFC 8259) in and out, read so that every mistake is named and no member is silently ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace countersign::base {

namespace json = boost::json;

/// Fails: `json.syntax` (also on depth over 32, or text behind the value).
Result<json::value> parse_json(std::string_view text);

/// Reads the members of one object; borrows it. finish() refuses members nobody asked for.
class JsonReader {
 public:
  /// Fails: `json.type` when `value` is no object.
  static Result<JsonReader> of(const json::value& value);

  /// Fails, all of them: `json.missing`, `json.type`, naming the member.
  Result<std::string> text(std::string_view member);
  Result<std::int64_t> integer(std::string_view member);
  Result<std::string> text_or(std::string_view member, std::string_view otherwise);
  Result<std::int64_t> integer_or(std::string_view member, std::int64_t otherwise);
  Result<bool> flag_or(std::string_view member, bool otherwise);
  /// Absent is empty. Fails: `json.type`.
  Result<std::vector<std::string>> texts(std::string_view member);
  /// The array `member`, which must be there, borrowed.
  Result<const json::array*> array(std::string_view member);
  bool has(std::string_view member) const;

  /// Fails: `json.unknown_member`.
  Result<void> finish() const;

 private:
  explicit JsonReader(const json::object& object) : object_(&object) {}
  const json::value* take(std::string_view member);
  const json::object* object_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace countersign::base
