// TokenChecker: is the access token of a request good for this connection and route? One for each worker, of its
// thread.
//
// A token whose signature was checked is remembered, by SHA-256 of its text and the certificate it came with, until it
// ends or the keys change; binding, end, revocation, audience and scopes are looked at every time.
#pragma once

#include <list>
#include <unordered_map>

#include "gateway/token/rings.h"
#include "http/message.h"
#include "oauth/access_token.h"
#include "tls/verified_peer.h"

namespace countersign::gateway {

/// Tokens remembered by one worker; the one used longest ago makes room.
inline constexpr std::size_t kTokensRemembered = 8192;

/// The one token of a request's Authorization field (RFC 6750 section 2.1); nowhere else is looked for one. Fails:
/// token_missing, token_malformed where there is more than one such field.
oauth::Checked<std::string_view> token_in(const http::Fields& fields);

class TokenChecker {
 public:
  explicit TokenChecker(const TokenRings& rings) : rings_(rings) {}

  /// Fails: the reasons token_*.
  oauth::Checked<oauth::BoundToken> check(const http::Fields& fields, const tls::VerifiedPeer& peer,
                                          const oauth::Demand& demand, base::Instant now) {
    return check(fields, peer.admitted(), demand, now);
  }
  /// The same of the chain alone, for measurements and tests.
  oauth::Checked<oauth::BoundToken> check(const http::Fields& fields, const trust::AdmittedChain& peer,
                                          const oauth::Demand& demand, base::Instant now);

  std::size_t remembered() const { return by_age_.size(); }

 private:
  using Key = crypto::Digest256;
  struct Remembered {
    Key key;
    oauth::CheckedToken token;
  };
  struct HashOfKey {
    std::size_t operator()(const Key& key) const;
  };
  void refresh();
  const oauth::CheckedToken* find(const Key& key);
  void remember(const Key& key, const oauth::CheckedToken& token);

  const TokenRings& rings_;
  std::uint64_t generation_ = 0;
  std::shared_ptr<const oauth::KeyRing> ring_;
  std::list<Remembered> by_age_;  ///< used last first
  std::unordered_map<Key, std::list<Remembered>::iterator, HashOfKey> by_key_;
};

}  // namespace countersign::gateway
