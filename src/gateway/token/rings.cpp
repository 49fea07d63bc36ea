#include "gateway/token/rings.h"

namespace countersign::gateway {

void TokenRings::refresh() {
  const auto facts = knowledge_.tokens();
  if (facts == of_) return;
  of_ = facts;
  std::vector<oauth::TokenKey> keys;
  for (const auto& [kid, fact] : facts->keys) {
    const auto json = base::parse_json(fact.jwk);
    auto jwk = json ? jose::Jwk::parse(*json) : base::Result<jose::Jwk>(base::unexpected(json.error()));
    if (jwk) keys.push_back({kid, fact.issuer, std::move(*jwk), fact.until});
    else log_.error("feed.unusable_token_key", {{"kid", kid}, {"error", base::to_string(jwk.error())}});
  }
  std::vector<oauth::KeyRing::Revoked> revoked;
  for (const auto& [id, fact] : facts->revocations)
    revoked.push_back({id});
  std::vector<oauth::KeyRing::Cut> cuts;
  for (const auto& [identity, fact] : facts->cuts)
    cuts.push_back({identity, fact.at});
  ring_.publish(std::make_shared<const oauth::KeyRing>(std::move(keys), revoked, cuts));
  generation_.fetch_add(1, std::memory_order_release);
}

}  // namespace countersign::gateway
