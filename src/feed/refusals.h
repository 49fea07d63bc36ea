// Refusals: which certificates of ours were refused in handshakes here, and why. The authority is told of them, so that
// their owners learn it; the log has every one.
//
// Counted by certificate and reason. What no authority of ours issued is not noted: a stranger cannot fill it, nor push
// out what is in it. Of those that were not told yet kKept are kept; beyond that the oldest are dropped, and counted.
// Thread-safe; a note is one look into the registry and one into a hash map.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "trust/refusal.h"
#include "trust/registry_view.h"

namespace countersign::feed {

/// What happened to one certificate for one reason.
struct RefusalCount {
  std::string fingerprint;  ///< SHA-256 of the certificate, hexadecimal
  trust::Reason reason;
  std::int64_t count;
  base::Instant first;
  base::Instant last;
  friend bool operator==(const RefusalCount&, const RefusalCount&) = default;
};

class Refusals {
 public:
  /// At most so many are told in one call, and kept.
  static constexpr std::size_t kBatch = 500;
  static constexpr std::size_t kKept = 10'000;

  /// Borrows `registry`.
  explicit Refusals(const trust::RegistryView& registry) : registry_(registry) {}

  /// Passed over unless an issuing CA of ours vouches for whose the certificate is, or the registry lists it.
  void note(const trust::Refusal& refusal, base::Instant at);
  /// The oldest of what was noted since, at most kBatch.
  std::vector<RefusalCount> take();
  /// The authority could not be told.
  void give_back(std::vector<RefusalCount> untold);
  /// How many refusals were dropped before the authority could be told.
  std::uint64_t dropped() const;

 private:
  bool is_of_ours(const trust::Refusal& refusal) const;
  bool add_to_known(const RefusalCount& counted);
  void drop_oldest();

  const trust::RegistryView& registry_;
  mutable std::mutex mutex_;
  std::list<RefusalCount> untold_;  ///< oldest first
  std::unordered_map<std::string, std::list<RefusalCount>::iterator> by_key_;
  std::uint64_t dropped_ = 0;
};

/// {"refusals":[{"fingerprint","reason","count","first","last"}]}, times in seconds since 1970: what the authority is
/// told.
base::json::object to_json(const std::vector<RefusalCount>& counts);
/// Reasons that are not known here, as a later program may have, are passed over. Fails: `json.*`,
/// `refusals.too_many`, `refusals.invalid`.
base::Result<std::vector<RefusalCount>> refusals_from_json(const base::json::value& body);

}  // namespace countersign::feed
