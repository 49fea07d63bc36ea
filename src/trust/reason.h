// Reason: the closed list of why a peer's certificate is refused, with what to tell its owner, who is not always the
// same: a certificate of ours is mended at the authority, that of a partner's server at a public CA (Party).
//
// The names are stable: they stand in logs, metrics, `countersign verify` and docs/refusals.md, which is generated from
// this table. The TLS alert of each is in tls/alert.h; the peer is told nothing else.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "trust/purpose.h"

namespace countersign::trust {

enum class Reason {
  no_certificate,
  malformed,
  chain_too_long,
  not_yet_valid,
  expired,
  unknown_issuer,
  missing_intermediate,
  bad_signature,
  self_signed,
  wrong_purpose,
  wrong_environment,
  wrong_name,
  revoked,
  suspended,
  not_in_registry,
  weak_key,
  weak_signature,
  name_constraint,
  invalid_issuer,
  issuer_withdrawn,
  proof_failed,
};

/// Whose certificate was judged: it decides who can mend it, and how.
enum class Party {
  client,    ///< who calls, or signs, with a certificate of the provider's authority
  server,    ///< a server that is called and is no program of the platform: a partner's, an upstream's; of any CA
  platform,  ///< the authority or the gateway, seen by whoever calls it
};
inline constexpr std::array kParties = {Party::client, Party::server, Party::platform};
std::string_view name(Party party);
/// Of a certificate that is judged by itself: a server's, whoever runs it, or one of our authority's for clients.
Party party_of(Purpose purpose);

/// For each party one or two sentences: who does what to mend it.
struct Remedies {
  std::string_view client;
  std::string_view server;
  std::string_view platform;
};

struct Explanation {
  Reason reason;
  std::string_view name;     ///< as in the enumeration
  std::string_view meaning;  ///< one sentence: what was found
  Remedies remedies;

  std::string_view remedy(Party party) const;
};

/// Every reason, in the order of the enumeration.
std::span<const Explanation> explanations();
const Explanation& explanation(Reason reason);
std::string_view name(Reason reason);

}  // namespace countersign::trust
