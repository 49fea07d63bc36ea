#include "oauth/access_token.h"

#include <algorithm>
#include <array>

#include "base/json_array.h"
#include "oauth/claims.h"

namespace countersign::oauth {
namespace {

using base::json::object;

constexpr std::string_view kType = "at+jwt";
/// Not for the provider to set (RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 7662 section 2.2).
constexpr std::array<std::string_view, 21> kOwnClaims = {
    "iss",         "sub",          "aud",         "exp",    "nbf",    "iat",       "jti",
    "client_id",   "scope",        "cnf",         "act",    "active", "may_act",   "token_type",
    "environment", "organisation", "application", "groups", "roles",  "auth_time", "acr"};

/// cnf.x5t#S256 (RFC 8705 section 3.1).
std::optional<crypto::Digest256> certificate_in(const object& claims) {
  const auto* cnf = claims.if_contains("cnf");
  const auto* members = cnf == nullptr ? nullptr : cnf->if_object();
  const auto* value = members == nullptr ? nullptr : members->if_contains("x5t#S256");
  if (value == nullptr || !value->is_string()) return std::nullopt;
  const auto bytes = base::from_base64url(std::string_view(value->get_string()));
  crypto::Digest256 digest;
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

std::optional<base::Identity> identity_in(const Claims& claims) {
  const auto environment = claims.text("environment");
  const auto organisation = claims.text("organisation");
  const auto application = claims.text("application");
  if (!environment || !organisation || !application) return std::nullopt;
  auto identity =
      base::Identity::from_urn("urn:countersign:" + *environment + ":" + *organisation + ":" + *application);
  if (!identity) return std::nullopt;
  return std::move(*identity);
}

object others_in(const object& all) {
  object others;
  for (const auto& [name, value] : all)
    if (!is_own_claim(name)) others[name] = value;
  return others;
}

/// Everything that a token of ours has; nothing where something is missing.
std::optional<Grant> grant_in(const Claims& claims, const crypto::Digest256& certificate) {
  const auto client = claims.text("client_id");
  const auto id = claims.text("jti");
  const auto issued = claims.date("iat");
  const auto expires = claims.date("exp");
  auto scopes = Scopes::parse(claims.text("scope").value_or(""));
  auto identity = identity_in(claims);
  if (!client || claims.text("sub") != client || !id || !issued || !expires || !scopes || !identity)
    return std::nullopt;
  if (*client != client_id_of(*identity) || claims.audience().empty()) return std::nullopt;
  return Grant{claims.text("iss").value_or(""),
               *client,
               std::move(*identity),
               claims.audience(),
               std::move(*scopes),
               certificate,
               others_in(claims.all()),
               *id,
               *issued,
               *expires};
}

/// RFC 9068 section 2.1; also with the prefix that a media type has.
bool is_access_token(const jose::UnverifiedJws& jws) {
  const auto type = jws.text("typ");
  return type == kType || type == "application/at+jwt";
}

struct Signed {
  jose::VerifiedJws jws;
  const TokenKey* by;
};

Checked<Signed> check_signature(const jose::UnverifiedJws& jws, const KeyRing& keys, base::Instant now) {
  if (brings_a_key(jws)) return refuse(Reason::token_header);
  if (!is_access_token(jws)) return refuse(Reason::token_type);
  const TokenKey* key = keys.find(jws.text("kid").value_or(""), now);
  if (key == nullptr) return refuse(Reason::token_key_unknown);
  auto verified = jws.verify(key->key.key());
  if (verified) return Signed{std::move(*verified), key};
  return refuse(verified.error().code == "jws.algorithm" ? Reason::token_algorithm : Reason::token_signature);
}

}  // namespace

std::string client_id_of(const base::Identity& identity) {
  return std::string(base::name(identity.environment)) + "." + identity.organisation.text() + "." +
         identity.application.text();
}

bool is_own_claim(std::string_view name) { return std::ranges::find(kOwnClaims, name) != kOwnClaims.end(); }

base::Result<std::string> make_token(const Grant& grant, const std::string& kid, const crypto::PrivateKey& key) {
  object claims = grant.claims;
  claims["iss"] = grant.issuer;
  claims["sub"] = grant.client;
  claims["client_id"] = grant.client;
  if (grant.audiences.size() == 1) claims["aud"] = grant.audiences.front();
  else claims["aud"] = base::to_json_array(grant.audiences);
  if (!grant.scopes.empty()) claims["scope"] = grant.scopes.text();
  claims["environment"] = base::name(grant.identity.environment);
  claims["organisation"] = grant.identity.organisation.text();
  claims["application"] = grant.identity.application.text();
  claims["cnf"] = object{{"x5t#S256", base::to_base64url(grant.certificate)}};
  claims["jti"] = grant.id;
  claims["iat"] = grant.issued.unix_seconds();
  claims["exp"] = grant.expires.unix_seconds();
  return jose::sign_compact({{"typ", kType}, {"kid", kid}}, base::json::serialize(claims), key);
}

Checked<CheckedToken> check_token(std::string_view text, const KeyRing& keys, base::Instant now) {
  if (text.size() > kTokenLimit) return refuse(Reason::token_malformed, "it has more than 8 KiB");
  const auto jws = jose::UnverifiedJws::parse_compact(text);
  if (!jws) return refuse(Reason::token_malformed);
  const auto found = check_signature(*jws, keys, now);
  if (!found) return base::unexpected(found.error());
  const auto claims = Claims::of(found->jws);
  if (!claims) return refuse(Reason::token_malformed, claims.error().detail);
  if (claims->text("iss") != found->by->issuer) return refuse(Reason::token_issuer);
  const auto certificate = certificate_in(claims->all());
  if (!certificate) return refuse(Reason::token_unbound);
  auto grant = grant_in(*claims, *certificate);
  if (!grant) return refuse(Reason::token_malformed, "a claim is missing");
  if (grant->issued > now + kGatewaySkew) return refuse(Reason::token_early);
  CheckedToken token(std::make_shared<const Grant>(std::move(*grant)));
  if (auto still = recheck(token, keys, now); !still) return base::unexpected(std::move(still).error());
  return token;
}

Checked<void> recheck(const CheckedToken& token, const KeyRing& keys, base::Instant now) {
  const Grant& grant = token.grant();
  if (grant.expires <= now) return refuse(Reason::token_expired);
  if (keys.is_revoked(grant.id) || keys.is_cut(grant.client, grant.issued)) return refuse(Reason::token_revoked);
  return {};
}

Checked<BoundToken> bind(CheckedToken token, const trust::AdmittedChain& peer, const Demand& demand) {
  const Grant& grant = token.grant();
  if (grant.identity != peer.identity()) return refuse(Reason::token_wrong_application);
  if (grant.certificate != peer.chain().leaf().fingerprint()) return refuse(Reason::token_wrong_certificate);
  const bool for_here =
      demand.audience.empty() || std::ranges::find(grant.audiences, demand.audience) != grant.audiences.end();
  if (!for_here) return refuse(Reason::token_audience);
  if (!grant.scopes.includes(demand.scopes)) return refuse(Reason::token_scope);
  return BoundToken(std::move(token));
}

}  // namespace countersign::oauth
