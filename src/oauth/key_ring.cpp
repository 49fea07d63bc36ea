#include "oauth/key_ring.h"

#include "oauth/access_token.h"

namespace countersign::oauth {

KeyRing::KeyRing(std::vector<TokenKey> keys, const std::vector<Revoked>& revoked, const std::vector<Cut>& cuts) {
  for (TokenKey& key : keys) {
    std::string kid = key.kid;
    keys_.insert_or_assign(std::move(kid), std::move(key));
  }
  for (const Revoked& one : revoked)
    revoked_.insert(one.token_id);
  for (const Cut& cut : cuts) {
    const auto [at, is_new] = cuts_.try_emplace(client_id_of(cut.identity), cut.before);
    if (!is_new && at->second < cut.before) at->second = cut.before;
  }
}

const TokenKey* KeyRing::find(const std::string& kid, base::Instant now) const {
  const auto found = keys_.find(kid);
  return found == keys_.end() || found->second.until <= now ? nullptr : &found->second;
}

bool KeyRing::is_cut(const std::string& client, base::Instant issued) const {
  const auto found = cuts_.find(client);
  return found != cuts_.end() && issued <= found->second;
}

}  // namespace countersign::oauth
