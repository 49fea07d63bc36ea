#include "authority/api/described_api_test.h"

#include <algorithm>
#include <array>
#include <set>

#include "authority/api/openapi.h"

namespace countersign::authority {
namespace {

using base::json::object;
using base::json::value;
using testing::Unnamed;
using Lines = DescribedApi::Lines;
using Operation = DescribedApi::Operation;

constexpr std::string_view kHow = " in src/authority/api/openapi.json";
/// What other standards describe is not in the document.
constexpr std::string_view kOurs = "/v1/";
/// What any call may be told before or beside its own work: "default" stands for these, and for no other.
constexpr std::array kOfAnyCall = {405, 408, 413, 431, 500};

std::string_view text_of(base::json::string_view text) { return {text.data(), text.size()}; }
std::string text_of(const value& text) { return std::string(text.as_string().data(), text.as_string().size()); }

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return upper;
}

std::string without_parameters(std::string_view media_type) {
  return std::string(media_type.substr(0, media_type.find(';')));
}

/// The names in {...}.
std::set<std::string> names_in(std::string_view pattern) {
  std::set<std::string> names;
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos; open = pattern.find('{', open + 1))
    names.emplace(pattern.substr(open + 1, pattern.find('}', open) - open - 1));
  return names;
}

bool is_open(const Route& route) {
  return std::holds_alternative<OpenHandler>(route.handler) || std::holds_alternative<OpenAskHandler>(route.handler);
}
bool is_for_peers(const Route& route) {
  return std::holds_alternative<PeerHandler>(route.handler) || std::holds_alternative<PeerAskHandler>(route.handler);
}

std::string security_of(const Route& route) {
  if (is_open(route)) return "[]";
  if (std::holds_alternative<PersonHandler>(route.handler)) return R"([{"person":[]}])";
  return is_for_peers(route) ? R"([{"certificate":[]}])" : R"([{"operator":[]}])";
}

std::string denial_of(const Route& route) {
  if (is_open(route)) return R"({"$ref": "#/components/responses/CallerRefused"})";
  if (std::holds_alternative<OperatorHandler>(route.handler))
    return R"({"$ref": "#/components/responses/OperatorsOnly"})";
  if (std::holds_alternative<PersonHandler>(route.handler)) return R"({"$ref": "#/components/responses/PeopleOnly"})";
  return R"({"description": "Not allowed", "content": {"application/problem+json": {"schema": {"allOf": )"
         R"([{"$ref": "#/components/schemas/Problem"}, )"
         R"({"properties": {"code": {"enum": ["caller.none", "caller.refused"]}}}]}}}})";
}

/// What to write for a route that is not described.
std::string skeleton(const Route& route) {
  std::string parameters;
  for (const std::string& name : names_in(route.pattern))
    parameters += (parameters.empty() ? "" : ", ") + (R"({"$ref": "#/components/parameters/)" + name + "\"}");
  const std::string json = R"("content": {"application/json": {"schema": {"$ref": "#/components/schemas/..."}}})";
  std::string text = "\"" + std::string(route.pattern) + "\": {\"" + to_lower(route.method) + "\": {\n";
  text += R"(  "operationId": "...", "tags": ["..."], "summary": "...", "security": )" + security_of(route) + ",\n";
  if (!parameters.empty()) text += "  \"parameters\": [" + parameters + "],\n";
  if (route.method == "POST") text += "  \"requestBody\": {\"required\": true, " + json + "},\n";
  text += "  \"responses\": {\n    \"200\": {\"description\": \"...\", " + json + "},\n";
  text += "    \"400\": {\"$ref\": \"#/components/responses/NotUnderstood\"},\n";
  text += "    \"403\": " + denial_of(route) + ",\n";
  text += "    \"503\": {\"$ref\": \"#/components/responses/Unavailable\"},\n";
  return text + "    \"default\": {\"$ref\": \"#/components/responses/Failed\"}\n  }\n}}";
}

std::string name_of(const Operation& operation) { return operation.method + " " + operation.path; }

void add(Lines& lines, const Lines& more) { lines.insert(lines.end(), more.begin(), more.end()); }

std::string code_in(const http::Response& response) {
  const auto json = base::parse_json(response.body);
  const object* problem = json ? json->if_object() : nullptr;
  const value* code = problem == nullptr ? nullptr : problem->if_contains("code");
  return code != nullptr && code->is_string() ? text_of(*code) : "";
}

/// A query parameter as the JSON value that its schema speaks of.
value to_value(const std::string& text, const object& schema) {
  const value* type = schema.if_contains("type");
  const auto number = base::parse_json(text);
  const bool is_number = type != nullptr && text_of(*type) == "integer" && number && number->is_number();
  return is_number ? *number : value(text);
}

}  // namespace

