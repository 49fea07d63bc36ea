#include "testing/json_schema.h"

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>
#include <span>

#include "base/time.h"

namespace countersign::testing {
namespace {

using base::json::array;
using base::json::object;
using base::json::value;
using Lines = std::vector<std::string>;

constexpr std::array<std::string_view, 18> kKeywords = {"$ref",      "additionalProperties",
                                                        "allOf",     "const",
                                                        "enum",      "format",
                                                        "items",     "maxItems",
                                                        "maxLength", "maximum",
                                                        "minItems",  "minLength",
                                                        "minimum",   "oneOf",
                                                        "pattern",   "properties",
                                                        "required",  "type"};
/// Which say nothing about a value.
constexpr std::array<std::string_view, 4> kAnnotations = {"default", "description", "examples", "title"};
constexpr std::array<std::string_view, 2> kFormats = {"date-time", "int64"};

std::string_view text_of(const base::json::string& text) { return {text.data(), text.size()}; }
std::string_view text_of(base::json::string_view text) { return {text.data(), text.size()}; }

/// Compiled once: under sanitizers that takes milliseconds. Throws std::regex_error.
const std::regex& compiled(std::string_view pattern) {
  thread_local std::map<std::string, std::regex, std::less<>> known;
  const auto found = known.find(pattern);
  if (found != known.end()) return found->second;
  return known.emplace(std::string(pattern), std::regex(std::string(pattern))).first->second;
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

bool is_of_type(std::string_view type, const value& found) {
  if (type == "object") return found.is_object();
  if (type == "array") return found.is_array();
  if (type == "string") return found.is_string();
  if (type == "boolean") return found.is_bool();
  if (type == "integer") return found.is_int64() || found.is_uint64();
  if (type == "number") return found.is_number();
  return type == "null" && found.is_null();
}

std::string shown(const value& found) { return base::json::serialize(found).substr(0, 80); }

/// One walk over a schema and a value.
class Walk {
 public:
  Walk(const JsonSchemas& schemas, Unnamed unnamed) : schemas_(schemas), unnamed_(unnamed) {}

  void check(const value& schema, const value& found, const std::string& path) {
    check_keywords(schema, found, path);
    if (unnamed_ == Unnamed::refused && found.is_object()) refuse_unnamed(schema, found.get_object(), path);
  }
  Lines take() { return std::move(lines_); }

 private:
  void report(const std::string& path, const std::string& what) {
    lines_.push_back((path.empty() ? "/" : path) + ": " + what);
  }

  /// Without a look at members that nothing names: those may be named beside this schema.
  void check_keywords(const value& schema, const value& found, const std::string& path) {
    if (schema.is_bool()) {
      if (!schema.get_bool()) report(path, "nothing may stand here");
      return;
    }
    if (!schema.is_object()) return report(path, "the schema is neither an object nor true or false");
    for (const auto& member : schema.get_object())
      check_keyword(text_of(member.key()), member.value(), schema.get_object(), found, path);
  }

  void check_keyword(std::string_view keyword, const value& says, const object& schema, const value& found,
                     const std::string& path) {
    if (keyword == "$ref") return check_reference(schema, found, path);
    if (keyword == "allOf") {
      for (const value& part : says.as_array())
        check_keywords(part, found, path);
      return;
    }
    if (keyword == "oneOf") return check_one_of(says.as_array(), found, path);
    if (keyword == "type" && !is_of_type(text_of(says.as_string()), found))
      return report(path, shown(found) + " is not of type " + std::string(text_of(says.as_string())));
    if (keyword == "const" && found != says) return report(path, shown(found) + " is not " + shown(says));
    if (keyword == "enum" && std::ranges::find(says.as_array(), found) == says.as_array().end())
      return report(path, shown(found) + " is none of " + base::json::serialize(says));
    if (found.is_string()) return check_text(keyword, says, text_of(found.get_string()), path);
    if (found.is_number()) return check_number(keyword, says, found, path);
    if (found.is_array()) return check_array(keyword, says, found.get_array(), path);
    if (found.is_object()) return check_object(keyword, says, schema, found.get_object(), path);
  }

  void check_reference(const object& schema, const value& found, const std::string& path) {
    const value* target = schemas_.resolve(schema);
    if (target == nullptr) return report(path, "the schema refers to nothing: " + shown(schema.at("$ref")));
    check_keywords(*target, found, path);
  }

  void check_one_of(const array& choices, const value& found, const std::string& path) {
    const auto fits = std::ranges::count_if(
        choices, [&](const value& choice) { return schemas_.mistakes(choice, found, unnamed_).empty(); });
    if (fits != 1)
      report(path, shown(found) + " fits " + std::to_string(fits) + " of the schemas of which it must fit one");
  }

  void check_text(std::string_view keyword, const value& says, std::string_view found, const std::string& path) {
    if (keyword == "minLength" && count_characters(found) < says.to_number<std::size_t>())
      report(path, "the text is too short");
    if (keyword == "maxLength" && count_characters(found) > says.to_number<std::size_t>())
      report(path, "the text is too long");
    if (keyword == "pattern" && !std::regex_search(found.begin(), found.end(), compiled(text_of(says.as_string()))))
      report(path, "'" + std::string(found.substr(0, 80)) + "' does not match " + shown(says));
    if (keyword == "format" && text_of(says.as_string()) == "date-time" && !base::parse_rfc3339(found))
      report(path, "'" + std::string(found.substr(0, 80)) + "' is not a date and time of RFC 3339");
  }

  void check_number(std::string_view keyword, const value& says, const value& found, const std::string& path) {
    if (keyword == "minimum" && found.to_number<double>() < says.to_number<double>())
      report(path, shown(found) + " is less than " + shown(says));
    if (keyword == "maximum" && found.to_number<double>() > says.to_number<double>())
      report(path, shown(found) + " is more than " + shown(says));
  }

  void check_array(std::string_view keyword, const value& says, const array& found, const std::string& path) {
    if (keyword == "minItems" && found.size() < says.to_number<std::size_t>()) report(path, "has too few elements");
    if (keyword == "maxItems" && found.size() > says.to_number<std::size_t>()) report(path, "has too many elements");
    if (keyword != "items") return;
    for (std::size_t i = 0; i < found.size(); ++i)
      check(says, found[i], path + "/" + std::to_string(i));
  }

  void check_object(std::string_view keyword, const value& says, const object& schema, const object& found,
                    const std::string& path) {
    if (keyword == "required")
      for (const value& name : says.as_array())
        if (!found.contains(name.as_string())) report(path, "lacks the member " + shown(name));
    if (keyword == "properties")
      for (const auto& member : says.as_object())
        if (const value* inner = found.if_contains(member.key()))
          check(member.value(), *inner, path + "/" + std::string(text_of(member.key())));
    if (keyword != "additionalProperties") return;
    const value* named = schema.if_contains("properties");
    for (const auto& member : found)
      if (named == nullptr || !named->as_object().contains(member.key()))
        check_further(says, member.value(), path + "/" + std::string(text_of(member.key())));
  }

  void check_further(const value& says, const value& found, const std::string& path) {
    if (says.is_bool() && !says.get_bool()) return report(path, "is not a member that the schema names");
    check(says, found, path);
  }

  void refuse_unnamed(const value& schema, const object& found, const std::string& path) {
    std::set<std::string, std::less<>> names;
    if (!collect_names(schema, names)) return;
    for (const auto& member : found)
      if (!names.contains(text_of(member.key())))
        report(path + "/" + std::string(text_of(member.key())), "is not a member that the schema names");
  }

  /// False where the schema says itself what further members are.
  bool collect_names(const value& schema, std::set<std::string, std::less<>>& names) {
    const object* says = schema.if_object();
    if (says == nullptr || says->contains("additionalProperties") || says->contains("oneOf")) return false;
    if (const value* named = says->if_contains("properties"))
      for (const auto& member : named->as_object())
        names.emplace(text_of(member.key()));
    if (says->contains("$ref")) {
      const value* target = schemas_.resolve(schema);
      if (target == nullptr || !collect_names(*target, names)) return false;
    }
    const value* parts = says->if_contains("allOf");
    return parts == nullptr ||
           std::ranges::all_of(parts->as_array(), [&](const value& part) { return collect_names(part, names); });
  }

  const JsonSchemas& schemas_;
  Unnamed unnamed_;
  Lines lines_;
};

bool compiles(std::string_view pattern) {
  try {
    compiled(pattern);
    return true;
  } catch (const std::regex_error&) {
    return false;
  }
}

bool is_one_of(std::span<const std::string_view> known, std::string_view name) {
  return std::ranges::find(known, name) != known.end();
}

}  // namespace

Lines JsonSchemas::mistakes(const value& schema, const value& found, Unnamed unnamed) const {
  Walk walk(*this, unnamed);
  walk.check(schema, found, "");
  return walk.take();
}

Lines JsonSchemas::flaws(const value& schema) const {
  if (schema.is_bool()) return {};
  if (!schema.is_object()) return {"a schema is an object: " + shown(schema)};
  Lines found;
  const auto add = [&found](Lines more) { found.insert(found.end(), more.begin(), more.end()); };
  for (const auto& member : schema.get_object()) {
    const std::string keyword(text_of(member.key()));
    const value& says = member.value();
    if (!is_one_of(kKeywords, keyword) && !is_one_of(kAnnotations, keyword))
      found.push_back("the keyword '" + keyword +
                      "' is not known to tests/testing/json_schema.cpp: do without, or teach it");
    if (keyword == "$ref" && resolve(schema) == nullptr) found.push_back("there is nothing at " + shown(says));
    if (keyword == "pattern" && !compiles(text_of(says.as_string()))) found.push_back("no pattern: " + shown(says));
    if (keyword == "format" && !is_one_of(kFormats, text_of(says.as_string())))
      found.push_back("the format " + shown(says) + " is not known to tests/testing/json_schema.cpp");
    if (keyword == "items" || keyword == "additionalProperties") add(flaws(says));
    if (keyword == "properties")
      for (const auto& property : says.as_object())
        add(flaws(property.value()));
    if (keyword == "allOf" || keyword == "oneOf")
      for (const value& part : says.as_array())
        add(flaws(part));
  }
  return found;
}

const value* JsonSchemas::resolve(const value& node) const {
  const object* holder = node.if_object();
  const value* reference = holder == nullptr ? nullptr : holder->if_contains("$ref");
  if (reference == nullptr) return &node;
  std::string_view pointer = text_of(reference->as_string());
  if (!pointer.starts_with("#/")) return nullptr;
  pointer.remove_prefix(1);
  boost::system::error_code error;
  return document_->find_pointer({pointer.data(), pointer.size()}, error);
}

}  // namespace countersign::testing
