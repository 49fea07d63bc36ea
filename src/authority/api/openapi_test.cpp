// The OpenAPI document against the routes of the code, and against itself. What it says of real calls and answers is
// checked in every test of the doors.
#include "authority/api/openapi.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "authority/api/described_api_test.h"
#include "http/problem.h"

namespace countersign::authority {
namespace {

using base::json::object;
using base::json::value;
using testing::Unnamed;
using Lines = DescribedApi::Lines;
using Operation = DescribedApi::Operation;

std::string joined(const Lines& lines) {
  std::string all;
  for (const std::string& line : lines)
    all += line + "\n";
  return all;
}

std::string text_of(const value& text) { return std::string(text.as_string().data(), text.as_string().size()); }
std::string name_of(const Operation& operation) { return operation.method + " " + operation.path; }

const object& schemas_in(const DescribedApi& api) { return api.document().at("components").at("schemas").as_object(); }

TEST(OpenApi, IsWhatTheRoutesAre) {
  const auto routes = all_routes();
  const Lines differences = DescribedApi::served().differences(routes);
  EXPECT_TRUE(differences.empty()) << joined(differences);
}

Answer answer_nothing(Authority&, const Call&) { return http::Response(); }
Answer answer_peer(Authority&, const tls::VerifiedPeer&, const Call&) { return http::Response(); }
Answer answer_operator(Authority&, const Operator&, const Call&) { return http::Response(); }

/// A check that finds nothing proves nothing: each way in which document and routes can part, and its twin.
TEST(OpenApi, SeesWhereItPartsFromTheRoutes) {
  const auto api = DescribedApi::parse(R"({"paths":{
    "/v1/a":{"get":{"security":[]},"post":{"security":[{"operator":[]}]}},
    "/v1/b/{serial}":{"get":{"security":[{"certificate":[]}],"parameters":[{"name":"serial","in":"path"}]}}}})")
                       .value();
  const Route open{"GET", "/v1/a", OpenHandler{answer_nothing}};
  const Route change{"POST", "/v1/a", OperatorHandler{answer_operator}};
  const Route own{"GET", "/v1/b/{serial}", PeerHandler{answer_peer}};
  struct Row {
    const char* name;
    std::vector<Route> routes;
    std::vector<const char*> starts;
  };
  const Row rows[] = {
      {"the same", {open, change, own}, {}},
      {"of another standard", {open, change, own, {"GET", "/acme/directory", OpenHandler{answer_nothing}}}, {}},
      {"a new route",
       {open, change, own, {"POST", "/v1/new/{x}", OperatorHandler{answer_operator}}},
       {"POST /v1/new/{x} is not described. Add to \"paths\""}},
      {"a new method",
       {open, change, own, {"DELETE", "/v1/a", OperatorHandler{answer_operator}}},
       {"DELETE /v1/a is not described."}},
      {"a route less", {open, change}, {"GET /v1/b/{serial} is no route"}},
      {"open now", {open, {"POST", "/v1/a", OpenHandler{answer_nothing}}, own}, {"POST /v1/a: its \"security\""}},
      {"closed now",
       {{"GET", "/v1/a", OperatorHandler{answer_operator}}, change, own},
       {"GET /v1/a: its \"security\""}},
      {"another segment",
       {open, change, {"GET", "/v1/b/{number}", PeerHandler{answer_peer}}},
       {"GET /v1/b/{number} is not described.", "GET /v1/b/{serial} is no route"}},
  };
  for (const Row& row : rows) {
    const Lines found = api.differences(row.routes);
    ASSERT_EQ(found.size(), row.starts.size()) << row.name << ": " << joined(found);
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(found[i].starts_with(row.starts[i])) << row.name << ": " << found[i];
  }
}

TEST(OpenApi, NamesTheSegmentsOfItsPaths) {
  const auto api = DescribedApi::parse(R"({"paths":{
    "/v1/b/{serial}":{"get":{"security":[],"parameters":[{"name":"number","in":"path"}]}}}})")
                       .value();
  const Route routes[] = {{"GET", "/v1/b/{serial}", OpenHandler{answer_nothing}}};
  const Lines found = api.differences(routes);
  ASSERT_EQ(found.size(), 2U) << joined(found);
  EXPECT_TRUE(found[0].starts_with("GET /v1/b/{serial} has no segment {number}")) << found[0];
  EXPECT_TRUE(found[1].starts_with("GET /v1/b/{serial} lacks")) << found[1];
}

