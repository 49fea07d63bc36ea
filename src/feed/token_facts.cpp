#include "feed/token_facts.h"

namespace countersign::feed {
namespace {

base::Result<base::Instant> read_instant(base::JsonReader& reader, std::string_view member) {
  BASE_TRY(const std::int64_t seconds, reader.integer(member));
  return base::Instant::from_unix_seconds(seconds);
}

}  // namespace

void TokenFacts::forget(base::Instant now) {
  std::erase_if(revocations, [&](const auto& one) { return one.second.until < now; });
  std::erase_if(cuts, [&](const auto& one) { return one.second.until < now; });
}

void TokenFacts::apply(const TokenKeyFact& fact) { keys.insert_or_assign(fact.kid, fact); }

void TokenFacts::apply(const TokenRevocationFact& fact) {
  forget(fact.at);
  revocations.insert_or_assign(fact.token_id, fact);
}

void TokenFacts::apply(const TokenCutFact& fact) {
  forget(fact.at);
  cuts.insert_or_assign(fact.identity, fact);
}

base::json::object to_json(const TokenKeyFact& fact) {
  return {{"type", "token_key"},
          {"kid", fact.kid},
          {"issuer", fact.issuer},
          {"jwk", fact.jwk},
          {"until", fact.until.unix_seconds()}};
}

base::json::object to_json(const TokenRevocationFact& fact) {
  return {{"type", "token_revocation"},
          {"token_id", fact.token_id},
          {"at", fact.at.unix_seconds()},
          {"until", fact.until.unix_seconds()}};
}

base::json::object to_json(const TokenCutFact& fact) {
  return {{"type", "token_cut"},
          {"urn", fact.identity.to_urn()},
          {"at", fact.at.unix_seconds()},
          {"until", fact.until.unix_seconds()}};
}

base::Result<TokenKeyFact> read_token_key(base::JsonReader& reader) {
  TokenKeyFact fact;
  BASE_TRY(fact.kid, reader.text("kid"));
  BASE_TRY(fact.issuer, reader.text("issuer"));
  BASE_TRY(fact.jwk, reader.text("jwk"));
  BASE_TRY(fact.until, read_instant(reader, "until"));
  return fact;
}

base::Result<TokenRevocationFact> read_token_revocation(base::JsonReader& reader) {
  TokenRevocationFact fact;
  BASE_TRY(fact.token_id, reader.text("token_id"));
  BASE_TRY(fact.at, read_instant(reader, "at"));
  BASE_TRY(fact.until, read_instant(reader, "until"));
  return fact;
}

base::Result<TokenCutFact> read_token_cut(base::JsonReader& reader) {
  BASE_TRY(const std::string urn, reader.text("urn"));
  BASE_TRY(auto identity, base::Identity::from_urn(urn));
  BASE_TRY(const base::Instant at, read_instant(reader, "at"));
  BASE_TRY(const base::Instant until, read_instant(reader, "until"));
  return TokenCutFact{std::move(identity), at, until};
}

}  // namespace countersign::feed
