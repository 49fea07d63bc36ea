// Private to store: what one database engine does for a Registry: connect, begin, commit. Statements go to session().
#pragma once

#include <memory>

#include "store/kept.h"
#include "store/location.h"

namespace soci {
class session;
}

namespace countersign::store {

enum class Access { amending, noting, reading };

class Engine {
 public:
  virtual ~Engine() = default;

  /// The same object for the engine's life; what it is connected to may change in begin().
  virtual soci::session& session() = 0;
  /// Fails: as Registry::begin, begin_noting and begin_reading; then there is no transaction.
  virtual base::Result<void> begin(Access access) = 0;
  /// Fails: as Transaction::commit. The transaction is over with `store.unknown_outcome`, else rollback() ends it.
  virtual base::Result<void> commit() = 0;
  virtual void rollback() noexcept = 0;

  /// Statements that stay prepared on session().
  Kept& kept() { return kept_; }

 protected:
  /// To be forgotten before the session is closed.
  Kept kept_;
};

/// Fails: as Registry::open.
base::Result<std::unique_ptr<Engine>> open_sqlite(const Location& location);
base::Result<std::unique_ptr<Engine>> open_postgresql(const Location& location);

}  // namespace countersign::store
