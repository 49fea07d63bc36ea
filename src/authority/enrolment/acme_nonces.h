// Nonces of ACME (RFC 8555 section 6.5): each is taken once. Handing them out costs no memory, so that nobody can use
// them up for others: a nonce is a counter under a MAC, and only the counters of those that came back are kept.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/secret.h"
#include "crypto/random.h"

namespace countersign::authority {

/// Counters that came back are kept up to here; beyond, the oldest go and everything below them is refused.
inline constexpr std::size_t kUsedNonces = 65'536;

/// Thread-safe. A restart makes all of them void; clients are used to asking again.
class AcmeNonces {
 public:
  /// Fails: `random.unavailable`.
  static base::Result<std::unique_ptr<AcmeNonces>> make(crypto::Random& random);

  std::string issue();
  /// Fails: `acme.bad_nonce` unless it was issued here and never used.
  base::Result<void> use(std::string_view nonce);

 private:
  explicit AcmeNonces(base::Secret key) : key_(std::move(key)) {}
  std::string text_of(std::uint64_t counter) const;
  std::mutex mutex_;
  base::Secret key_;
  std::uint64_t last_ = 0;
  std::uint64_t floor_ = 0;  ///< none at or below is taken
  std::set<std::uint64_t> used_;
};

}  // namespace countersign::authority
