#include "authority/registry/token_facts.h"

#include "authority/registry/rows.h"
#include "store/oauth_clients.h"

namespace countersign::authority {

feed::TokenKeyFact to_fact(const store::OauthKeyRow& row) { return {row.kid, row.issuer, row.jwk, row.known_until}; }

base::Result<void> add_token_facts(store::Transaction& rows, base::Instant now, std::vector<feed::Fact>& facts) {
  BASE_TRY(const auto keys, store::list_oauth_keys(rows, now));
  for (const store::OauthKeyRow& row : keys)
    facts.emplace_back(to_fact(row));
  BASE_TRY(const auto revocations, store::list_oauth_revocations(rows, now));
  for (const store::OauthRevocationRow& row : revocations)
    facts.emplace_back(feed::TokenRevocationFact{row.token_id, row.revoked_at, row.expires_at});
  BASE_TRY(const auto clients, store::list_oauth_clients(rows, {}));
  for (const store::OauthClientRow& row : clients) {
    if (!row.cut_at || *row.cut_at + kLongestTokenLife < now) continue;
    BASE_TRY(const auto identity, to_identity(row.key));
    facts.emplace_back(feed::TokenCutFact{identity, *row.cut_at, *row.cut_at + kLongestTokenLife});
  }
  return {};
}

}  // namespace countersign::authority
