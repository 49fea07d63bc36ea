// What fits a schema and what does not; each row that is refused stands beside one that fits, one change away.
#include "testing/json_schema.h"

#include <gtest/gtest.h>

namespace countersign::testing {
namespace {

const base::json::value& document() {
  static const base::json::value parsed = base::parse_json(R"({"schemas":{
    "Name":{"type":"string","pattern":"^[a-z]+$"},
    "Pet":{"type":"object","properties":{"name":{"$ref":"#/schemas/Name"},"age":{"type":"integer"}},"required":["name"]},
    "Cat":{"allOf":[{"$ref":"#/schemas/Pet"},{"type":"object","properties":{"lives":{"type":"integer"}}}]}}})")
                                              .value();
  return parsed;
}

struct Row {
  const char* name;
  const char* schema;
  const char* value;
  const char* mistakes;
};

std::string mistakes_of(const Row& row, Unnamed unnamed) {
  std::string all;
  const auto schema = base::parse_json(row.schema).value();
  for (const std::string& mistake :
       JsonSchemas(document()).mistakes(schema, base::parse_json(row.value).value(), unnamed))
    all += (all.empty() ? "" : "; ") + mistake;
  return all;
}

TEST(JsonSchema, FindsWhatDoesNotFit) {
  const Row rows[] = {
      {"text", R"({"type":"string"})", R"("a")", ""},
      {"no text", R"({"type":"string"})", "1", "/: 1 is not of type string"},
      {"whole", R"({"type":"integer"})", "1", ""},
      {"not whole", R"({"type":"integer"})", "1.5", "/: 1.5E0 is not of type integer"},
      {"null", R"({"type":"null"})", "null", ""},
      {"true", R"({"type":"boolean"})", "true", ""},
      {"const", R"({"const":"a"})", R"("a")", ""},
      {"other const", R"({"const":"a"})", R"("b")", R"(/: "b" is not "a")"},
      {"enum", R"({"enum":["a","b"]})", R"("b")", ""},
      {"outside enum", R"({"enum":["a","b"]})", R"("c")", R"(/: "c" is none of ["a","b"])"},
      {"pattern", R"({"pattern":"^[0-9]{2}$"})", R"("12")", ""},
      {"longer than the pattern", R"({"pattern":"^[0-9]{2}$"})", R"("123")", R"(/: '123' does not match "^[0-9]{2}$")"},
      {"characters, not bytes", R"({"maxLength":2})", R"("éé")", ""},
      {"too long", R"({"maxLength":2})", R"("ééé")", "/: the text is too long"},
      {"too short", R"({"minLength":1})", R"("")", "/: the text is too short"},
      {"time", R"({"format":"date-time"})", R"("2026-11-23T15:56:51Z")", ""},
      {"no time", R"({"format":"date-time"})", R"("2026-11-23")", "/: '2026-11-23' is not a date and time of RFC 3339"},
      {"least", R"({"minimum":1})", "1", ""},
      {"below least", R"({"minimum":1})", "0", "/: 0 is less than 1"},
      {"most", R"({"maximum":9})", "9", ""},
      {"above most", R"({"maximum":9})", "10", "/: 10 is more than 9"},
      {"items", R"({"items":{"type":"string"},"maxItems":2})", R"(["a","b"])", ""},
      {"one bad item", R"({"items":{"type":"string"}})", R"(["a",1])", "/1: 1 is not of type string"},
      {"too many", R"({"maxItems":1})", R"(["a","b"])", "/: has too many elements"},
      {"too few", R"({"minItems":1})", "[]", "/: has too few elements"},
      {"reference", R"({"$ref":"#/schemas/Pet"})", R"({"name":"tom","age":3})", ""},
      {"within", R"({"$ref":"#/schemas/Pet"})", R"({"name":"Tom"})", R"(/name: 'Tom' does not match "^[a-z]+$")"},
      {"lacks", R"({"$ref":"#/schemas/Pet"})", R"({"age":3})", R"(/: lacks the member "name")"},
      {"reference to nothing", R"({"$ref":"#/schemas/Dog"})", "{}",
       R"(/: the schema refers to nothing: "#/schemas/Dog")"},
      {"one of", R"({"oneOf":[{"type":"string"},{"type":"integer"}]})", "1", ""},
      {"none of", R"({"oneOf":[{"type":"string"},{"type":"integer"}]})", "true",
       "/: true fits 0 of the schemas of which it must fit one"},
      {"both of", R"({"oneOf":[{"minimum":0},{"type":"integer"}]})", "1",
       "/: 1 fits 2 of the schemas of which it must fit one"},
      {"closed", R"({"properties":{"a":true},"additionalProperties":false})", R"({"a":1})", ""},
      {"closed to more", R"({"properties":{"a":true},"additionalProperties":false})", R"({"a":1,"b":1})",
       "/b: is not a member that the schema names"},
      {"more of a kind", R"({"additionalProperties":{"type":"integer"}})", R"({"b":1})", ""},
      {"more of another kind", R"({"additionalProperties":{"type":"integer"}})", R"({"b":"1"})",
       R"(/b: "1" is not of type integer)"},
      {"unnamed", R"({"$ref":"#/schemas/Cat"})", R"({"name":"tom","fur":1})", ""},
  };
  for (const Row& row : rows)
    EXPECT_EQ(mistakes_of(row, Unnamed::borne), row.mistakes) << row.name;
}

TEST(JsonSchema, RefusesWhatNoSchemaNames) {
  const Row rows[] = {
      {"all named", R"({"$ref":"#/schemas/Cat"})", R"({"name":"tom","age":3,"lives":7})", ""},
      {"unnamed", R"({"$ref":"#/schemas/Cat"})", R"({"name":"tom","fur":1})",
       "/fur: is not a member that the schema names"},
      {"unnamed within", R"({"items":{"$ref":"#/schemas/Pet"}})", R"([{"name":"tom","fur":1}])",
       "/0/fur: is not a member that the schema names"},
      {"anything", R"({"additionalProperties":true})", R"({"fur":1})", ""},
  };
  for (const Row& row : rows)
    EXPECT_EQ(mistakes_of(row, Unnamed::refused), row.mistakes) << row.name;
}

TEST(JsonSchema, KnowsWhatItDoesNotKnow) {
  const std::pair<const char*, std::size_t> rows[] = {
      {R"({"type":"string","description":"x","examples":["a"]})", 0},
      {R"({"properties":{"a":{"$ref":"#/schemas/Pet"}},"items":{"allOf":[{"type":"string"}]}})", 0},
      {R"({"minProperties":1})", 1},
      {R"({"properties":{"a":{"$ref":"#/schemas/Dog"}}})", 1},
      {R"({"items":{"allOf":[{"pattern":"("}]}})", 1},
      {R"({"oneOf":[{"format":"email"}]})", 1},
      {R"({"additionalProperties":{"if":{}}})", 1},
      {R"("string")", 1},
  };
  for (const auto& [schema, flaws] : rows)
    EXPECT_EQ(JsonSchemas(document()).flaws(base::parse_json(schema).value()).size(), flaws) << schema;
}

}  // namespace
}  // namespace countersign::testing
