#include "authority/oauth/registration.h"

#include <algorithm>
#include <array>

#include "authority/enrolment/acme_accounts.h"
#include "authority/oauth/metadata.h"
#include "authority/registry/rows.h"
#include "authority/registry/token_facts.h"
#include "base/json_array.h"
#include "http/problem.h"
#include "oauth/claims.h"
#include "store/oauth_tokens.h"

namespace countersign::authority {
namespace {

using base::json::object;
using oauth::Reason;
using oauth::refuse;

constexpr std::string_view kStatementType = "software-statement+jwt";
constexpr std::string_view kRegisterPath = "/oauth2/register";
constexpr std::string_view kTokenPrefix = "countersign-registration-";
/// Under this name used statements stand beside used assertions; no client can be called so.
constexpr const char* kStatements = "software-statements";

tl::unexpected<oauth::Refusal> unavailable(const base::Error& error) {
  return refuse(Reason::unavailable, base::to_string(error));
}

std::optional<std::vector<std::string>> texts_in(const object& json, const char* name) {
  const auto* value = json.if_contains(name);
  if (value == nullptr || !value->is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const base::json::value& one : value->get_array()) {
    if (!one.is_string()) return std::nullopt;
    texts.emplace_back(one.get_string());
  }
  return texts;
}

std::optional<ClientRules> rules_in(const object& claims) {
  ClientRules rules;
  const auto methods = texts_in(claims, "methods");
  const auto scopes = texts_in(claims, "scopes");
  auto audiences = texts_in(claims, "audiences");
  const auto* own = claims.if_contains("claims");
  auto parsed = scopes ? oauth::Scopes::of(*scopes) : std::nullopt;
  if (!methods || methods->empty() || !parsed || !audiences || own == nullptr || !own->is_object()) return std::nullopt;
  for (const std::string& name : *methods) {
    const auto method = oauth::parse_method(name);
    if (!method) return std::nullopt;
    rules.methods.push_back(*method);
  }
  rules.scopes = std::move(*parsed);
  rules.audiences = std::move(*audiences);
  rules.claims = own->get_object();
  return rules;
}

oauth::Checked<object> read_json(const oauth::RelayedCall& call) {
  if (call.body.size() > 2 * kMetadataLimit) return refuse(Reason::metadata_refused, "more than 16 KiB");
  auto json = base::parse_json(call.body);
  if (!json || !json->is_object()) return refuse(Reason::metadata_refused, "the body is no JSON object");
  return std::move(json->get_object());
}

object metadata_of(const store::OauthClientRow& row) {
  auto json = base::parse_json(row.metadata);
  return json && json->is_object() ? std::move(json->get_object()) : object{};
}

http::Response json(int status, const object& body) {
  http::Response response = http::json_response(status, base::json::serialize(body));
  response.fields.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

struct Registration::Statement {
  std::string id;
  ClientRules rules;
  base::Instant issued;
  base::Instant expires;
};

base::Result<std::string> Registration::make_statement(const Actor& actor, const base::Identity& identity,
                                                       const ClientRules& rules) {
  BASE_TRY_VOID(parts_.clients.check(identity, rules));
  BASE_TRY(const auto signing, parts_.keys.signing());
  BASE_TRY(const std::string id, random_id(parts_.random));
  const base::Instant now = parts_.ledger.now();
  const std::vector<oauth::Method> methods =
      rules.methods.empty() ? std::vector{oauth::Method::private_key_jwt} : rules.methods;
  const object claims{
      {"iss", parts_.settings.issuer},
      {"sub", identity.to_urn()},
      {"software_id", identity.to_urn()},
      {"jti", id},
      {"iat", now.unix_seconds()},
      {"exp", (now + kStatementLife).unix_seconds()},
      {"methods", base::to_json_array(methods, [](oauth::Method method) { return oauth::name(method); })},
      {"scopes", base::to_json_array(rules.scopes.list())},
      {"audiences", base::to_json_array(rules.audiences)},
      {"claims", rules.claims}};
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY_VOID(
      amendment.audit({actor,
                       "software_statement.made",
                       identity.to_urn(),
                       {{"id", id}, {"scopes", claims.at("scopes")}, {"audiences", claims.at("audiences")}}}));
  BASE_TRY_VOID(amendment.commit());
  return jose::sign_compact({{"typ", kStatementType}, {"kid", signing.kid}}, base::json::serialize(claims),
                            *signing.key);
}

oauth::Checked<Registration::Statement> Registration::read_statement(const std::string& text,
                                                                     const ActiveCaller& caller) {
  const auto ring = parts_.keys.ring();
  if (!ring) return unavailable(ring.error());
  const base::Instant now = parts_.ledger.now();
  const auto jws = jose::UnverifiedJws::parse_compact(text);
  if (!jws || oauth::brings_a_key(*jws) || jws->text("typ") != kStatementType)
    return refuse(Reason::statement_refused, "it is none");
  const oauth::TokenKey* key = ring->find(jws->text("kid").value_or(""), now);
  if (key == nullptr) return refuse(Reason::statement_refused, "its key is unknown");
  const auto verified = jws->verify(key->key.key());
  if (!verified) return refuse(Reason::statement_refused, "its signature is not ours");
  const auto claims = oauth::Claims::of(*verified);
  if (!claims || claims->text("iss") != parts_.settings.issuer) return refuse(Reason::statement_refused, "its issuer");
  const auto expires = claims->date("exp");
  const auto issued = claims->date("iat");
  const auto id = claims->text("jti");
  auto rules = rules_in(claims->all());
  if (!expires || !issued || !id || !rules) return refuse(Reason::statement_refused, "it is incomplete");
  if (*expires <= now) return refuse(Reason::statement_refused, "it has expired");
  if (claims->text("sub") != caller.identity().to_urn())
    return refuse(Reason::statement_refused, "it is for another application");
  return Statement{*id, std::move(*rules), *issued, *expires};
}

base::Result<bool> Registration::store_registered(const ActiveCaller& caller, store::OauthClientRow row,
                                                  const Statement& statement) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(statement.id)));
  BASE_TRY(const bool is_new,
           store::use_oauth_assertion(amendment.rows(), {kStatements, digest, statement.expires + oauth::kClockSkew}));
  BASE_TRY(const auto known, store::find_oauth_client(amendment.rows(), row.key));
  // What the provider has decided since counts more than an older statement.
  if (!is_new || (known && known->updated_at > statement.issued + std::chrono::seconds(1))) return false;
  if (known) {
    row.created_at = known->created_at;
    row.created_by = known->created_by;
    row.state = known->state;
    row.cut_at = known->cut_at;
  }
  BASE_TRY_VOID(known ? store::update(amendment.rows(), row) : store::insert(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({{caller.identity().to_urn()},
                                 "client.registered",
                                 caller.identity().to_urn(),
                                 {{"statement", statement.id}, {"scopes", base::to_json_array(row.scopes)}}}));
  BASE_TRY_VOID(amendment.commit());
  return true;
}

oauth::Checked<http::Response> Registration::create(const oauth::RelayedCall& call, const ActiveCaller& caller) {
  if (call.method != "POST") return refuse(Reason::malformed_request, "this endpoint takes POST");
  const auto sent = read_json(call);
  if (!sent) return base::unexpected(sent.error());
  const auto* text = sent->if_contains("software_statement");
  if (text == nullptr || !text->is_string()) return refuse(Reason::statement_refused, "there is none");
  auto statement = read_statement(std::string(text->get_string()), caller);
  if (!statement) return base::unexpected(std::move(statement).error());
  auto metadata = read_metadata(*sent, statement->rules, parts_.settings);
  if (!metadata) return base::unexpected(std::move(metadata).error());
  const auto random = random_id(parts_.random);
  const auto more = random_id(parts_.random);
  if (!random || !more) return unavailable(random ? more.error() : random.error());
  const std::string access = std::string(kTokenPrefix) + *random + *more;
  const base::Instant now = parts_.ledger.now();
  store::OauthClientRow row{to_key(caller.identity()),
                            "active",
                            {std::string(oauth::name(metadata->method))},
                            metadata->scopes.list(),
                            statement->rules.audiences,
                            base::json::serialize(statement->rules.claims),
                            base::json::serialize(metadata->kept),
                            base::to_hex(crypto::sha256(base::as_bytes(access))),
                            caller.identity().to_urn(),
                            now,
                            now};
  const auto stored = store_registered(caller, row, *statement);
  if (!stored) return unavailable(stored.error());
  if (!*stored) return refuse(Reason::statement_refused, "it was used, or the provider has decided otherwise since");
  object body = to_json(row);
  body["registration_access_token"] = access;
  const bool wants_secret =
      metadata->method == oauth::Method::client_secret_basic || metadata->method == oauth::Method::client_secret_post;
  if (wants_secret) {
    const auto secret = parts_.clients.make_secret({caller.identity().to_urn()}, caller.identity());
    if (!secret) return unavailable(secret.error());
    body["client_secret"] = secret->secret.reveal_text();
    body["client_secret_expires_at"] = 0;
  }
  return json(201, body);
}

/// RFC 7592 section 2: who holds the registration access token, over a connection of the same application.
oauth::Checked<store::OauthClientRow> Registration::open(const oauth::RelayedCall& call, const ActiveCaller& caller) {
  const std::string client = call.path.substr(kRegisterPath.size() + 1);
  const auto token = oauth::bearer_token(call.authorization);
  if (!token || client != caller.client_id()) return refuse(Reason::registration_refused);
  auto rows = parts_.ledger.read();
  if (!rows) return unavailable(rows.error());
  auto row = store::find_oauth_client(*rows, to_key(caller.identity()));
  if (!row) return unavailable(row.error());
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(*token)));
  const bool good = *row && (*row)->registration_sha256 &&
                    base::Secret(std::string_view(*(*row)->registration_sha256)).equals(base::as_bytes(digest));
  if (!good) return refuse(Reason::registration_refused);
  return std::move(**row);
}

