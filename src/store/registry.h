// Registry: the database of one authority, and the transactions through which everything in it is read and changed.
//
// SQLite in a file (write-ahead log, synchronous=FULL), or PostgreSQL, which several authorities may share
// (synchronous_commit=on); the same SQL for both. On both, amendments come one after the other, in the order of their
// commits, and each sees all that was committed before it began. Rows are plain structs of text and time; what they
// mean is the authority's business. A Registry and its transactions belong to one thread at a time, and there is one
// transaction at a time. No transaction may live across a co_await: PostgreSQL ends one that is idle for 4 s.
#pragma once

#include <memory>

#include "store/location.h"

namespace countersign::store {

/// All that a caller reads or writes belongs to one Transaction: it becomes durable as a whole at commit(), or never.
class Transaction {
 public:
  struct Impl;

  /// Rolls back what was not committed.
  ~Transaction();
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  /// Returns once the rows are on disk. Fails: `store.unavailable`, `store.busy`, and `store.failed_before` when a
  /// statement of this transaction failed: then nothing of it may last. `store.unknown_outcome` when the answer of the
  /// database was lost: the transaction is over, and the next begin() returns only once it is settled, so that looking
  /// for what was written then tells which it was.
  base::Result<void> commit();

  Impl& impl() { return *impl_; }

 private:
  friend class Registry;
  explicit Transaction(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Every function of this module that takes a Transaction fails with one of: `store.corrupt` (the file is damaged),
/// `store.conflict` (a uniqueness or reference rule of the schema), `store.busy`, `store.unavailable` (disk full, not
/// writable, connection lost), `store.statement` (our own mistake).
class Registry {
 public:
  /// Opens a file, makes it (mode 0600) when it is not there, and checks that it is whole; or connects to a database,
  /// where all is kept in schema `countersign`. Brings the schema up to date, one program at a time. Fails:
  /// `store.unavailable`, `store.corrupt`, `store.busy`, `store.too_new` when a newer program made it,
  /// `store.unfit_server` when the database is too old, not of UTF8, or does not keep what it has confirmed.
  static base::Result<Registry> open(const Location& location);

  ~Registry();
  Registry(Registry&&) noexcept;

  const Location& location() const;

  /// Starts a transaction that may change rows; the one before must be gone. It holds the registry's lock from its
  /// beginning: what it reads cannot be changed by another process under it, and waiting for one works. A connection
  /// that was lost is made again. Fails: `store.busy` when another process keeps the registry longer than 5 or 6 s,
  /// `store.unavailable` as long as the database is not there.
  base::Result<Transaction> begin();
  /// Starts one for rows that are no decisions, and that no amendment changes. On PostgreSQL it comes one after the
  /// other with its like, and amendments do not wait for it, nor it for them: it sees what is committed while it runs.
  /// `store.unknown_outcome` of it stays unknown. Fails: as begin().
  base::Result<Transaction> begin_noting();
  /// Starts one for reading only: one snapshot; it waits for nobody. A statement that changes something is our own
  /// mistake.
  base::Result<Transaction> begin_reading();

  /// While it lives, all that is begun for reading sees one snapshot, which costs one beginning; an amendment ends that
  /// snapshot, and what is read after it sees another. One at a time; not across a co_await. Borrows the registry.
  class ReadingTogether {
   public:
    explicit ReadingTogether(Registry& registry);
    ~ReadingTogether();
    ReadingTogether(const ReadingTogether&) = delete;

   private:
    Registry& registry_;
  };

 private:
  struct Impl;
  Transaction started(bool* snapshot);
  void end_snapshot();
  explicit Registry(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign::store
