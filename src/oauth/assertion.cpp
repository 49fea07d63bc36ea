#include "oauth/assertion.h"

#include <algorithm>

#include "oauth/claims.h"

namespace countersign::oauth {
namespace {

/// RFC 8725 section 3.1: the header can only name one of the key's algorithms that is taken here.
std::optional<jose::Algorithm> algorithm_in(const jose::UnverifiedJws& jws, const ClientKey& key,
                                            const AssertionRules& rules) {
  const auto named = jose::parse_algorithm(jws.text("alg").value_or(""));
  if (!named || !jose::suits(*named, key.key.key().type())) return std::nullopt;
  const bool taken = std::ranges::find(rules.algorithms, *named) != rules.algorithms.end();
  return taken ? named : std::nullopt;
}

bool is_named(const jose::UnverifiedJws& jws, const ClientKey& key) {
  const auto kid = jws.text("kid");
  if (kid && *kid != key.key.thumbprint() && *kid != key.x5t_s256) return false;
  const auto x5t = jws.text("x5t#S256");
  return !x5t || *x5t == key.x5t_s256;
}

struct Found {
  jose::VerifiedJws jws;
  const ClientKey* key;
};

/// The key by which the signature holds. A key stands there once for each of its certificates.
Checked<Found> find_signer(const jose::UnverifiedJws& jws, const std::vector<ClientKey>& keys,
                           const AssertionRules& rules) {
  Reason why = Reason::assertion_key_unknown;
  for (const ClientKey& key : keys) {
    if (!is_named(jws, key)) continue;
    const auto algorithm = algorithm_in(jws, key, rules);
    if (!algorithm) {
      if (why == Reason::assertion_key_unknown) why = Reason::assertion_algorithm;
      continue;
    }
    auto verified = jws.verify(key.key.key(), *algorithm);
    if (!verified) {
      why = Reason::assertion_signature;
      continue;
    }
    if (key.use == ClientKey::Use::transport) return refuse(Reason::assertion_key_not_signing);
    return Found{std::move(*verified), &key};
  }
  return refuse(why);
}

Checked<void> check_times(const Claims& claims, base::Instant now) {
  const auto expires = claims.date("exp");
  if (!expires) return refuse(Reason::assertion_malformed, "exp is missing");
  if (*expires + kClockSkew <= now) return refuse(Reason::assertion_expired);
  if (*expires > now + kLongestAssertion + kClockSkew) return refuse(Reason::assertion_too_long);
  const auto issued = claims.date("iat");
  if (issued && *expires > *issued + kLongestAssertion + kClockSkew) return refuse(Reason::assertion_too_long);
  for (const char* name : {"nbf", "iat"})
    if (const auto from = claims.date(name); from && *from > now + kClockSkew) return refuse(Reason::assertion_early);
  return {};
}

/// RFC 7523 section 3.
Checked<void> check_claims(const Claims& claims, const AssertionRules& rules, base::Instant now) {
  if (claims.text("iss") != rules.client || claims.text("sub") != rules.client)
    return refuse(Reason::assertion_subject);
  const auto is_here = [&](const std::string& audience) {
    return std::ranges::find(rules.audiences, audience) != rules.audiences.end();
  };
  // One that is meant for others, too, could be used there by whoever reads it here.
  if (claims.audience().empty() || !std::ranges::all_of(claims.audience(), is_here))
    return refuse(Reason::assertion_audience);
  if (rules.audience_form == AssertionRules::AudienceForm::text && !claims.all().at("aud").is_string())
    return refuse(Reason::assertion_audience, "aud must be the issuer as a text, not a list");
  if (auto times = check_times(claims, now); !times) return times;
  const auto id = claims.text("jti");
  if (!id || id->empty() || id->size() > kIdLength) return refuse(Reason::assertion_without_id);
  return {};
}

}  // namespace

Checked<VerifiedAssertion> verify_assertion(std::string_view text, const std::vector<ClientKey>& keys,
                                            const AssertionRules& rules, base::Instant now) {
  if (text.size() > kAssertionLimit) return refuse(Reason::assertion_malformed, "it has more than 8 KiB");
  const auto jws = jose::UnverifiedJws::parse_compact(text);
  if (!jws) return refuse(Reason::assertion_malformed, jws.error().detail);
  if (brings_a_key(*jws)) return refuse(Reason::assertion_header);
  auto found = find_signer(*jws, keys, rules);
  if (!found) return base::unexpected(found.error());
  const auto claims = Claims::of(found->jws);
  if (!claims) return refuse(Reason::assertion_malformed, claims.error().detail);
  if (auto good = check_claims(*claims, rules, now); !good) return base::unexpected(good.error());
  return VerifiedAssertion(*claims->text("jti"), *claims->date("exp"), found->key->key.thumbprint());
}

base::Result<std::string> make_assertion(const AssertionOrder& order, const crypto::PrivateKey& key,
                                         jose::Algorithm algorithm) {
  BASE_TRY(const auto jwk, jose::Jwk::from(key.public_key()));
  const base::json::object claims{{"iss", order.client},
                                  {"sub", order.client},
                                  {"aud", order.audience},
                                  {"jti", order.id},
                                  {"iat", order.issued.unix_seconds()},
                                  {"exp", (order.issued + order.life).unix_seconds()}};
  return jose::sign_compact({{"typ", "JWT"}, {"kid", jwk.thumbprint()}}, base::json::serialize(claims), key, algorithm);
}

}  // namespace countersign::oauth
