// Reconsideration: somebody who was believed once is asked about again and again, for as long as a connection lasts,
// and that costs one comparison while the registry stays as it was.
//
// Remembers one chain's good answer; a refusal is never remembered. Belongs to one thread.
#pragma once

#include "trust/verdict.h"

namespace countersign::trust {

class Reconsideration {
 public:
  /// As reconsider(), of the same chain each time. Nothing means: still admitted.
  std::optional<Refusal> of(const AdmittedChain& client, const RegistryView& registry, base::Instant at) {
    return ask(client.chain(), registry, at, [&] { return reconsider(client, registry, at); });
  }
  /// As reconsider_server(), of the same chain each time. Nothing means: still believed.
  std::optional<Refusal> of_server(const VerifiedChain& server, const RegistryView& registry, base::Instant at) {
    return ask(server, registry, at, [&] { return reconsider_server(server, registry, at); });
  }

 private:
  template <class Ask>
  std::optional<Refusal> ask(const VerifiedChain& chain, const RegistryView& registry, base::Instant at, Ask again) {
    // The generation first: what changes while the registry is asked makes it be asked again.
    const std::uint64_t generation = registry.generation();
    if (by_ == &registry && generation_ == generation && at <= chain.valid_until()) return std::nullopt;
    std::optional<Refusal> refusal = again();
    if (refusal) return refusal;
    by_ = &registry;
    generation_ = generation;
    return std::nullopt;
  }

  const RegistryView* by_ = nullptr;  ///< who said last that it is good
  std::uint64_t generation_ = 0;      ///< and of which state of things
};

}  // namespace countersign::trust
