// Routes by which operators say which applications get access tokens, for what and how; and what anybody may read of
// the authorisation server.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "authority/oauth/server.h"
#include "base/json_array.h"

namespace countersign::authority {
namespace {

using base::json::object;

object to_json(const store::OauthClientRow& row) {
  const auto parsed = [](const std::string& text) {
    const auto json = base::parse_json(text);
    return json && json->is_object() ? json->get_object() : object();
  };
  object json{{"environment", row.key.environment},
              {"organisation", row.key.organisation},
              {"application", row.key.application},
              {"client_id", row.key.environment + "." + row.key.organisation + "." + row.key.application},
              {"state", row.state},
              {"methods", base::to_json_array(row.methods)},
              {"scopes", base::to_json_array(row.scopes)},
              {"audiences", base::to_json_array(row.audiences)},
              {"claims", parsed(row.claims)},
              {"metadata", parsed(row.metadata)},
              {"created", base::to_rfc3339(row.created_at)},
              {"created_by", row.created_by},
              {"changed", base::to_rfc3339(row.updated_at)}};
  if (row.cut_at) json["tokens_ended"] = base::to_rfc3339(*row.cut_at);
  return json;
}

object to_json(const store::OauthSecretRow& row) {
  object json{{"id", row.id}, {"created", base::to_rfc3339(row.created_at)}, {"created_by", row.created_by}};
  if (row.cancelled_at) json["cancelled"] = base::to_rfc3339(*row.cancelled_at);
  return json;
}

object to_json(const store::OauthKeyRow& row) {
  return {{"kid", row.kid},
          {"issuer", row.issuer},
          {"signs_from", base::to_rfc3339(row.signs_from)},
          {"signs_until", base::to_rfc3339(row.signs_until)},
          {"known_until", base::to_rfc3339(row.known_until)}};
}

/// What is not to be kept by anybody on the way.
http::Response answer_secret(int status, const object& body) {
  http::Response response = answer(status, body);
  response.fields.set("Cache-Control", "no-store");
  return response;
}

base::Result<std::vector<oauth::Method>> read_methods(base::JsonReader& reader) {
  BASE_TRY(const auto texts, reader.texts("methods"));
  std::vector<oauth::Method> methods;
  for (const std::string& text : texts) {
    const auto method = oauth::parse_method(text);
    if (!method)
      return base::fail(base::Kind::invalid, "client.method",
                        "'methods' may have private_key_jwt, tls_client_auth, client_secret_basic and "
                        "client_secret_post");
    methods.push_back(*method);
  }
  return methods;
}

/// {"methods":[],"scopes":[],"audiences":[],"claims":{}}, each optional.
base::Result<ClientRules> read_rules(const Call& call) {
  BASE_TRY(base::json::value body, read_body(call));
  ClientRules rules;
  if (body.is_object()) {
    if (const auto* claims = body.get_object().if_contains("claims")) {
      if (!claims->is_object()) return base::fail(base::Kind::invalid, "json.type", "'claims' is no object");
      rules.claims = claims->get_object();
      body.get_object().erase("claims");
    }
  }
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(rules.methods, read_methods(reader));
  BASE_TRY(const auto scopes, reader.texts("scopes"));
  BASE_TRY(rules.audiences, reader.texts("audiences"));
  BASE_TRY_VOID(reader.finish());
  auto parsed = oauth::Scopes::of(scopes);
  if (!parsed)
    return base::fail(base::Kind::invalid, "client.scope",
                      "a scope is visible ASCII without space, quote and backslash, such as payments:read");
  rules.scopes = std::move(*parsed);
  return rules;
}

Answer list_clients(Authority& authority, const Operator&, const Call&) {
  BASE_TRY(const auto rows, authority.oauth().clients().list());
  base::json::array array;
  for (const store::OauthClientRow& row : rows)
    array.emplace_back(to_json(row));
  return answer(200, {{"clients", std::move(array)}});
}

Answer set_client(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY(auto rules, read_rules(call));
  // Gateways know the first key before there is a token of it.
  BASE_TRY_VOID(authority.oauth().keys().tend());
  BASE_TRY(const auto row, authority.oauth().clients().put(caller.actor(), identity, std::move(rules)));
  return answer(200, to_json(row));
}

Answer show_client(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto identity, application_in(call));
  BASE_TRY(const auto row, authority.oauth().clients().find(identity));
  return answer(200, to_json(row));
}

using Change = base::Result<store::OauthClientRow> (Clients::*)(const Actor&, const base::Identity&);
template <Change change>
Answer change_client(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, (authority.oauth().clients().*change)(caller.actor(), identity));
  return answer(200, to_json(row));
}