TEST(OpenApi, SaysAllOfEachOperation) {
  const DescribedApi& api = DescribedApi::served();
  std::set<std::string> tags;
  for (const value& tag : api.document().at("tags").as_array())
    tags.insert(text_of(tag.at("name")));
  std::set<std::string> ids;
  for (const Operation& operation : api.operations()) {
    const std::string name = name_of(operation);
    for (const char* member : {"operationId", "summary", "tags", "security", "responses"})
      ASSERT_TRUE(operation.says->contains(member)) << name << " lacks \"" << member << "\"";
    EXPECT_TRUE(ids.insert(text_of(operation.says->at("operationId"))).second) << name << " has the id of another";
    EXPECT_TRUE(tags.contains(text_of(operation.says->at("tags").at(0)))) << name << " has a tag that \"tags\" lacks";
    const object& responses = operation.says->at("responses").as_object();
    for (const char* status : {"400", "403", "503", "default"})
      EXPECT_TRUE(responses.contains(status)) << name << " lacks the response \"" << status << "\"";
    const bool succeeds =
        std::ranges::any_of(responses, [](const auto& response) { return response.key().starts_with("2"); });
    EXPECT_TRUE(succeeds) << name << " never succeeds";
  }
}

/// Every "$ref" and every schema, wherever it stands.
void check_node(const DescribedApi& api, const value& node, const std::string& path) {
  if (const auto* list = node.if_array())
    for (std::size_t i = 0; i < list->size(); ++i)
      check_node(api, (*list)[i], path + "/" + std::to_string(i));
  const object* members = node.if_object();
  if (members == nullptr) return;
  EXPECT_NE(api.schemas().resolve(node), nullptr) << path << " refers to nothing: " << base::json::serialize(node);
  for (const auto& member : *members) {
    const std::string key(member.key());
    const std::string inner = path + "/" + key;
    EXPECT_EQ(key == "schema" ? joined(api.schemas().flaws(member.value())) : "", "") << inner;
    if (key != "examples" && key != "example" && key != "default") check_node(api, member.value(), inner);
  }
}

TEST(OpenApi, HasSoundSchemasAndReferences) {
  const DescribedApi& api = DescribedApi::served();
  check_node(api, api.document(), "");
  for (const auto& schema : schemas_in(api))
    EXPECT_EQ(joined(api.schemas().flaws(schema.value())), "") << schema.key();
}

TEST(OpenApi, HasGoodExamples) {
  const DescribedApi& api = DescribedApi::served();
  for (const auto& [name, schema] : schemas_in(api)) {
    const value* examples = schema.as_object().if_contains("examples");
    EXPECT_TRUE(examples != nullptr || !schema.as_object().contains("properties")) << name << " has no \"examples\"";
    if (examples == nullptr) continue;
    for (const value& example : examples->as_array())
      EXPECT_EQ(joined(api.schemas().mistakes(schema, example, Unnamed::refused)), "") << "an example of " << name;
  }
  for (const auto& [name, parameter] : api.document().at("components").at("parameters").as_object()) {
    const value* example = parameter.as_object().if_contains("example");
    if (example == nullptr) continue;
    EXPECT_EQ(joined(api.schemas().mistakes(parameter.at("schema"), *example, Unnamed::refused)), "") << name;
  }
}

/// The examples together show all that callers may send, so that tests can try every member.
TEST(OpenApi, ClosesWhatCallersSend) {
  const DescribedApi& api = DescribedApi::served();
  for (const Operation& operation : api.operations()) {
    const value* schema = api.request_schema(operation);
    EXPECT_TRUE(schema != nullptr || operation.method != "POST") << name_of(operation) << " needs a \"requestBody\"";
    if (schema == nullptr) continue;
    const value* further = schema->as_object().if_contains("additionalProperties");
    EXPECT_TRUE(further != nullptr && further->is_bool() && !further->get_bool())
        << name_of(operation) << ": its body needs \"additionalProperties\": false";
    std::set<std::string> shown;
    for (const value& example : schema->at("examples").as_array())
      for (const auto& given : example.as_object())
        shown.emplace(given.key());
    for (const auto& property : schema->at("properties").as_object())
      EXPECT_TRUE(shown.contains(std::string(property.key())))
          << name_of(operation) << ": no example of its body shows \"" << property.key() << '"';
    object example = schema->at("examples").at(0).as_object();
    example["unknown"] = 1;
    EXPECT_EQ(api.schemas().mistakes(*schema, example, Unnamed::borne).size(), 1U) << name_of(operation);
  }
}

