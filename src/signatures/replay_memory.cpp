#include "signatures/replay_memory.h"

#include "crypto/digest.h"

namespace countersign::signatures {
namespace {

constexpr base::Duration kSweep = std::chrono::seconds(10);

}  // namespace

ReplayMemory::Answer ReplayMemory::take(const std::string& key, const std::string& nonce, base::Instant until,
                                        base::Instant now) {
  // A digest, so that what is kept is of one size whatever was sent.
  const auto digest = crypto::sha256({base::as_bytes(key), base::as_bytes("\n"), base::as_bytes(nonce)});
  std::string name(base::as_text(digest));
  const std::lock_guard lock(mutex_);
  if (now >= next_sweep_) forget(now);
  if (const auto known = until_.find(name); known != until_.end() && known->second >= now) return Answer::seen;
  if (until_.size() >= kMost) return Answer::full;
  until_.insert_or_assign(std::move(name), until);
  return Answer::fresh;
}

void ReplayMemory::forget(base::Instant now) {
  std::erase_if(until_, [now](const auto& one) { return one.second < now; });
  next_sweep_ = now + kSweep;
}

}  // namespace countersign::signatures