oauth::Checked<http::Response> Registration::manage(const oauth::RelayedCall& call, const ActiveCaller& caller) {
  auto row = open(call, caller);
  if (!row) return base::unexpected(std::move(row).error());
  if (call.method == "GET") return json(200, to_json(*row));
  if (call.method == "PUT") return replace(call, caller, std::move(*row));
  if (call.method == "DELETE") return remove(caller, std::move(*row));
  return refuse(Reason::malformed_request, "this endpoint takes GET, PUT and DELETE");
}

/// RFC 7592 section 2.2: all of the client's own metadata takes the place of what was there. What the provider has
/// decided stays, and so does the statement.
oauth::Checked<http::Response> Registration::replace(const oauth::RelayedCall& call, const ActiveCaller& caller,
                                                     store::OauthClientRow row) {
  const auto sent = read_json(call);
  if (!sent) return base::unexpected(sent.error());
  const auto* id = sent->if_contains("client_id");
  if (id == nullptr || !id->is_string() || std::string_view(id->get_string()) != caller.client_id())
    return refuse(Reason::metadata_refused, "client_id: must be that of the client");
  for (const char* name :
       {"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"})
    if (sent->contains(name)) return refuse(Reason::metadata_refused, std::string(name) + ": must not be sent");
  const auto rules = rules_of(row);
  if (!rules) return unavailable(rules.error());
  auto metadata = read_metadata(*sent, *rules, parts_.settings);
  if (!metadata) return base::unexpected(std::move(metadata).error());
  const object before = metadata_of(row);
  if (const auto* statement = before.if_contains("software_statement"))
    metadata->kept["software_statement"] = *statement;
  row.metadata = base::json::serialize(metadata->kept);
  auto amendment = parts_.ledger.amend();
  if (!amendment) return unavailable(amendment.error());
  const auto work = [&]() -> base::Result<void> {
    BASE_TRY_VOID(store::update(amendment->rows(), row));
    BASE_TRY_VOID(amendment->audit(
        {{caller.identity().to_urn()}, "client.metadata_changed", caller.identity().to_urn(), {{"before", before}}}));
    return amendment->commit();
  };
  if (const auto done = work(); !done) return unavailable(done.error());
  return json(200, to_json(row));
}

