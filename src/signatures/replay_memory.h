// ReplayMemory: nonces that were taken, for as long as a message with them would still be fresh. Thread-safe, bounded.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace countersign::signatures {

class ReplayMemory {
 public:
  /// Of all signers together: at 300 s of age and 60 s of skew that is 470 signed messages a second.
  static constexpr std::size_t kMost = 200'000;

  enum class Answer { fresh, seen, full };
  /// Takes `nonce` of `key`: `fresh` once, and `seen` until `until` has passed. `full`: nothing is known of it, and it
  /// must not be believed.
  Answer take(const std::string& key, const std::string& nonce, base::Instant until, base::Instant now);

 private:
  void forget(base::Instant now);

  std::mutex mutex_;
  std::unordered_map<std::string, base::Instant> until_;
  base::Instant next_sweep_ = {};
};

}  // namespace countersign::signatures
