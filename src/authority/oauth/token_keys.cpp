#include "authority/oauth/token_keys.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "authority/registry/token_facts.h"
#include "oauth/access_token.h"
#include "store/oauth_clients.h"

namespace countersign::authority {
namespace {

base::Result<jose::Jwk> read_jwk(const store::OauthKeyRow& row) {
  const auto json = base::parse_json(row.jwk);
  auto jwk = json ? jose::Jwk::parse(*json) : base::Result<jose::Jwk>(base::unexpected(json.error()));
  if (jwk) return jwk;
  return base::unexpected(
      std::move(jwk).error().under("registry.corrupt", "the token key " + row.kid + " cannot be read"));
}

bool signs_at(const store::OauthKeyRow& row, base::Instant now) {
  return row.signs_from <= now && now < row.signs_until && !row.sealed.empty();
}

}  // namespace

base::Duration TokenKeys::lead() const { return std::min(kKeyLead, settings_.key_life / 4); }

bool TokenKeys::is_ours(const store::OauthKeyRow& row) const { return row.issuer == settings_.issuer; }

base::Result<store::OauthKeyRow> TokenKeys::make(base::Instant signs_from) const {
  BASE_TRY(const auto key, crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256));
  BASE_TRY(const auto jwk, jose::Jwk::from(key.public_key()));
  BASE_TRY(std::string sealed, key.to_encrypted_pem(sealing_));
  const base::Instant signs_until = signs_from + settings_.key_life;
  return store::OauthKeyRow{jwk.thumbprint(),
                            settings_.issuer,
                            base::json::serialize(jwk.to_json()),
                            std::move(sealed),
                            ledger_.now(),
                            signs_from,
                            signs_until,
                            signs_until + kLongestTokenLife + oauth::kGatewaySkew};
}

base::Result<void> TokenKeys::add(Amendment& amendment, const Actor& actor, const store::OauthKeyRow& row) const {
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  amendment.publish(to_fact(row));
  return amendment.audit(
      {actor, "token_key.made", row.kid, {{"issuer", row.issuer}, {"signs_from", base::to_rfc3339(row.signs_from)}}});
}

base::Result<void> TokenKeys::tend() {
  const base::Instant now = ledger_.now();
  const auto last_end = [&](const std::vector<store::OauthKeyRow>& rows) {
    std::optional<base::Instant> end;
    for (const store::OauthKeyRow& row : rows)
      if (is_ours(row) && !row.sealed.empty() && (!end || *end < row.signs_until)) end = row.signs_until;
    return end;
  };
  {
    BASE_TRY(const auto rows, known());
    if (const auto end = last_end(rows); end && now < *end - lead()) return {};
  }
  BASE_TRY(auto amendment, ledger_.amend());
  // Once more under the lock: another authority may have made it just now.
  BASE_TRY(const auto rows, store::list_oauth_keys(amendment.rows(), now));
  const auto end = last_end(rows);
  if (end && now < *end - lead()) return {};
  BASE_TRY(const auto row, make(end && *end > now ? *end : now));
  BASE_TRY_VOID(add(amendment, the_authority(), row));
  BASE_TRY_VOID(store::forget_oauth_keys(amendment.rows(), now - kLongestTokenLife));
  return amendment.commit();
}

base::Result<std::vector<store::OauthKeyRow>> TokenKeys::known() {
  BASE_TRY(auto rows, ledger_.read());
  return store::list_oauth_keys(rows, ledger_.now());
}

base::Result<std::shared_ptr<const crypto::PrivateKey>> TokenKeys::open(const store::OauthKeyRow& row) {
  if (const auto found = opened_.find(row.kid); found != opened_.end()) return found->second;
  auto key = crypto::PrivateKey::from_pem(row.sealed, sealing_);
  if (!key)
    return base::unexpected(std::move(key).error().under(
        "keys.passphrase",
        "the token key " + row.kid + " does not open: does another authority with other keys use this registry?"));
  auto opened = std::make_shared<const crypto::PrivateKey>(std::move(*key));
  opened_.emplace(row.kid, opened);
  return opened;
}

