// HandshakeRate: how many handshakes one source address may begin in a while. A handshake costs us more than it costs
// whoever asks for it; with this, one address cannot make all of our CPU time go into refusing it.
//
// A bucket of tokens for each source (as tls::source_of names it): one is spent a handshake, so many come back a
// second. Bounded: more sources than kSources at once are let in unmeasured, and the caps of admission.h hold for them
// alone. Belongs to its loop's thread.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

namespace countersign::tls {

class HandshakeRate {
 public:
  static constexpr std::size_t kSources = 65'536;
  struct Limits {
    double per_second;
    double burst;  ///< at once, after a pause; at least 1
  };
  using Time = std::chrono::steady_clock::time_point;

  explicit HandshakeRate(Limits limits) : limits_(limits) {}
  /// True when `source` may begin another one at `now`; then it is counted.
  bool spend(const std::string& source, Time now);
  std::size_t sources() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens;
    Time filled;
  };
  double tokens_at(const Bucket& bucket, Time now) const;
  void forget_full_ones(Time now);

  Limits limits_;
  std::unordered_map<std::string, Bucket> buckets_;
  Time swept_ = {};
};

}  // namespace countersign::tls
