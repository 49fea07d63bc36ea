// The keys of an organisation's Signing Certificates, for whoever checks what it signed: a JWKS (RFC 7517) of those
// that count now, and another of those that counted until lately, so that a standard client never takes one of these.
#pragma once

#include <string>
#include <string_view>

#include "authority/registry/ledger.h"
#include "base/identity.h"
#include "oauth/access_token.h"

namespace countersign::authority {

/// Certificates that ended are listed so long, for what was signed before.
inline constexpr base::Duration kRecently = std::chrono::hours(24 * 90);

struct Party {
  enum class Keys { active, inactive };
  base::Environment environment;
  base::Slug organisation;
  Keys keys = Keys::active;
};
/// "production/acme" or "production/acme/inactive". Nothing for anything else.
std::optional<Party> parse_party(std::string_view path);

/// {"keys":[...]}, each with kid (RFC 7638), x5c, x5t#S256, `application`, and where it is inactive `ended` and `why`.
/// One that was revoked leaves the active ones at once; one whose key is or may be known to others is in neither.
/// Fails: `registry.corrupt`, as store.
base::Result<base::json::object> party_key_set(Ledger& ledger, const Party& party);

/// No gateway takes the token from now on. Fails: as store.
base::Result<void> revoke_token(Ledger& ledger, const Actor& actor, const oauth::Grant& grant);

}  // namespace countersign::authority
