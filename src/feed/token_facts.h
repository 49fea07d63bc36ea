// What the trust feed says of access tokens: the keys by which the authority's are known, and which of them are not to
// be taken any more. TokenFacts is what of it holds at one moment.
#pragma once

#include <map>
#include <string>

#include "base/identity.h"
#include "base/json.h"
#include "base/time.h"

namespace countersign::feed {

/// Published before anything is signed with it; told once more with an earlier `until` where it is given up.
struct TokenKeyFact {
  std::string kid;
  std::string issuer;
  std::string jwk;  ///< the public key, as JSON
  base::Instant until;
};

/// One token was revoked `at`; `until` it would have been good.
struct TokenRevocationFact {
  std::string token_id;
  base::Instant at;
  base::Instant until;
};

/// No token of an application that was issued at or before `at` is taken; `until` one of them would have been good.
struct TokenCutFact {
  base::Identity identity;
  base::Instant at;
  base::Instant until;
};

struct TokenFacts {
  std::map<std::string, TokenKeyFact> keys;                ///< by kid
  std::map<std::string, TokenRevocationFact> revocations;  ///< by id
  std::map<base::Identity, TokenCutFact> cuts;

  /// Takes over one fact. What had ended by its time is forgotten: the facts carry the time, there is no clock here.
  void apply(const TokenKeyFact& fact);
  void apply(const TokenRevocationFact& fact);
  void apply(const TokenCutFact& fact);

 private:
  void forget(base::Instant now);
};

base::json::object to_json(const TokenKeyFact& fact);
base::json::object to_json(const TokenRevocationFact& fact);
base::json::object to_json(const TokenCutFact& fact);
/// Fail, all: `json.*`, `urn.invalid`.
base::Result<TokenKeyFact> read_token_key(base::JsonReader& reader);
base::Result<TokenRevocationFact> read_token_revocation(base::JsonReader& reader);
base::Result<TokenCutFact> read_token_cut(base::JsonReader& reader);

}  // namespace countersign::feed
