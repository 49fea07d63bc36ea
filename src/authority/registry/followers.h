// Followers: who follows the trust feed, and whether they believe a given issuing CA yet. What they said last is kept
// in the registry, so that every authority of a fleet knows it, and across restarts. No decision, so not audited.
//
// Belongs to the registry's thread.
#pragma once

#include <map>

#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"
#include "store/followers.h"

namespace countersign::authority {

/// Who was not seen for that long is not waited for.
inline constexpr base::Duration kFollowerMemory = std::chrono::hours(24);
/// That somebody is still there, saying the same, is noted so often.
inline constexpr base::Duration kFollowerNote = std::chrono::minutes(1);

class Followers {
 public:
  explicit Followers(Ledger& ledger) : ledger_(ledger) {}

  /// Fails: as store.
  base::Result<void> note(const x509::Certificate& caller, const std::string& urn, std::vector<std::string> holds);

 private:
  struct Noted {
    std::vector<std::string> holds;
    base::Instant at;
  };
  Ledger& ledger_;
  std::map<std::string, Noted> noted_;
};

/// One of them, as to one issuing CA.
struct FollowerStanding {
  store::FollowerRow row;
  bool concerned;  ///< it judges certificates of that line, or does not say what it judges
  bool holds;      ///< it believes the CA
};
/// Those that were seen lately and whose certificate is good and was not replaced by another follower's. Fails: as
/// store.
base::Result<std::vector<FollowerStanding>> list_standings(store::Transaction& rows, const std::string& ca,
                                                           base::Instant now);

}  // namespace countersign::authority