/// What is asked and answered is held against the document: each objection, and its twin.
TEST(OpenApi, ObjectsToWhatItDoesNotSay) {
  const DescribedApi& api = DescribedApi::served();
  const auto respond = [](int status, const std::string& body) {
    http::Response response = http::json_response(status, body);
    if (status >= 400) response.fields.set("Content-Type", "application/problem+json");
    return response;
  };
  const auto refuse = [&](int status, const std::string& code) {
    return respond(status, R"({"type":"about:blank","title":"No","status":)" + std::to_string(status) + R"(,"code":")" +
                               code + R"("})");
  };
  const std::string organisation = R"({"id":"acme","name":"A","suspended":false,"created":"2026-11-23T15:56:51Z")";
  const Ask create{"POST", "/v1/organisations", R"({"id":"acme","name":"A"})"};
  http::Response text = respond(200, "ok");
  text.fields.set("Content-Type", "text/plain");
  struct Row {
    const char* name;
    Ask ask;
    http::Response response;
    const char* objection;
  };
  const Row rows[] = {
      {"created", create, respond(201, organisation + "}"), ""},
      {"one member more", create, respond(201, organisation + R"(,"owner":"x"})"), "/owner: is not a member"},
      {"one member less", create, respond(201, R"({"id":"acme"})"), "lacks the member"},
      {"another status", create, respond(200, organisation + "}"), R"(add "200" to its "responses")"},
      {"another type", {.target = "/v1/health"}, text, R"(add that to the "content" of "200")"},
      {"a code of its own", create, refuse(409, "organisation.exists"), ""},
      {"another's code", create, refuse(409, "application.exists"), R"(add "application.exists" to its codes for 409)"},
      {"a status not its own", create, refuse(404, "organisation.unknown"), R"(add "404" to its "responses")"},
      {"our fault", create, refuse(500, "registry.corrupt"), ""},
      {"taken, unknown member",
       {"POST", create.target, R"({"id":"acme","name":"A","x":1})"},
       respond(201, organisation + "}"),
       "/x: is not a member"},
      {"refused, unknown member",
       {"POST", create.target, R"({"id":"acme","name":"A","x":1})"},
       refuse(400, "json.unknown_member"),
       ""},
      {"refused, known members", create, refuse(400, "json.unknown_member"), "refuses a body with json.unknown_member"},
      {"known query", {.target = "/v1/audit?after=3&limit=5"}, respond(200, R"({"records":[]})"), ""},
      {"query out of bounds",
       {.target = "/v1/audit?limit=5000"},
       respond(200, R"({"records":[]})"),
       "5000 is more than"},
      {"unknown query", {.target = "/v1/audit?order=up"}, respond(200, R"({"records":[]})"), "called with ?order="},
      {"a body for nothing", {"GET", "/v1/health", "{}"}, respond(200, R"({"status":"ok"})"), "has no \"requestBody\""},
      {"of another standard", {.target = "/acme/directory"}, respond(200, "{}"), ""},
      {"ours, not described", {.target = "/v1/secret"}, respond(200, "{}"), "answers, and is not described"},
      {"ours, not there", {.target = "/v1/secret"}, refuse(404, "api.no_such_path"), ""},
  };
  for (const Row& row : rows) {
    const std::string found = api.objections(row.ask, row.response);
    EXPECT_EQ(found.empty(), row.objection[0] == '\0') << row.name << ": " << found;
    EXPECT_NE(found.find(row.objection), std::string::npos) << row.name << ": " << found;
  }
}

}  // namespace
}  // namespace countersign::authority
