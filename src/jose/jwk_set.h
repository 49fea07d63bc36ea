// JwkSet: public keys of somebody as a list (RFC 7517 section 5), such as an organisation's /oauth2/jwks/....
// Immutable.
#pragma once

#include <vector>

#include "jose/jwk.h"

namespace countersign::jose {

/// Members of 'keys' that are looked at: each key that is read costs more than it cost to write.
inline constexpr std::size_t kKeysLimit = 256;

class JwkSet {
 public:
  /// Keys of a kind or for a use that is not taken here are passed over (RFC 7517 section 5); a private key is not.
  /// Fails: `jwk.malformed` where it is no list of at most kKeysLimit objects, `jwk.private`.
  static base::Result<JwkSet> parse(const base::json::value& json);

  /// Those that can sign something here, in their order; there may be none.
  const std::vector<Jwk>& keys() const { return keys_; }

 private:
  explicit JwkSet(std::vector<Jwk> keys) : keys_(std::move(keys)) {}
  std::vector<Jwk> keys_;
};

}  // namespace countersign::jose
