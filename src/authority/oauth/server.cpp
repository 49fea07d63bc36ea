#include "authority/oauth/server.h"

#include <algorithm>

#include "authority/enrolment/acme_accounts.h"
#include "authority/oauth/party_keys.h"
#include "base/json_array.h"
#include "http/problem.h"
#include "oauth/access_token.h"

namespace countersign::authority {
namespace {

using base::json::object;
using oauth::Reason;
using oauth::refuse;

constexpr std::string_view kMetadataPath = "/.well-known/oauth-authorization-server";
constexpr std::string_view kTokenPath = "/oauth2/token";
constexpr std::string_view kRevokePath = "/oauth2/revoke";
constexpr std::string_view kIntrospectPath = "/oauth2/introspect";
constexpr std::string_view kRegisterPath = "/oauth2/register";
constexpr std::string_view kJwksPath = "/oauth2/jwks";
/// Shorter than the time by which keys are published ahead.
constexpr const char* kPublicCache = "public, max-age=300";

tl::unexpected<oauth::Refusal> unavailable(const base::Error& error) {
  return refuse(Reason::unavailable, base::to_string(error));
}

http::Response json(const object& body) {
  http::Response response = http::json_response(200, base::json::serialize(body));
  response.fields.set("Cache-Control", "no-store");  // RFC 6749 section 5.1
  return response;
}

http::Response public_json(const object& body) {
  http::Response response = json(body);
  response.fields.set("Cache-Control", kPublicCache);
  return response;
}

object to_introspection(const oauth::Grant& grant) {
  object body = grant.claims;
  body["active"] = true;
  body["token_type"] = "Bearer";
  body["iss"] = grant.issuer;
  body["sub"] = grant.client;
  body["client_id"] = grant.client;
  body["aud"] = base::to_json_array(grant.audiences);
  if (!grant.scopes.empty()) body["scope"] = grant.scopes.text();
  body["environment"] = base::name(grant.identity.environment);
  body["organisation"] = grant.identity.organisation.text();
  body["application"] = grant.identity.application.text();
  body["cnf"] = object{{"x5t#S256", base::to_base64url(grant.certificate)}};
  body["jti"] = grant.id;
  body["iat"] = grant.issued.unix_seconds();
  body["exp"] = grant.expires.unix_seconds();
  return body;
}

/// RFC 8707 section 2: what was asked for, or everything the client may have.
oauth::Checked<std::vector<std::string>> choose_audiences(const ClientRules& rules, const oauth::Form& form,
                                                          const std::string& issuer) {
  const std::vector<std::string> allowed = rules.audiences.empty() ? std::vector<std::string>{issuer} : rules.audiences;
  const std::vector<std::string> asked = form.all("resource");
  if (asked.size() > kAudiencesLimit) return refuse(Reason::audience_refused, "too many resources");
  std::vector<std::string> chosen;
  for (const std::string& one : asked) {
    if (std::ranges::find(allowed, one) == allowed.end()) return refuse(Reason::audience_refused, one.substr(0, 80));
    if (std::ranges::find(chosen, one) == chosen.end()) chosen.push_back(one);
  }
  return chosen.empty() ? allowed : chosen;
}

oauth::Checked<oauth::Scopes> choose_scopes(const ClientRules& rules, const oauth::Form& form) {
  const auto asked = form.find("scope");
  if (!asked) return rules.scopes;
  auto scopes = oauth::Scopes::parse(*asked);
  if (!scopes) return refuse(Reason::scope_refused, "it is malformed");
  if (!rules.scopes.includes(*scopes)) return refuse(Reason::scope_refused);
  return std::move(*scopes);
}

}  // namespace

http::Response AuthorisationServer::answer(const oauth::RelayedCall& call) {
  auto response = dispatch(call);
  if (response) return std::move(*response);
  record(call, response.error());
  // What is wrong with us is for our log alone.
  const bool ours = response.error().reason == Reason::unavailable;
  return oauth::to_endpoint_response(ours ? oauth::Refusal{Reason::unavailable} : response.error());
}

/// Nothing of what was sent as a proof is in it.
void AuthorisationServer::record(const oauth::RelayedCall& call, const oauth::Refusal& refusal) {
  constexpr std::size_t kShownPath = 200;
  const bool ours = refusal.reason == Reason::unavailable;
  parts_.log.event(ours ? base::Level::error : base::Level::warning, ours ? "oauth.failed" : "oauth.refused",
                   {{"code", oauth::explanation(refusal.reason).code},
                    {"detail", refusal.detail},
                    {"path", call.path.substr(0, kShownPath)},
                    {"application", call.peer ? call.peer->identity.to_urn() : ""},
                    {"certificate", call.peer ? base::to_hex(call.peer->fingerprint) : ""},
                    {"address", call.address},
                    {"count", ++refused_}});
}

AuthorisationServer::Response AuthorisationServer::dispatch(const oauth::RelayedCall& call) {
  const bool is_get = call.method == "GET" || call.method == "HEAD";
  if (is_get && call.path == kMetadataPath) return public_json(metadata());
  if (is_get && call.path == kJwksPath) return jwks();
  if (is_get && call.path.starts_with(std::string(kJwksPath) + "/")) return party_jwks(call.path);
  const bool is_registration = call.path == kRegisterPath || call.path.starts_with(std::string(kRegisterPath) + "/");
  const bool is_form = call.path == kTokenPath || call.path == kRevokePath || call.path == kIntrospectPath;
  if (!is_registration && !is_form)
    return http::to_problem({base::Kind::not_found, "oauth.no_such_path", "there is nothing at this path"});
  if (is_form && call.method != "POST") return refuse(Reason::malformed_request, "this endpoint takes POST");
  auto caller = ActiveCaller::of(call, parts_.ledger.view(), parts_.ledger.now());
  if (!caller) return base::unexpected(std::move(caller).error());
  if (call.path == kTokenPath) return token(call, *caller);
  if (call.path == kRevokePath) return revoke(call, *caller);
  if (call.path == kIntrospectPath) return introspect_own(call, *caller);
  return call.path == kRegisterPath ? registration_.create(call, *caller) : registration_.manage(call, *caller);
}

oauth::Checked<oauth::Grant> AuthorisationServer::grant(const AuthenticatedClient& client, const oauth::Form& form) {
  auto rules = rules_of(client.row());
  if (!rules) return unavailable(rules.error());
  auto scopes = choose_scopes(*rules, form);
  if (!scopes) return base::unexpected(std::move(scopes).error());
  auto audiences = choose_audiences(*rules, form, settings_.issuer);
  if (!audiences) return base::unexpected(std::move(audiences).error());
  auto id = random_id(parts_.random);
  if (!id) return unavailable(id.error());
  const base::Instant now = parts_.ledger.now();
  return oauth::Grant{settings_.issuer,
                      client.caller().client_id(),
                      client.caller().identity(),
                      std::move(*audiences),
                      std::move(*scopes),
                      client.caller().certificate(),
                      std::move(rules->claims),
                      std::move(*id),
                      now,
                      now + settings_.token_life};
}

AuthorisationServer::Response AuthorisationServer::token(const oauth::RelayedCall& call, const ActiveCaller& caller) {
  auto form = oauth::Form::parse(call.content_type, call.body);
  if (!form) return base::unexpected(std::move(form).error());
  const auto kind = form->find("grant_type");
  if (!kind) return refuse(Reason::malformed_request, "grant_type is missing");
  if (*kind != "client_credentials") return refuse(Reason::grant_not_supported);
  auto client = authentication_.authenticate(caller, call.authorization, *form);
  if (!client) return base::unexpected(std::move(client).error());
  auto granted = grant(*client, *form);
  if (!granted) return base::unexpected(std::move(granted).error());
  const auto signing = keys_.signing();
  if (!signing) return unavailable(signing.error());
  const auto token = oauth::make_token(*granted, signing->kid, *signing->key);
  if (!token) return unavailable(token.error());
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(granted->expires - granted->issued);
  parts_.log.info("token.issued", {{"application", caller.identity().to_urn()},
                                   {"token", granted->id},
                                   {"method", oauth::name(client->method())},
                                   {"kid", client->kid()},
                                   {"scope", granted->scopes.text()},
                                   {"certificate", base::to_hex(caller.certificate())},
                                   {"address", call.address}});
  object body{{"access_token", *token}, {"token_type", "Bearer"}, {"expires_in", life.count()}};
  if (!granted->scopes.empty()) body["scope"] = granted->scopes.text();
  return json(body);
}

/// What a token says while it is good; nothing where it is not, for whatever reason.
oauth::Checked<std::optional<oauth::Grant>> AuthorisationServer::grant_of(const std::string& token) {
  const auto ring = keys_.ring();
  if (!ring) return unavailable(ring.error());
  const base::Instant now = parts_.ledger.now();
  const auto checked = oauth::check_token(token, *ring, now);
  if (!checked) return std::optional<oauth::Grant>();
  const oauth::Grant& grant = checked->grant();
  const trust::RegistryView& view = parts_.ledger.view();
  const auto certificate = view.certificate(grant.certificate);
  const bool certified = certificate && !certificate->revoked_for && certificate->not_after >= now;
  if (!certified || view.is_suspended(grant.identity)) return std::optional<oauth::Grant>();
  return std::optional(grant);
}

/// RFC 7662: to a client only of its own tokens; of others' it is told that they are not active.
AuthorisationServer::Response AuthorisationServer::introspect_own(const oauth::RelayedCall& call,
                                                                  const ActiveCaller& caller) {
  const auto form = oauth::Form::parse(call.content_type, call.body);
  if (!form) return base::unexpected(form.error());
  const auto client = authentication_.authenticate(caller, call.authorization, *form);
  if (!client) return base::unexpected(client.error());
  const auto token = form->find("token");
  if (!token) return refuse(Reason::malformed_request, "token is missing");
  auto grant = grant_of(*token);
  if (!grant) return base::unexpected(std::move(grant).error());
  if (!*grant || (*grant)->client != caller.client_id()) return json({{"active", false}});
  return json(to_introspection(**grant));
}

base::Result<object> AuthorisationServer::introspect(const std::string& token) {
  const auto grant = grant_of(token);
  if (!grant) return base::fail(base::Kind::unavailable, "oauth.unavailable", grant.error().detail);
  return *grant ? to_introspection(**grant) : object{{"active", false}};
}

/// RFC 7009 section 2: a token that is none, or somebody else's, is no failure and changes nothing.
AuthorisationServer::Response AuthorisationServer::revoke(const oauth::RelayedCall& call, const ActiveCaller& caller) {
  const auto form = oauth::Form::parse(call.content_type, call.body);
  if (!form) return base::unexpected(form.error());
  const auto client = authentication_.authenticate(caller, call.authorization, *form);
  if (!client) return base::unexpected(client.error());
  const auto token = form->find("token");
  if (!token) return refuse(Reason::malformed_request, "token is missing");
  const auto grant = grant_of(*token);
  if (!grant) return base::unexpected(grant.error());
  if (!*grant || (*grant)->client != caller.client_id()) return json({});
  const auto revoked = revoke_token(parts_.ledger, {caller.identity().to_urn()}, **grant);
  if (!revoked) return unavailable(revoked.error());
  return json({});
}

AuthorisationServer::Response AuthorisationServer::jwks() {
  if (const auto tended = keys_.tend(); !tended) return unavailable(tended.error());
  const auto rows = keys_.known();
  if (!rows) return unavailable(rows.error());
  const auto body = to_jwks(*rows);
  if (!body) return unavailable(body.error());
  return public_json(*body);
}

AuthorisationServer::Response AuthorisationServer::party_jwks(const std::string& path) {
  const auto party = parse_party(path.substr(kJwksPath.size() + 1));
  if (!party) return http::to_problem({base::Kind::not_found, "oauth.no_such_path", "there is nothing at this path"});
  const auto body = party_key_set(parts_.ledger, *party);
  if (!body) return unavailable(body.error());
  return public_json(*body);
}

object AuthorisationServer::metadata() const {
  std::vector<std::string> methods;
  for (const oauth::Method method : settings_.methods())
    methods.emplace_back(oauth::name(method));
  std::vector<std::string> algorithms;
  for (const jose::Algorithm one : settings_.algorithms())
    algorithms.emplace_back(jose::name(one));
  object endpoints{{"token_endpoint", settings_.endpoint(kTokenPath)},
                   {"revocation_endpoint", settings_.endpoint(kRevokePath)},
                   {"introspection_endpoint", settings_.endpoint(kIntrospectPath)},
                   {"registration_endpoint", settings_.endpoint(kRegisterPath)}};
  object body = endpoints;
  body["issuer"] = settings_.issuer;
  body["jwks_uri"] = settings_.endpoint(kJwksPath);
  body["mtls_endpoint_aliases"] = endpoints;  // RFC 8705 section 5
  body["grant_types_supported"] = base::json::array{"client_credentials"};
  body["response_types_supported"] = base::json::array{};
  body["tls_client_certificate_bound_access_tokens"] = true;  // RFC 8705 section 3.3
  for (const char* endpoint : {"token", "revocation", "introspection"}) {
    body[std::string(endpoint) + "_endpoint_auth_methods_supported"] = base::to_json_array(methods);
    body[std::string(endpoint) + "_endpoint_auth_signing_alg_values_supported"] = base::to_json_array(algorithms);
  }
  return body;
}

}  // namespace countersign::authority
