// The OpenAPI document as the door serves it.
#include "authority/api/openapi.h"
#include "authority/doors/doors_test.h"

namespace countersign::authority {
namespace {

TEST_F(Doors, ServeTheDocument) {
  const auto served = api(nullptr, {.target = "/v1/openapi.json"});
  ASSERT_EQ(outcome(served), "200");
  EXPECT_EQ(served->body, openapi_document());
  EXPECT_EQ(served->fields.find("Content-Type"), "application/json");
  EXPECT_EQ(served->fields.find("Cache-Control"), "public, max-age=3600");
  const std::string tag(served->fields.find("ETag").value_or(""));
  EXPECT_EQ(tag.size(), 34U);
  struct Row {
    std::string tags;
    const char* outcome;
  };
  const Row rows[] = {{tag, "304"}, {"W/" + tag, "304"},  {"\"other\", " + tag, "304"},
                      {"*", "304"}, {"\"other\"", "200"}, {tag.substr(1, 32), "200"}};
  for (const Row& row : rows) {
    const auto again = api(nullptr, {.target = "/v1/openapi.json", .fields = {{"If-None-Match", row.tags}}});
    ASSERT_EQ(outcome(again), row.outcome) << row.tags;
    EXPECT_EQ(again->fields.find("ETag"), tag);
    EXPECT_EQ(again->body.empty(), row.outcome == std::string("304"));
  }
  EXPECT_EQ(outcome(api(nullptr, {"HEAD", "/v1/openapi.json"})), "200");
}

}  // namespace
}  // namespace countersign::authority
