// CrlPublisher: sees to it that each shard of each issuing CA has a CRL that is neither old nor behind the registry.
//
// Record (crl_record.h), sign, publish; what is published is what was signed, what was signed is what was recorded.
// The CRLs of the roots are made where the root keys are (ceremony.h) and only kept here. Belongs to the registry's
// thread.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "authority/issuance/issuance.h"

namespace countersign::authority {

/// So many CRLs are made at one go: the registry's thread is not kept longer than that.
inline constexpr std::size_t kCrlBatch = 64;
/// An address that no certificate has named for this long is not named by CRLs any more.
inline constexpr base::Duration kStatusUrlMemory = std::chrono::hours(24 * 826);
/// Of so many addresses, the newest, CRLs speak.
inline constexpr std::size_t kStatusUrlLimit = 8;

/// A CRL as it is served.
struct ServedCrl {
  std::shared_ptr<const std::string> der;
  std::string etag;
  std::int64_t number;
  base::Instant this_update;
  base::Instant next_update;
  std::uint64_t feed_sequence;  ///< every change of the registry up to this one is in it
};
using CrlName = std::pair<std::string, std::uint32_t>;  ///< issuer, shard

class CrlPublisher {
 public:
  /// Borrows all.
  CrlPublisher(Ledger& ledger, const Hierarchy& hierarchy, Signer& signer, StepObserver& observer)
      : ledger_(ledger), hierarchy_(hierarchy), signer_(signer), observer_(observer) {}

  /// Reads what was published before, remembers `urls` as an address that certificates name from now on, and gives
  /// certificates of before there were CRLs their shard. Fails: as store.
  base::Result<void> open(const StatusUrls& urls);

  /// Somebody in the shard was revoked by this change of the registry: it must be made anew, unless it was already.
  void note_revocation(const CrlName& name, std::uint64_t sequence);
  /// Nobody knows what changed: every shard must be made anew.
  void note_everything();
  /// Changes of the registry up to this one are in every CRL that is served. Nothing when none is.
  std::optional<std::uint64_t> oldest_sequence() const;
  bool is_behind() const { return !behind_.empty(); }

  /// Makes CRLs that are due, kCrlBatch at most; returns how many it made. Fails: as record_crls and Signer::sign_crl,
  /// `signer.faulty`; what was not made is due still.
  base::Result<std::size_t> publish_due();

  /// By issuer and shard; the roots' as "partner-root", "provider-root", shard 0.
  const std::map<CrlName, ServedCrl>& served() const { return served_; }

 private:
  base::Result<void> remember(const StatusUrls& urls);
  base::Result<void> give_shards();
  void note_unnamed();
  std::vector<CrlPlace> find_due(base::Instant now) const;
  bool is_due(const CrlName& name, base::Instant now) const;
  base::Result<void> publish(const std::vector<RecordedCrl>& recorded, const std::vector<base::Bytes>& signatures);

  Ledger& ledger_;
  const Hierarchy& hierarchy_;
  Signer& signer_;
  StepObserver& observer_;
  std::vector<std::string> bases_;
  std::map<CrlName, ServedCrl> served_;
  std::set<CrlName> behind_;
};

}  // namespace countersign::authority
