// Ledger: the one way to change the registry. An Amendment holds the rows, their audit records and the facts they
// publish, and all of them become durable together or none does.
//
// Belongs to the thread that uses the registry. Only `view` and the listener are touched by others too.
#pragma once

#include <vector>

#include "authority/audit.h"
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

class Ledger;

/// Borrows its ledger.
class Amendment {
 public:
  store::Transaction& rows() { return transaction_; }
  /// Fails: `audit.broken`, `file.unwritable` while the head outside of the database cannot be written, and as store.
  base::Result<void> audit(const AuditEntry& entry);
  /// The record of an operator who has seen that the log was broken; it goes on from here. Fails: as store.
  base::Result<void> audit_anew(const AuditEntry& entry);
  base::Result<void> publish(feed::Fact fact);
  /// Durable when it returns; only then is the view brought up to date and the listener told. There must have been an
  /// audit record (law 10). Fails: as store::Transaction::commit.
  base::Result<void> commit();

 private:
  friend class Ledger;
  Amendment(store::Transaction transaction, base::Instant now, const Ledger& ledger)
      : transaction_(std::move(transaction)), now_(now), ledger_(ledger) {}
  enum class Audited { no, yes, anew };
  store::Transaction transaction_;
  base::Instant now_;
  const Ledger& ledger_;
  std::vector<feed::Fact> facts_;
  std::int64_t sequence_ = 0;
  AuditHead head_;
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
  /// Fails: as store.
  base::Result<Amendment> amend();
  base::Instant now() const { return parts_.clock.now(); }
  AuditSeal& seal() { return parts_.seal; }

 private:
  friend class Amendment;
  Parts parts_;
};

}  // namespace countersign::authority
