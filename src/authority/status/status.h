// Status: what the outside world is told of our certificates. Follows the registry and publishes snapshots.
//
// It reads the same changes as the gateways do, so that whatever revokes a certificate need not think of it. Belongs to
// the registry's thread; only published() is read by others.
#pragma once

#include <set>

#include "authority/status/crl_publisher.h"
#include "authority/status/ocsp_responders.h"
#include "authority/status/snapshot.h"

namespace countersign::authority {

/// Certificates that ended longer ago than this are not known any more.
inline constexpr base::Duration kEndedMemory = std::chrono::hours(24 * 7);

class Status {
 public:
  /// Borrowed.
  struct Parts {
    Ledger& ledger;
    const Hierarchy& hierarchy;
    Signer& signer;
    Directory& directory;
    Issuance& issuance;  ///< for the certificates of OCSP responders
    StepObserver& observer;
  };
  explicit Status(const Parts& parts);

  /// Reads all statuses and the CRLs of before, and publishes the first snapshot. `urls` are what certificates name
  /// from now on. Fails: as store.
  base::Result<void> open(const StatusUrls& urls);

  /// Takes in what changed in the registry and publishes it. Afterwards `is_behind` says whether CRLs are. Fails: as
  /// store; the snapshot then stays as it is.
  base::Result<void> follow();
  bool is_behind() const { return crls_.is_behind(); }
  /// The change of the registry that was taken in last.
  std::uint64_t sequence() const { return sequence_; }

  /// Makes CRLs that are due, some at a time, and publishes them; returns how many. Fails: as
  /// CrlPublisher::publish_due.
  base::Result<std::size_t> publish_crls();
  /// Sees to the certificates of OCSP responders. Fails: as OcspResponders::provide.
  base::Result<void> provide_responders();

  /// Thread-safe. Null until open() has succeeded.
  const PublishedStatus& published() const { return published_; }

 private:
  base::Result<void> read_everything();
  /// What was revoked shortly before the last run ended may be in no CRL yet.
  base::Result<void> find_behind();
  base::Result<void> take_in(const std::vector<feed::Change>& changes);
  void forget_ended();
  void collect_files();
  void publish();

  Parts parts_;
  CrlPublisher crls_;
  OcspResponders responders_;
  std::map<std::string, StatusBook> books_;  ///< by issuing CA
  std::map<std::string, x509::OcspNames> names_;
  std::shared_ptr<const std::map<std::string, ServedFile, std::less<>>> files_;
  std::uint64_t sequence_ = 0;
  base::Instant as_of_ = {};
  base::Instant forgot_at_ = {};
  PublishedStatus published_;
};

}  // namespace countersign::authority
