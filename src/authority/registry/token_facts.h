// What the trust feed says of access tokens, out of the registry: for a snapshot of it.
#pragma once

#include <vector>

#include "feed/facts.h"
#include "store/oauth_tokens.h"
#include "store/registry.h"

namespace countersign::authority {

/// No access token is good for longer, so that what was said of one needs not be said after that.
inline constexpr base::Duration kLongestTokenLife = std::chrono::hours(1);

feed::TokenKeyFact to_fact(const store::OauthKeyRow& row);
/// Adds the keys that are known at `now`, and which tokens are not to be taken. Fails: `registry.corrupt`, as store.
base::Result<void> add_token_facts(store::Transaction& rows, base::Instant now, std::vector<feed::Fact>& facts);

}  // namespace countersign::authority
