// THE decision: presented chain + purpose + registry facts + revocation + time -> Verdict.
//
// Two steps, each a type only its checker can make (law 3): verify_chain() looks at the certificates alone and makes a
// VerifiedChain; admit() holds that against the registry and makes an AdmittedChain. tls turns an AdmittedChain into a
// VerifiedPeer once the peer has proved to hold the key. There is no other way to any of the three.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trust/refusal.h"
#include "trust/registry_view.h"
#include "trust/trust_set.h"

namespace countersign::trust {

/// At most this many certificates are looked at, the leaf included: of a server (public CAs are prolific), of a client.
inline constexpr std::size_t kPresentedLimit = 8;
inline constexpr std::size_t kClientPresentedLimit = 4;

struct Policy {
  std::set<Purpose> purposes;                         ///< the leaf must be for one of these
  std::optional<base::Environment> environment = {};  ///< where set, the leaf must be of this environment
  std::optional<std::string> server_name = {};        ///< where set, the leaf must carry this host name or address
};

/// What the peer sent, leaf first (RFC 8446 section 4.4.2); nothing of it is believed.
using PresentedChain = std::vector<x509::Certificate>;

/// Cheap to copy: copies share what was verified.
class VerifiedChain {
 public:
  const x509::Certificate& leaf() const { return facts_->path.front(); }
  /// Leaf first, anchor last.
  const std::vector<x509::Certificate>& path() const { return facts_->path; }
  Purpose purpose() const { return facts_->purpose; }
  /// Who the leaf says it is. Present whenever our own issuing CAs vouch; absent for somebody else's server
  /// certificate.
  const std::optional<base::Identity>& identity() const { return facts_->identity; }
  /// The latest notBefore and the earliest notAfter on the path: outside of them this proof is worth nothing.
  base::Instant valid_from() const { return facts_->valid_from; }
  base::Instant valid_until() const { return facts_->valid_until; }

 private:
  friend base::Result<VerifiedChain, Refusal> verify_chain(const PresentedChain&, const Policy&, const TrustSet&,
                                                           base::Instant);
  struct Facts {
    std::vector<x509::Certificate> path;
    Purpose purpose;
    std::optional<base::Identity> identity;
    base::Instant valid_from;
    base::Instant valid_until;
  };
  explicit VerifiedChain(Facts facts) : facts_(std::make_shared<const Facts>(std::move(facts))) {}
  std::shared_ptr<const Facts> facts_;
};

class AdmittedChain {
 public:
  const VerifiedChain& chain() const { return chain_; }
  /// Whom the registry lists under this certificate, as the leaf says itself.
  const base::Identity& identity() const { return *chain_.identity(); }

 private:
  friend base::Result<AdmittedChain, Refusal> admit(VerifiedChain, const RegistryView&);
  explicit AdmittedChain(VerifiedChain chain) : chain_(std::move(chain)) {}
  VerifiedChain chain_;
};

/// Judges the certificates alone, at `at` (RFC 5280 section 6, then purpose, environment and name).
base::Result<VerifiedChain, Refusal> verify_chain(const PresentedChain& presented, const Policy& policy,
                                                  const TrustSet& trust, base::Instant at);

/// Holds a verified chain against the registry: listed, same identity and purpose, its issuing CA not
/// withdrawn, not revoked, not suspended.
base::Result<AdmittedChain, Refusal> admit(VerifiedChain chain, const RegistryView& registry);

/// Asks again about somebody admitted before: the next request, a live connection. Nothing means: still admitted.
std::optional<Refusal> reconsider(const AdmittedChain& chain, const RegistryView& registry, base::Instant at);
/// The same about a server that was verified: the registry need not list it, but nothing on its path may have ended,
/// its certificate not be revoked, and no issuer of it withdrawn, as far as the registry knows. Nothing means: still
/// believed.
std::optional<Refusal> reconsider_server(const VerifiedChain& chain, const RegistryView& registry, base::Instant at);

}  // namespace countersign::trust