Answer make_secret(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto made, authority.oauth().clients().make_secret(caller.actor(), identity));
  return answer_secret(201, {{"id", made.id}, {"client_secret", made.secret.reveal_text()}});
}

Answer list_secrets(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto identity, application_in(call));
  BASE_TRY(const auto rows, authority.oauth().clients().list_secrets(identity));
  base::json::array array;
  for (const store::OauthSecretRow& row : rows)
    array.emplace_back(to_json(row));
  return answer(200, {{"secrets", std::move(array)}});
}

Answer cancel_secret(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.oauth().clients().cancel_secret(caller.actor(), identity, call.arguments[3]));
  return answer(200, to_json(row));
}

Answer make_statement(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY(const auto rules, read_rules(call));
  BASE_TRY(const auto text, authority.oauth().registration().make_statement(caller.actor(), identity, rules));
  return answer_secret(201, {{"software_statement", text}});
}

Answer list_keys(Authority& authority, const Operator&, const Call&) {
  BASE_TRY_VOID(authority.oauth().keys().tend());
  BASE_TRY(const auto rows, authority.oauth().keys().known());
  base::json::array array;
  for (const store::OauthKeyRow& row : rows)
    array.emplace_back(to_json(row));
  return answer(200, {{"token_keys", std::move(array)}});
}

template <TokenKeys::Rotation how>
Answer rotate_keys(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY_VOID(authority.oauth().keys().rotate(caller.actor(), how));
  return list_keys(authority, caller, call);
}

/// Public, and the same as through the gateway: for whoever checks tokens or signatures without being a partner.
Answer tell_public(Authority& authority, const Call& call) {
  BASE_TRY(std::string path, call.request.path());
  oauth::RelayedCall relayed;
  relayed.method = "GET";
  relayed.path = std::move(path);
  return authority.oauth().answer(relayed);
}

}  // namespace

#define CLIENT "/v1/applications/{environment}/{organisation}/{application}/client"
std::span<const Route> client_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/clients", OperatorHandler{Right::look, list_clients}},
      Route{"GET", CLIENT, OperatorHandler{Right::look, show_client}},
      Route{"POST", CLIENT, OperatorHandler{Right::enrol, set_client}},
      Route{"POST", CLIENT "/disable", OperatorHandler{Right::revoke, change_client<&Clients::disable>}},
      Route{"POST", CLIENT "/enable", OperatorHandler{Right::revoke, change_client<&Clients::enable>}},
      Route{"POST", CLIENT "/end-tokens", OperatorHandler{Right::revoke, change_client<&Clients::end_tokens>}},
      Route{"POST", CLIENT "/software-statement", OperatorHandler{Right::enrol, make_statement}},
      Route{"GET", CLIENT "/secrets", OperatorHandler{Right::look, list_secrets}},
      Route{"POST", CLIENT "/secrets", OperatorHandler{Right::enrol, make_secret}},
      Route{"POST", CLIENT "/secrets/{secret}/cancel", OperatorHandler{Right::enrol, cancel_secret}},
      Route{"GET", "/v1/token-keys", OperatorHandler{Right::look, list_keys}},
      Route{"POST", "/v1/token-keys/rotate",
            OperatorHandler{Right::administrate, rotate_keys<TokenKeys::Rotation::planned>}},
      Route{"POST", "/v1/token-keys/give-up",
            OperatorHandler{Right::administrate, rotate_keys<TokenKeys::Rotation::compromised>}},
      Route{"GET", "/.well-known/oauth-authorization-server", OpenHandler{tell_public}},
      Route{"GET", "/oauth2/jwks", OpenHandler{tell_public}},
      Route{"GET", "/oauth2/jwks/{environment}/{organisation}", OpenHandler{tell_public}},
      Route{"GET", "/oauth2/jwks/{environment}/{organisation}/inactive", OpenHandler{tell_public}},
  };
  return kRoutes;
}
#undef CLIENT

}  // namespace countersign::authority
