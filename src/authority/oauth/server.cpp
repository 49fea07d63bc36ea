#include "authority/oauth/server.h"

#include <algorithm>

#include "authority/oauth/party_keys.h"
#include "base/json_array.h"
#include "http/problem.h"

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

bool is_public_path(const oauth::RelayedCall& call) {
  return (call.method == "GET" || call.method == "HEAD") &&
         (call.path == kMetadataPath || call.path == kJwksPath || call.path.starts_with(std::string(kJwksPath) + "/"));
}

}  // namespace

std::vector<http::Response> AuthorisationServer::answer(const std::vector<const oauth::RelayedCall*>& calls) {
  TokenRound round({parts_.ledger, parts_.random, parts_.log, settings_, keys_, authentication_});
  std::vector<Turn> turns;
  for (const oauth::RelayedCall* call : calls)
    turns.push_back(begin(*call, round));
  record(turns, round);
  std::vector<http::Response> responses;
  for (Turn& turn : turns)
    responses.push_back(end(std::move(turn), round));
  return responses;
}

/// Requests for tokens come as far as they can without writing; all others are done with.
AuthorisationServer::Turn AuthorisationServer::begin(const oauth::RelayedCall& call, TokenRound& round) {
  if (call.path != kTokenPath || call.method != "POST") {
    auto done = dispatch(call);
    if (!done) return {call, base::unexpected(std::move(done).error())};
    return {call, std::move(*done)};
  }
  const auto caller = ActiveCaller::of(call, parts_.ledger.view(), parts_.ledger.now());
  if (!caller) return {call, base::unexpected(caller.error())};
  auto checked = round.check(call, *caller);
  if (!checked) return {call, base::unexpected(std::move(checked).error())};
  return {call, std::move(*checked)};
}

/// Law 10: without a record no token. A refusal stands without one: it gives nothing away.
void AuthorisationServer::record(std::vector<Turn>& turns, TokenRound& round) {
  const auto written = record_together(turns, round);
  if (written) return;
  parts_.log.error("oauth.not_recorded", {{"error", base::to_string(written.error())}});
  for (Turn& turn : turns)
    if (turn.state && !std::holds_alternative<http::Response>(*turn.state)) turn.state = unavailable(written.error());
}

base::Result<void> AuthorisationServer::record_together(std::vector<Turn>& turns, TokenRound& round) {
  std::vector<AuditEntry> entries;
  const auto note_refusal = [&](const Turn& turn) {
    if (auto entry = records_.entry(turn.call, turn.state.error(), parts_.ledger.now()))
      entries.push_back(std::move(*entry));
  };
  std::vector<Turn*> asking;
  for (Turn& turn : turns) {
    if (!turn.state) note_refusal(turn);
    else if (std::holds_alternative<CheckedRequest>(*turn.state)) asking.push_back(&turn);
  }
  // Strangers' calls do not even take the registry's lock.
  if (asking.empty() && entries.empty()) return {};
  BASE_TRY(auto amendment, parts_.ledger.amend());
  bool gives = false;
  for (Turn* turn : asking) {
    auto recorded = round.record(amendment, std::get<CheckedRequest>(std::move(*turn->state)));
    if (recorded) {
      gives = true;
      turn->state = std::move(*recorded);
      continue;
    }
    turn->state = base::unexpected(std::move(recorded).error());
    if (turn->state.error().reason == Reason::unavailable)
      return base::fail(base::Kind::unavailable, "oauth.unavailable", turn->state.error().detail);
    note_refusal(*turn);
  }
  for (const AuditEntry& entry : entries)
    BASE_TRY_VOID(amendment.audit(entry));
  return gives || !entries.empty() ? amendment.commit() : base::Result<void>();
}

http::Response AuthorisationServer::end(Turn turn, TokenRound& round) {
  Response response = base::unexpected(oauth::Refusal{Reason::unavailable});
  if (!turn.state) response = base::unexpected(std::move(turn.state).error());
  else if (auto* done = std::get_if<http::Response>(&*turn.state)) response = std::move(*done);
  else if (const auto* grant = std::get_if<RecordedGrant>(&*turn.state)) response = round.give(*grant);
  if (response) return std::move(*response);
  log(turn.call, response.error());
  // What is wrong with us is for our log alone.
  const bool ours = response.error().reason == Reason::unavailable;
  return oauth::to_endpoint_response(ours ? oauth::Refusal{Reason::unavailable} : response.error());
}

/// Nothing of what was sent as a proof is in it.
void AuthorisationServer::log(const oauth::RelayedCall& call, const oauth::Refusal& refusal) {
  const bool ours = refusal.reason == Reason::unavailable;
  parts_.log.event(ours ? base::Level::error : base::Level::warning, ours ? "oauth.failed" : "oauth.refused",
                   {{"code", oauth::explanation(refusal.reason).code},
                    {"detail", refusal.detail},
                    {"path", shown_path(call)},
                    {"application", call.peer ? call.peer->identity.to_urn() : ""},
                    {"certificate", call.peer ? base::to_hex(call.peer->fingerprint) : ""},
                    {"address", call.address},
                    {"count", ++refused_}});
}

AuthorisationServer::Response AuthorisationServer::tell(const oauth::RelayedCall& call) {
  if (call.path == kMetadataPath) return public_json(metadata());
  return call.path == kJwksPath ? jwks() : party_jwks(call.path);
}

AuthorisationServer::Response AuthorisationServer::dispatch(const oauth::RelayedCall& call) {
  if (is_public_path(call)) return tell(call);
  const bool is_registration = call.path == kRegisterPath || call.path.starts_with(std::string(kRegisterPath) + "/");
  const bool is_form = call.path == kTokenPath || call.path == kRevokePath || call.path == kIntrospectPath;
  if (!is_registration && !is_form)
    return http::to_problem({base::Kind::not_found, "oauth.no_such_path", "there is nothing at this path"});
  if (is_form && call.method != "POST") return refuse(Reason::malformed_request, "this endpoint takes POST");
  auto caller = ActiveCaller::of(call, parts_.ledger.view(), parts_.ledger.now());
  if (!caller) return base::unexpected(std::move(caller).error());
  if (call.path == kRevokePath) return revoke(call, *caller);
  if (call.path == kIntrospectPath) return introspect_own(call, *caller);
  return call.path == kRegisterPath ? registration_.create(call, *caller) : registration_.manage(call, *caller);
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
