#include "base/json.h"

#include <boost/json/parse.hpp>

namespace countersign::base {
namespace {

constexpr std::size_t kJsonDepthLimit = 32;

tl::unexpected<Error> wrong_type(std::string_view member, std::string_view wanted) {
  return fail(Kind::invalid, "json.type", "'" + std::string(member) + "' must be " + std::string(wanted));
}

tl::unexpected<Error> missing(std::string_view member) {
  return fail(Kind::invalid, "json.missing", "'" + std::string(member) + "' is missing");
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kJsonDepthLimit;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) return fail(Kind::invalid, "json.syntax", "not well-formed JSON: " + error.message());
  return value;
}

Result<JsonReader> JsonReader::of(const json::value& value) {
  if (const json::object* object = value.if_object()) return JsonReader(*object);
  return fail(Kind::invalid, "json.type", "a JSON object is wanted here");
}

bool JsonReader::has(std::string_view member) const { return object_->contains({member.data(), member.size()}); }

const json::value* JsonReader::take(std::string_view member) {
  taken_.emplace(member);
  return object_->if_contains({member.data(), member.size()});
}

Result<std::string> JsonReader::text(std::string_view member) {
  if (!has(member)) return missing(member);
  return text_or(member, "");
}

Result<std::int64_t> JsonReader::integer(std::string_view member) {
  if (!has(member)) return missing(member);
  return integer_or(member, 0);
}

Result<std::string> JsonReader::text_or(std::string_view member, std::string_view otherwise) {
  const json::value* value = take(member);
  if (value == nullptr) return std::string(otherwise);
  if (!value->is_string()) return wrong_type(member, "a text");
  return std::string(value->get_string().data(), value->get_string().size());
}

Result<std::int64_t> JsonReader::integer_or(std::string_view member, std::int64_t otherwise) {
  const json::value* value = take(member);
  if (value == nullptr) return otherwise;
  if (!value->is_int64()) return wrong_type(member, "a whole number");
  return value->get_int64();
}

Result<bool> JsonReader::flag_or(std::string_view member, bool otherwise) {
  const json::value* value = take(member);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) return wrong_type(member, "true or false");
  return value->get_bool();
}

Result<std::vector<std::string>> JsonReader::texts(std::string_view member) {
  const json::value* value = take(member);
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (!value->is_array()) return wrong_type(member, "a list of texts");
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) return wrong_type(member, "a list of texts");
    texts.emplace_back(element.get_string().data(), element.get_string().size());
  }
  return texts;
}

Result<const json::array*> JsonReader::array(std::string_view member) {
  const json::value* value = take(member);
  if (value == nullptr) return missing(member);
  if (!value->is_array()) return wrong_type(member, "a list");
  return &value->get_array();
}

Result<void> JsonReader::finish() const {
  for (const auto& member : *object_)
    if (!taken_.contains(std::string_view(member.key().data(), member.key().size())))
      return fail(Kind::invalid, "json.unknown_member",
                  "'" + std::string(member.key().data(), member.key().size()) + "' is not a known member");
  return {};
}

}  // namespace countersign::base