base::Result<DescribedApi> DescribedApi::parse(std::string_view document) {
  BASE_TRY(auto parsed, base::parse_json(document));
  return DescribedApi(std::move(parsed));
}

const DescribedApi& DescribedApi::served() {
  static const DescribedApi api = parse(openapi_document()).value();
  return api;
}

std::vector<Operation> DescribedApi::operations() const {
  std::vector<Operation> operations;
  for (const auto& path : document_->at("paths").as_object())
    for (const auto& operation : path.value().as_object())
      operations.push_back(
          {to_upper(text_of(operation.key())), std::string(text_of(path.key())), &operation.value().as_object()});
  return operations;
}

std::optional<Operation> DescribedApi::find(std::string_view method, std::string_view path) const {
  for (Operation& operation : operations())
    if (operation.method == (method == "HEAD" ? "GET" : method) && match(operation.path, path))
      return std::move(operation);
  return std::nullopt;
}

const value* DescribedApi::request_schema(const Operation& operation) const {
  const value* body = operation.says->if_contains("requestBody");
  return body == nullptr ? nullptr : schemas().resolve(body->at("content").at("application/json").at("schema"));
}

std::vector<const object*> DescribedApi::parameters(const Operation& operation) const {
  std::vector<const object*> found;
  const value* list = operation.says->if_contains("parameters");
  if (list == nullptr) return found;
  for (const value& parameter : list->as_array())
    if (const value* target = schemas().resolve(parameter)) found.push_back(&target->as_object());
  return found;
}

std::string DescribedApi::example_path(const Operation& operation) const {
  std::string path = operation.path;
  for (const object* parameter : parameters(operation)) {
    const std::string name = "{" + text_of(parameter->at("name")) + "}";
    const std::size_t at = path.find(name);
    if (at != std::string::npos) path.replace(at, name.size(), text_of(parameter->at("example")));
  }
  return path;
}

Lines DescribedApi::parameter_flaws(const Operation& operation) const {
  std::set<std::string> missing = names_in(operation.path);
  Lines lines;
  for (const object* parameter : parameters(operation)) {
    if (text_of(parameter->at("in")) != "path") continue;
    if (missing.erase(text_of(parameter->at("name"))) == 0)
      lines.push_back(name_of(operation) + " has no segment {" + text_of(parameter->at("name")) +
                      "}: take the parameter away" + std::string(kHow));
  }
  for (const std::string& name : missing)
    lines.push_back(name_of(operation) + R"( lacks {"$ref": "#/components/parameters/)" + name +
                    R"("} in its "parameters")" + std::string(kHow));
  return lines;
}

Lines DescribedApi::differences(std::span<const Route> routes) const {
  Lines lines;
  std::set<std::string> known;
  const auto described = operations();
  for (const Route& route : routes) {
    if (!route.pattern.starts_with(kOurs)) continue;
    const std::string name = std::string(route.method) + " " + std::string(route.pattern);
    known.insert(name);
    const auto found = std::ranges::find(described, name, name_of);
    if (found == described.end()) {
      lines.push_back(name + " is not described. Add to \"paths\"" + std::string(kHow) + ":\n" + skeleton(route));
      continue;
    }
    const value* security = found->says->if_contains("security");
    if (security == nullptr || base::json::serialize(*security) != security_of(route))
      lines.push_back(name + ": its \"security\"" + std::string(kHow) + " must be " + security_of(route));
    add(lines, parameter_flaws(*found));
  }
  for (const Operation& operation : described)
    if (!known.contains(name_of(operation)))
      lines.push_back(name_of(operation) + " is no route of all_routes(): take it out of \"paths\"" +
                      std::string(kHow));
  return lines;
}

