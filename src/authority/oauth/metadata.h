// What a client says of itself (RFC 7591 section 2), checked as far as it is understood here.
#pragma once

#include "authority/oauth/clients.h"
#include "authority/oauth/settings.h"
#include "oauth/refusal.h"

namespace countersign::authority {

struct ClientMetadata {
  base::json::object kept;  ///< as it came, without the members that only the authority says
  oauth::Method method;
  oauth::Scopes scopes;
};

/// `rules`: what the provider lets the client choose from. Fails: metadata_refused, naming the member.
oauth::Checked<ClientMetadata> read_metadata(const base::json::object& sent, const ClientRules& rules,
                                             const OauthSettings& settings);

}  // namespace countersign::authority
