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

class Amendment {
 public:
  store::Transaction& rows() { return transaction_; }
  /// Fails: as store.
  base::Result<void> audit(const AuditEntry& entry);
  base::Result<void> publish(feed::Fact fact);
  /// Durable when it returns; only then is the view brought up to date and the listener told. There must have been an
  /// audit record (law 10). Fails: as store::Transaction::commit.
  base::Result<void> commit();

 private:
  friend class Ledger;
  Amendment(store::Transaction transaction, base::Instant now, trust::RegistryView& view, PublicationListener& listener)
      : transaction_(std::move(transaction)), now_(now), view_(view), listener_(listener) {}
  store::Transaction transaction_;
  base::Instant now_;
  trust::RegistryView& view_;
  PublicationListener& listener_;
  std::vector<feed::Fact> facts_;
  std::int64_t sequence_ = 0;
  bool audited_ = false;
};

class Ledger {
 public:
  /// Borrows all for its whole life.
  Ledger(store::Registry& registry, const base::Clock& clock, trust::RegistryView& view, PublicationListener& listener)
      : registry_(registry), clock_(clock), view_(view), listener_(listener) {}

  /// For reading: never committed. Fails: as store.
  base::Result<store::Transaction> read() { return registry_.begin(); }
  /// Fails: as store.
  base::Result<Amendment> amend();
  base::Instant now() const { return clock_.now(); }

 private:
  store::Registry& registry_;
  const base::Clock& clock_;
  trust::RegistryView& view_;
  PublicationListener& listener_;
};

}  // namespace countersign::authority
