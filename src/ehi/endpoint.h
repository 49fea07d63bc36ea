// Endpoint: one [[ehi.endpoints]] of countersign.toml, checked: a partner's server that the provider calls.
#pragma once

#include <filesystem>
#include <memory>

#include "base/config.h"
#include "base/identity.h"
#include "crypto/digest.h"
#include "ehi/circuit.h"
#include "ehi/stand_in.h"
#include "http/url.h"
#include "outbox/message.h"
#include "trust/trust_set.h"

namespace countersign::ehi {

/// How advice messages of an endpoint are delivered.
struct AdviceRules {
  std::optional<http::Url> url = {};                   ///< absent: the endpoint's own, and its recovery site
  base::Duration deadline = std::chrono::seconds(10);  ///< for one attempt
  Acknowledgement acknowledgement = {};                ///< ack_status, advice_ack
  outbox::Pace pace = {};
  base::Duration keep = std::chrono::hours(72);
  std::int64_t concurrency = 4;  ///< attempts at once
  std::optional<http::Url> cutoff_url = {};
  base::Duration cutoff_interval = std::chrono::hours(4);
};

/// Is the partner's server asked for an OCSP response about its own certificate? `check`: one that says revoked is
/// heeded. `require`: one must be there. A certificate that demands one (RFC 7633) is taken at its word by both.
enum class StapleRule { off, check, require };

/// How requests are signed with the provider's Signing Certificate: HTTP message signatures (RFC 9421), detached JWS
/// (RFC 7515 appendix F, RFC 7797), `k=KEY, s=SIGNATURE`.
enum class SignRule { rfc9421, detached_jws, legacy };

struct Endpoint {
  base::Slug name;                ///< what internal systems call it
  base::Environment environment;  ///< which of the provider's certificates is sent
  http::Url url;                  ///< https only
  base::Duration deadline;  ///< for one call, from the first byte from the caller's request to the last of the answer
  std::shared_ptr<const trust::TrustSet> anchors;  ///< whom its server certificate may come from
  std::optional<http::Url> recovery_url = {};      ///< called while `url` cannot be
  std::vector<crypto::Digest256> pins = {};        ///< SHA-256 of SPKIs, one of which must be on the path; empty: any
  StapleRule staple = StapleRule::check;
  bool http2 = true;                                   ///< offered to the partner's server, which chooses
  std::optional<SignRule> sign = {};                   ///< absent: requests are not signed
  std::string source = {};                             ///< the address of ours that calls come from; empty: any
  std::int64_t concurrency = 256;                      ///< decision calls at once, late ones with them
  base::Duration late_time = std::chrono::seconds(2);  ///< an answer is waited for so much longer, to be recorded
  Circuit::Limits circuit = {};
  Acknowledgement acknowledgement = {};
  Fallback fallback = {};
  AdviceRules advice = {};
  std::optional<base::Slug> organisation = {};  ///< whose its servers are; absent: the authority is not told of them
  std::vector<std::string> callers = {};        ///< "service/NAME"; empty: every internal system
};

/// All but `callers`. Fails: `config.*`, `ehi.config` naming the key.
base::Result<Endpoint> read_endpoint(base::ConfigSection& section, const std::filesystem::path& folder);

}  // namespace countersign::ehi