base::Result<TokenKeys::Signing> TokenKeys::signing() {
  BASE_TRY_VOID(tend());
  const base::Instant now = ledger_.now();
  BASE_TRY(const auto rows, known());
  // The newest whose time has come: the one before it may have some left.
  const auto found = std::find_if(rows.rbegin(), rows.rend(),
                                  [&](const store::OauthKeyRow& row) { return is_ours(row) && signs_at(row, now); });
  if (found == rows.rend())
    return base::fail(base::Kind::unavailable, "token_key.none", "no key signs at this moment: check the clock");
  BASE_TRY(auto key, open(*found));
  std::erase_if(opened_, [&](const auto& one) { return one.first != found->kid; });
  return Signing{found->kid, std::move(key)};
}

base::Result<oauth::KeyRing> TokenKeys::ring() {
  BASE_TRY(auto rows, ledger_.read());
  std::vector<feed::Fact> facts;
  BASE_TRY_VOID(add_token_facts(rows, ledger_.now(), facts));
  BASE_TRY(const auto keys, store::list_oauth_keys(rows, ledger_.now()));
  std::vector<oauth::TokenKey> ring;
  for (const store::OauthKeyRow& row : keys) {
    BASE_TRY(auto jwk, read_jwk(row));
    ring.push_back({row.kid, row.issuer, std::move(jwk), row.known_until});
  }
  std::vector<oauth::KeyRing::Revoked> revoked;
  std::vector<oauth::KeyRing::Cut> cuts;
  for (const feed::Fact& fact : facts) {
    if (const auto* one = std::get_if<feed::TokenRevocationFact>(&fact)) revoked.push_back({one->token_id});
    if (const auto* one = std::get_if<feed::TokenCutFact>(&fact)) cuts.push_back({one->identity, one->at});
  }
  return oauth::KeyRing(std::move(ring), revoked, cuts);
}

base::Result<void> TokenKeys::end(Amendment& amendment, store::OauthKeyRow row, base::Instant at, Rotation how) const {
  row.signs_until = std::min(row.signs_until, at);
  row.signs_from = std::min(row.signs_from, row.signs_until);
  if (how == Rotation::compromised) {
    row.known_until = ledger_.now();
    row.sealed.clear();
  } else {
    row.known_until = std::min(row.known_until, at + kLongestTokenLife + oauth::kGatewaySkew);
  }
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  amendment.publish(to_fact(row));
  return {};
}

base::Result<void> TokenKeys::rotate(const Actor& actor, Rotation how) {
  const base::Instant now = ledger_.now();
  const base::Instant from = how == Rotation::compromised ? now : now + lead();
  BASE_TRY(const auto made, make(from));
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(const auto rows, store::list_oauth_keys(amendment.rows(), now));
  const char* action = how == Rotation::compromised ? "token_key.given_up" : "token_key.rotated";
  BASE_TRY_VOID(amendment.audit({actor, action, settings_.issuer, {{"successor", made.kid}}}));
  BASE_TRY_VOID(add(amendment, actor, made));
  for (const store::OauthKeyRow& row : rows)
    BASE_TRY_VOID(end(amendment, row, from, how));
  opened_.clear();
  return amendment.commit();
}

base::Result<base::json::object> to_jwks(const std::vector<store::OauthKeyRow>& rows) {
  base::json::array keys;
  for (const store::OauthKeyRow& row : rows) {
    BASE_TRY(const auto jwk, read_jwk(row));
    base::json::object key = jwk.to_json();
    key["kid"] = row.kid;
    key["use"] = "sig";
    key["alg"] = jose::name(jwk.algorithm());
    keys.emplace_back(std::move(key));
  }
  return base::json::object{{"keys", std::move(keys)}};
}

}  // namespace countersign::authority
