// Registry: the database of one authority, and the transactions through which everything in it is read and changed.
//
// SQLite in a file: write-ahead log, synchronous=FULL, foreign keys on; the SQL is kept portable. Rows are plain
// structs of text and time; what they mean is the authority's business. A Registry and its transactions belong to one
// thread at a time, and there is one transaction at a time. No transaction may live across a co_await.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"

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
  /// statement of this transaction failed: then nothing of it may last.
  base::Result<void> commit();

  Impl& impl() { return *impl_; }

 private:
  friend class Registry;
  explicit Transaction(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Every function of this module that takes a Transaction fails with one of: `store.corrupt` (the file is damaged),
/// `store.conflict` (a uniqueness or reference rule of the schema), `store.busy`, `store.unavailable` (disk full, not
/// writable), `store.statement` (our own mistake).
class Registry {
 public:
  /// Opens `file`, makes it (mode 0600) when it is not there, checks that it is whole, and brings its schema up to
  /// date. Fails: `store.unavailable`, `store.corrupt`, `store.busy`, `store.too_new` when a newer program made it.
  static base::Result<Registry> open(const std::filesystem::path& file);

  ~Registry();
  Registry(Registry&&) noexcept;

  /// Starts a transaction that may change rows; the one before must be gone. It holds the registry's lock from its
  /// beginning: what it reads cannot be changed by another process under it, and waiting for one works. Fails:
  /// `store.busy` when another process keeps the registry longer than that.
  base::Result<Transaction> begin();
  /// Starts one for reading only; it waits for nobody. A statement that changes something is our own mistake.
  base::Result<Transaction> begin_reading();

 private:
  struct Impl;
  base::Result<Transaction> start(const char* statement);
  explicit Registry(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign::store
