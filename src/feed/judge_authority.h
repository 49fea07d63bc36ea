// JudgeAuthority: whom clients of the authority believe, be they data planes or people at a command line.
//
// A certificate under the provider's trust chain, for the host called, whose identity is that of the authority: not
// merely any server certificate of the platform. Otherwise whoever holds the gateway's could take codes and commands.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "trust/verdict.h"

namespace countersign::feed {

inline constexpr std::string_view kAuthorityUrn = "urn:countersign:internal:service:authority";
inline constexpr std::string_view kAnotherServer = "the server is not the authority: its certificate lacks ";

/// Is it refused for one thing only: a server of this provider, for the name called, that is not the authority?
inline bool is_another_server(const trust::Refusal& refusal) {
  return refusal.reason == trust::Reason::wrong_name && refusal.detail.starts_with(kAnotherServer);
}

/// A tls::JudgeServer. `clock` and `registry` are borrowed.
struct JudgeAuthority {
  std::shared_ptr<const trust::TrustSet> trust;
  std::string host;
  const base::Clock* clock;
  /// What is known of revocations; null: nothing. A certificate it does not list passes: the authority may have renewed
  /// its own while nobody listened.
  const trust::RegistryView* registry = nullptr;
  /// What the feed taught; null: nothing. Counts where `trust` knows no path: the root may have been followed by
  /// another.
  std::shared_ptr<const trust::TrustSet> learned = nullptr;

  base::Result<trust::VerifiedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = host};
    auto chain = trust::verify_chain(presented, policy, *trust, clock->now());
    if (!chain && chain.error().reason == trust::Reason::unknown_issuer && learned != nullptr)
      chain = trust::verify_chain(presented, policy, *learned, clock->now());
    if (!chain) return chain;
    if (registry != nullptr)
      if (auto refusal = trust::reconsider_server(*chain, *registry, clock->now()))
        return base::unexpected(std::move(*refusal));
    if (chain->identity() && chain->identity()->to_urn() == kAuthorityUrn) return chain;
    return base::unexpected(trust::refuse(trust::Reason::wrong_name, chain->leaf(), 0,
                                          std::string(kAnotherServer) + std::string(kAuthorityUrn)));
  }
};

}  // namespace countersign::feed
