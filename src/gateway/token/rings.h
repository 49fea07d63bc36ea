// TokenRings: the token keys and revocations that the trust feed tells, as all workers check by them. Thread-safe: the
// main loop refreshes, workers look whether there is another.
#pragma once

#include <atomic>

#include "base/log.h"
#include "base/published.h"
#include "feed/knowledge.h"
#include "oauth/key_ring.h"

namespace countersign::gateway {

class TokenRings {
 public:
  /// Borrows both.
  TokenRings(const feed::Knowledge& knowledge, const base::Log& log) : knowledge_(knowledge), log_(log) {}

  /// Takes over what the feed has said of tokens since; of one thread. A key that cannot be read is reported and left
  /// out.
  void refresh();
  /// Rises with each other ring.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  /// Never null.
  std::shared_ptr<const oauth::KeyRing> take() const { return ring_.take(); }

 private:
  const feed::Knowledge& knowledge_;
  const base::Log& log_;
  std::shared_ptr<const feed::TokenFacts> of_;  ///< what ring_ was made of
  base::Published<oauth::KeyRing> ring_{std::make_shared<const oauth::KeyRing>()};
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace countersign::gateway
