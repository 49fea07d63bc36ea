// Rotation: how one issuing CA follows another without a refused handshake: prepare, distribute, activate, retire - and
// how one is withdrawn at once when its key is lost (docs/rotation.md).
//
// Each step is one audited amendment that looks at the registry of that moment, so that several authorities, or an
// operator who asks twice, cannot make two of it: a step that was done already succeeds and changes nothing. Belongs to
// the registry's thread; after each change the hierarchy must be loaded anew (Authority::refresh).
#pragma once

#include <optional>

#include "authority/founding/ca_key_home.h"
#include "authority/issuance/issuance.h"
#include "authority/registry/followers.h"
#include "store/issuers.h"

namespace countersign::authority {

/// Why an operator activates a CA that not every follower holds.
struct ActivationOverride {
  std::vector<std::string> without;  ///< serials of the followers that may be left behind
  std::string reason;                ///< empty: there is none
};

/// What an operator knows of a retirement that ends certificates which are in use.
struct RetirementOrder {
  std::int64_t remaining = 0;  ///< so many certificates that are neither ended nor revoked will be refused
};

/// A CA, whether it has its certificate or not, as operators see it.
struct CaOverview {
  std::optional<store::IssuingCaRow> row;
  std::optional<store::ProspectiveCaRow> prospect;
  std::int64_t living = 0;                       ///< certificates that are neither ended nor revoked
  bool has_key = false;                          ///< can this authority sign for it?
  std::vector<FollowerStanding> followers = {};  ///< only where one CA is looked at
};

class Rotation {
 public:
  /// Borrowed.
  struct Parts {
    Ledger& ledger;
    const Hierarchy& hierarchy;
    Signer& signer;
    CaKeyHome& keys;
    crypto::Random& random;
    StepObserver& observer;
    StatusUrls status_urls = {};  ///< named by certificates that are signed here
  };
  explicit Rotation(Parts parts) : parts_(std::move(parts)) {}

  /// Makes the key of the next CA of `line` and its request, or completes what an earlier call began. `kind` empty: as
  /// usual here. Returns its name. Fails: `ca.line`, `ca.pending` (another one of the line is on its way),
  /// `keys.exist`, `key.unknown_kind`, and as CaKeyHome.
  base::Result<std::string> prepare(const Actor& actor, const std::string& line, const std::string& kind);
  /// Signs the certificate of a prepared CA with the root's key: draft, record, sign, publish (law 1). Fails:
  /// `root.offline` where that key is elsewhere, `ca.unknown`, `ca.state`, and as ceremony::draft.
  base::Result<void> certify(const Actor& actor, const std::string& name);
  /// Takes the certificate that a ceremony made. Fails: `ca.unknown`, `ca.state`, `ca.profile`, `ca.signature`,
  /// `ca.name_taken`.
  base::Result<void> import(const Actor& actor, const std::string& name, const x509::Certificate& certificate);
  /// Gives up a CA that nobody was told of. Fails: `ca.unknown`, `ca.state`.
  base::Result<void> cancel(const Actor& actor, const std::string& name);
  /// From now on followers and downloads of the trust chain have it. `use_from` is announced with it: before that day
  /// it is activated with a reason only. Once more with another day: that day is announced in the place of the one
  /// before, as long as it is not active. Fails: `ca.unknown`, `ca.state`, `ca.key_missing`, `ca.use_from` (over, or
  /// not within its certificate's life).
  base::Result<void> distribute(const Actor& actor, const std::string& name,
                                std::optional<base::Instant> use_from = std::nullopt);
  /// It issues from now on, in the place of the one before. Fails: `ca.unknown`, `ca.state`, `ca.key_missing`,
  /// `ca.not_held` naming the followers that lack it, `ca.nobody_seen`, `ca.no_reason`, `ca.announced` (for a later
  /// day).
  base::Result<void> activate(const Actor& actor, const std::string& name, const ActivationOverride& override_);
  /// What it issued is refused from now on. Fails: `ca.unknown`, `ca.state`, `ca.active`, `ca.in_use` with the count,
  /// `ca.serves_us`, `operator.last`.
  base::Result<void> retire(const Actor& actor, const std::string& name, const RetirementOrder& order);
  /// Its key may be known to others: what it issued is revoked and refused at once. Returns how many certificates.
  /// Fails: `ca.unknown`, `ca.no_reason`, `ca.serves_us`, `operator.last`.
  base::Result<std::int64_t> withdraw(const Actor& actor, const std::string& name, const std::string& reason);

  /// In order of line and generation. Fails: as store.
  base::Result<std::vector<CaOverview>> list();
  /// Fails: `ca.unknown`.
  base::Result<CaOverview> show(const std::string& name);

 private:
  base::Result<void> reached(Step step) { return parts_.observer.reached(step); }
  base::Result<void> commit(Amendment& amendment);
  base::Result<void> set_day(Amendment& amendment, const store::IssuingCaRow& row, base::Instant use_from);
  base::Result<void> move_day(Amendment& amendment, const Actor& actor, const store::IssuingCaRow& row,
                              base::Instant use_from);
  base::Result<store::ProspectiveCaRow> claim(const Actor& actor, const std::string& line, const std::string& kind);
  struct Certified {
    const x509::Certificate& certificate;
    std::string root;  ///< that has signed it
  };
  base::Result<void> store_certificate(const Actor& actor, store::ProspectiveCaRow prospect, const Certified& made);
  base::Result<void> check_keys_of_fleet(store::Transaction& rows, const std::string& name);
  base::Result<void> keep_ourselves(store::Transaction& rows, const std::string& name);
  Parts parts_;
};

}  // namespace countersign::authority