Lines DescribedApi::query_objections(const Operation& operation, std::string_view query) const {
  http::Request request;
  request.head.target = "/?" + std::string(query);
  Lines lines;
  std::set<std::string> described;
  for (const object* parameter : parameters(operation)) {
    const std::string name = text_of(parameter->at("name"));
    described.insert(name);
    const auto given = text_of(parameter->at("in")) == "query" ? request.query(name) : std::nullopt;
    if (!given) continue;
    const value* schema = schemas().resolve(parameter->at("schema"));
    for (const std::string& mistake :
         schemas().mistakes(*schema, to_value(*given, schema->as_object()), Unnamed::borne))
      lines.push_back("takes ?" + name + "=" + *given + ", and its parameter says otherwise: " + mistake);
  }
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::string name(pair.substr(0, pair.find('=')));
    if (!described.contains(name))
      lines.push_back("is called with ?" + name + "=, which is none of its \"parameters\": add it");
  }
  return lines;
}

Lines DescribedApi::request_objections(const Operation& operation, const Ask& ask,
                                       const http::Response& response) const {
  const std::string code = code_in(response);
  const bool accepted = response.status < 400;
  const bool ill_shaped = code == "json.unknown_member" || code == "json.missing" || code == "json.type";
  if (!accepted && !ill_shaped) return {};
  Lines lines;
  if (accepted) {
    const std::size_t query = ask.target.find('?');
    if (query != std::string::npos) lines = query_objections(operation, std::string_view(ask.target).substr(query + 1));
  }
  const auto body = base::parse_json(ask.body.empty() ? "{}" : ask.body);
  const value* schema = request_schema(operation);
  if (schema == nullptr || !body) {
    if (!ask.body.empty() && accepted) lines.push_back("takes a body, and has no \"requestBody\": add one");
    return lines;
  }
  const Lines mistakes = schemas().mistakes(*schema, *body, Unnamed::borne);
  if (accepted)
    for (const std::string& mistake : mistakes)
      lines.push_back("takes a body that the schema of its \"requestBody\" refuses: " + mistake);
  if (ill_shaped && mistakes.empty())
    lines.push_back("refuses a body with " + code +
                    " that the schema of its \"requestBody\" takes: " + ask.body.substr(0, 200));
  return lines;
}

Lines DescribedApi::response_objections(const Operation& operation, const http::Response& response) const {
  const std::string status = std::to_string(response.status);
  const std::string code = code_in(response);
  const object& responses = operation.says->at("responses").as_object();
  const value* named = responses.if_contains(status);
  if (named == nullptr && std::ranges::find(kOfAnyCall, response.status) != kOfAnyCall.end())
    named = responses.if_contains("default");
  if (named == nullptr)
    return {"answers " + status + " " + code + ": add \"" + status + "\" to its \"responses\"" +
            (code.empty() ? "" : ", with \"" + code + "\" among its codes")};
  const value* says = schemas().resolve(*named);
  if (says == nullptr) return {"refers to nothing for " + status};
  const std::string type = without_parameters(response.fields.find("Content-Type").value_or(""));
  const value* content = says->as_object().if_contains("content");
  if (content == nullptr)
    return response.body.empty() ? Lines() : Lines{"answers " + status + " with a body, which is not described"};
  const value* media = content->as_object().if_contains(type);
  if (media == nullptr)
    return {"answers " + status + " with '" + type + "': add that to the \"content\" of \"" + status + "\""};
  if (type != "application/json" && type != "application/problem+json") return {};
  const auto body = base::parse_json(response.body);
  if (!body) return {"answers " + status + " with what is no JSON"};
  Lines lines;
  for (const std::string& mistake : schemas().mistakes(media->at("schema"), *body, Unnamed::refused)) {
    const std::string remedy = mistake.starts_with("/code: ") ? ": add \"" + code + "\" to its codes for " + status
                               : mistake.ends_with("names")   ? ": add it, or take it out of the answer"
                                                              : "";
    lines.push_back("answers " + status + ", and its schema says otherwise: " + mistake + remedy);
  }
  return lines;
}

std::string DescribedApi::objections(const Ask& ask, const http::Response& response) const {
  const std::string path = ask.target.substr(0, ask.target.find('?'));
  const auto operation = find(ask.method, path);
  if (!operation) {
    const bool described = response.status >= 400 || !path.starts_with(kOurs);
    return described
               ? ""
               : ask.method + " " + path + " answers, and is not described: add it to \"paths\"" + std::string(kHow);
  }
  Lines lines = request_objections(*operation, ask, response);
  if (ask.method != "HEAD") add(lines, response_objections(*operation, response));
  std::string text;
  for (const std::string& line : lines)
    text += name_of(*operation) + std::string(kHow) + " " + line + "\n";
  return text;
}

}  // namespace countersign::authority
