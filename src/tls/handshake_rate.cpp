#include "tls/handshake_rate.h"

#include <algorithm>

namespace countersign::tls {
namespace {

/// How often full buckets are looked for: they say nothing any more.
constexpr std::chrono::seconds kSweep{1};
/// Below that nobody bothers.
constexpr std::size_t kFewSources = 1'024;

}  // namespace

double HandshakeRate::tokens_at(const Bucket& bucket, Time now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
  return std::min(limits_.burst, bucket.tokens + std::max(seconds, 0.0) * limits_.per_second);
}

void HandshakeRate::forget_full_ones(Time now) {
  if (buckets_.size() < kFewSources || now - swept_ < kSweep) return;
  swept_ = now;
  std::erase_if(buckets_, [&](const auto& one) { return tokens_at(one.second, now) >= limits_.burst; });
}

bool HandshakeRate::spend(const std::string& source, Time now) {
  forget_full_ones(now);
  auto found = buckets_.find(source);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kSources) return true;
    found = buckets_.emplace(source, Bucket{limits_.burst, now}).first;
  }
  Bucket& bucket = found->second;
  bucket.tokens = tokens_at(bucket, now);
  bucket.filled = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace countersign::tls
