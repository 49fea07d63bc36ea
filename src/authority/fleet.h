// Fleet: the authorities that share one registry, seen from one of them. Nobody leads. Each run of an authority is an
// instance with a row of its own, which it renews; an instance whose row nobody renews is gone, and the others abandon
// the intents it left. That is for tidiness, not for safety: an intent that was abandoned cannot be published.
//
// Rows of instances are no decisions of the authority and not audited; what becomes of intents is. A registry in a file
// has one instance. Belongs to the registry's thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "authority/registry/data_folder.h"
#include "authority/registry/ledger.h"
#include "base/log.h"
#include "crypto/random.h"

namespace countersign::authority {

/// How often an instance renews its row, and after how many of those intervals without news of another it is gone.
inline constexpr base::Duration kBeat = std::chrono::seconds(2);
inline constexpr int kSilentBeats = 3;
/// At a start, whoever was seen by its own clock within that counts as running.
inline constexpr base::Duration kSeenLately = std::chrono::seconds(15);

class Fleet {
 public:
  /// Borrows `ledger` and `log`.
  Fleet(Ledger& ledger, const base::Log& log) : ledger_(ledger), log_(log) {}

  /// Takes a place in the fleet of a shared registry: the run of this data folder before (`folder`'s lock is held: it
  /// is over) loses its own, and intents that belong to nobody are abandoned. The trust feed gets a new name unless
  /// others are running. Fails: as store and files.
  base::Result<void> join(const DataFolder& folder, crypto::Random& random);
  /// To be called every kBeat where the registry is shared. Renews the own row, and takes away those of instances that
  /// are gone, with their intents. Fails: as store.
  base::Result<void> beat();
  /// The end of an orderly run: nobody needs to wait for us. What fails is found by the others.
  void leave();

  /// Names the trust feed that the registry holds. It is another one after a start while nobody else was running, and
  /// after a break of the audit log was acknowledged: followers start afresh, as after a restored backup the same
  /// sequences may count other facts.
  const std::string& feed_id() const { return feed_id_; }
  /// Looks it up again. Fails: as store.
  base::Result<void> read_feed_id();

 private:
  struct Seen {
    base::Instant at;
    int silent = 0;
  };
  base::Result<void> take_place(const std::string& former, const std::string& fresh_feed_id);
  base::Result<void> abandon_unowned();
  base::Result<void> abandon_intents(const std::set<std::string>& living);
  base::Result<void> remove_lost(const std::string& id);

  Ledger& ledger_;
  const base::Log& log_;
  std::string label_;
  base::Instant started_at_;
  std::map<std::string, Seen> others_;
  std::string feed_id_;
  bool joined_ = false;
};

}  // namespace countersign::authority
