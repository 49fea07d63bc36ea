// Ledger: the one way to change the registry. An Amendment holds the rows, their audit records and the facts they
// publish, and all of them become durable together or none does.
//
// Belongs to the thread that uses the registry. Only `view` and the listener are touched by others too.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "authority/registry/audit.h"
#include "feed/facts.h"
#include "store/registry.h"
#include "trust/registry_view.h"

namespace countersign::authority {

/// Told when changes were published, on the registry's thread; must not call back.
class PublicationListener {
 public:
  virtual ~PublicationListener() = default;
  virtual void published(std::uint64_t sequence) = 0;
};

/// How many published changes are kept; a follower further behind takes a snapshot.
inline constexpr std::int64_t kFeedHistory = 100'000;
/// The setting that names the trust feed of this registry.
inline constexpr const char* kFeedId = "feed_id";

class Ledger;

/// Borrows its ledger.
class Amendment {
 public:
  store::Transaction& rows() { return transaction_; }
  /// The record joins the others of this amendment; commit() writes them. Fails: `audit.broken`, `file.unwritable`
  /// while the head outside of the database cannot be written, and as store.
  base::Result<void> audit(const AuditEntry& entry);
  /// The record of an operator who has seen that the log was broken; it goes on from here. The first of its amendment.
  /// Fails: as store.
  base::Result<void> audit_anew(const AuditEntry& entry);
  /// The fact joins the others of this amendment; commit() writes them.
  void publish(feed::Fact fact);
  /// Writes the audit records and the facts, and commits all. Durable when it returns; only then is the view brought up
  /// to date and the listener told, in turn with what other authorities have published before. There must have been an
  /// audit record (law 10). When the database's answer was lost it is asked whether that record is there;
  /// `store.unknown_outcome` is left where it does not come back. Fails: as store::Transaction::commit.
  base::Result<void> commit();

 private:
  friend class Ledger;
  Amendment(store::Transaction transaction, base::Instant now, Ledger& ledger)
      : transaction_(std::move(transaction)), now_(now), ledger_(ledger) {}
  enum class Audited { no, yes, anew };
  base::Result<void> write();
  base::Result<void> settle();
  store::Transaction transaction_;
  base::Instant now_;
  Ledger& ledger_;
  std::vector<feed::Fact> facts_;
  std::int64_t sequence_ = 0;  ///< of the newest of `facts_`
  std::optional<AuditRun> run_;
  Audited audited_ = Audited::no;
};

class Ledger {
 public:
  /// Borrowed for its whole life.
  struct Parts {
    store::Registry& registry;
    AuditSeal& seal;
    const base::Clock& clock;
    trust::RegistryView& view;
    PublicationListener& listener;
  };
  explicit Ledger(const Parts& parts) : parts_(parts) {}

  /// For reading: never committed. Fails: as store.
  base::Result<store::Transaction> read() { return parts_.registry.begin_reading(); }
  /// As store::Registry::ReadingTogether.
  store::Registry::ReadingTogether read_together() { return store::Registry::ReadingTogether(parts_.registry); }
  /// Fails: as store.
  base::Result<Amendment> amend();
  /// For rows that are no decisions and so not audited (fleet.h). Fails: as store.
  base::Result<store::Transaction> write_unaudited() { return parts_.registry.begin(); }
  /// For rows that no amendment touches: amendments do not wait for it where several authorities share the registry.
  /// Fails: as store.
  base::Result<store::Transaction> note() { return parts_.registry.begin_noting(); }
  base::Instant now() const { return parts_.clock.now(); }
  AuditSeal& seal() { return parts_.seal; }
  const AuditSeal& seal() const { return parts_.seal; }
  trust::RegistryView& view() { return parts_.view; }

  /// May other authorities change this registry?
  bool is_shared() const { return parts_.registry.location().is_shared(); }
  /// Whose the intents are that are recorded from now on.
  void work_as(std::string instance) { instance_ = std::move(instance); }
  const std::string& instance() const { return instance_; }

  /// The newest change of the trust feed that the view holds; nothing before the view was filled.
  std::optional<std::int64_t> applied() const { return applied_; }
  /// The view holds everything up to `sequence` already.
  void has_applied(std::int64_t sequence) { applied_ = sequence; }
  /// Brings the view from applied() to `last` with the facts in between.
  void apply(const std::vector<feed::Fact>& facts, std::int64_t last);
  /// Whom to trust has changed since the last time this was asked: the hierarchy must be loaded anew.
  bool take_issuers_changed() { return std::exchange(issuers_changed_, false); }
  void note_issuers_changed() { issuers_changed_ = true; }
  void tell(std::int64_t sequence) { parts_.listener.published(static_cast<std::uint64_t>(sequence)); }

 private:
  friend class Amendment;
  Parts parts_;
  std::string instance_;
  std::optional<std::int64_t> applied_;
  bool issuers_changed_ = false;
};

}  // namespace countersign::authority