/// RFC 7592 section 2.3: no token of it is taken any more. The row stays, so that gateways that start later know it.
oauth::Checked<http::Response> Registration::remove(const ActiveCaller& caller, store::OauthClientRow row) {
  const base::Instant now = parts_.ledger.now();
  row.state = "disabled";
  row.registration_sha256.reset();
  row.cut_at = now;
  auto amendment = parts_.ledger.amend();
  if (!amendment) return unavailable(amendment.error());
  const auto work = [&]() -> base::Result<void> {
    BASE_TRY_VOID(store::update(amendment->rows(), row));
    amendment->publish(feed::TokenCutFact{caller.identity(), now, now + kLongestTokenLife});
    BASE_TRY_VOID(amendment->audit({{caller.identity().to_urn()}, "client.deregistered", caller.identity().to_urn()}));
    return amendment->commit();
  };
  if (const auto done = work(); !done) return unavailable(done.error());
  http::Response response;
  response.status = 204;
  return response;
}

object Registration::to_json(const store::OauthClientRow& row) const {
  object body = metadata_of(row);
  const std::string client = row.key.environment + "." + row.key.organisation + "." + row.key.application;
  body["client_id"] = client;
  body["client_id_issued_at"] = row.created_at.unix_seconds();
  body["registration_client_uri"] = parts_.settings.endpoint(std::string(kRegisterPath) + "/" + client);
  body["token_endpoint_auth_method"] = row.methods.front();
  body["grant_types"] = base::json::array{"client_credentials"};
  body["response_types"] = base::json::array{};
  std::string scopes;
  for (const std::string& scope : row.scopes)
    scopes += (scopes.empty() ? "" : " ") + scope;
  body["scope"] = scopes;
  body["tls_client_certificate_bound_access_tokens"] = true;
  return body;
}

}  // namespace countersign::authority
