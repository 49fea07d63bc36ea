// Private to outbox: the one file of SQLite, its statements, and what its errors mean.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "base/result.h"
#include "outbox/message.h"

namespace countersign::outbox {

/// One use of a kept statement: bind, step, read. Resets it at the end of its life.
class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Statement(Statement&& other) noexcept : database_(other.database_), statement_(std::exchange(other.statement_, {})) {}
  ~Statement();

  /// Each value goes to the next place. Texts are borrowed until the end.
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind(base::Instant at) { return bind(at.micros); }
  Statement& bind_bytes(std::string_view bytes);
  /// Is there a row? Fails: `outbox.*`.
  base::Result<bool> step();
  /// For statements without rows.
  base::Result<void> run();

  std::int64_t whole(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const;
  base::Instant instant(int column) const { return {whole(column)}; }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  int place_ = 0;
};

// The statement asks for: id, endpoint, key, order_key, kind, attempts, state, accepted_at, expires_at, due_at,
// settled_at, last_error, then, for read_message(), fields and body.
/// Without fields and body.
Message read_summary(const Statement& row);

Message read_message(const Statement& row);

std::string to_text(const std::vector<std::pair<std::string, std::string>>& fields);

class Database {
 public:
  /// Fails: as Outbox::open.
  static base::Result<std::unique_ptr<Database>> open(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;

  /// `sql` must be a literal: it is what the statement is kept under. Fails: `outbox.*`.
  base::Result<Statement> statement(const char* sql);
  base::Result<void> execute(const char* sql);
  std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_); }
  std::int64_t changed() const { return sqlite3_changes64(handle_); }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  base::Result<void> configure();
  base::Result<void> migrate();
  sqlite3* handle_;
  std::map<const char*, sqlite3_stmt*> statements_;
};

/// A transaction for writing; rolled back unless committed.
class Writing {
 public:
  static base::Result<Writing> begin(Database& database);
  Writing(Writing&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ~Writing();
  base::Result<void> commit();

 private:
  explicit Writing(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace countersign::outbox
