// KeyRing: the public keys by which tokens of the authority are known, and which tokens are not to be taken any more,
// at one moment. Immutable; shared by all threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/identity.h"
#include "base/time.h"
#include "jose/jwk.h"

namespace countersign::oauth {

/// One key that the authority published.
struct TokenKey {
  std::string kid;
  std::string issuer;
  jose::Jwk key;
  base::Instant until;  ///< no token of it is good any more
};

class KeyRing {
 public:
  /// A token that was revoked before its end.
  struct Revoked {
    std::string token_id;
  };
  /// Tokens of one client from before a moment are not taken.
  struct Cut {
    base::Identity identity;
    base::Instant before;
  };
  KeyRing() = default;
  KeyRing(std::vector<TokenKey> keys, const std::vector<Revoked>& revoked, const std::vector<Cut>& cuts);

  /// Null where there is none of that name, or its time is over.
  const TokenKey* find(const std::string& kid, base::Instant now) const;
  bool is_revoked(const std::string& token_id) const { return revoked_.contains(token_id); }
  /// Was the token of `client` issued at or before a moment from before which none is taken?
  bool is_cut(const std::string& client, base::Instant issued) const;
  std::size_t size() const { return keys_.size(); }

 private:
  std::unordered_map<std::string, TokenKey> keys_;
  std::unordered_set<std::string> revoked_;
  std::unordered_map<std::string, base::Instant> cuts_;  ///< by client id
};

}  // namespace countersign::oauth
