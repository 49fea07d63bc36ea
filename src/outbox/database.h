// Private to outbox: what one database engine does for an Outbox. Statements are the same text for both, but where they
// lock rows: columns are TEXT, BIGINT and BYTEA, values stand for `?` in their order.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "outbox/message.h"
#include "outbox/outbox.h"

namespace countersign::outbox {

/// Any bytes, where a text must be one.
struct Bytes {
  std::string_view bytes;
};

/// What stands for one `?`. Borrows texts and bytes until the statement was run.
class Value {
 public:
  Value(std::int64_t whole) : held_(whole) {}                        // NOLINT: a value is what it holds
  Value(base::Instant at) : held_(std::int64_t{at.micros}) {}        // NOLINT
  Value(std::string_view text) : held_(text) {}                      // NOLINT
  Value(const std::string& text) : held_(std::string_view(text)) {}  // NOLINT
  Value(const char* text) : held_(std::string_view(text)) {}         // NOLINT
  Value(Bytes bytes) : held_(bytes) {}                               // NOLINT
  const std::variant<std::int64_t, std::string_view, Bytes>& held() const { return held_; }

 private:
  std::variant<std::int64_t, std::string_view, Bytes> held_;
};

class Row {
 public:
  using Cell = std::variant<std::monostate, std::int64_t, std::string>;
  explicit Row(std::vector<Cell> cells) : cells_(std::move(cells)) {}

  /// 0 and "" where it is NULL.
  std::int64_t whole(std::size_t column) const;
  const std::string& text(std::size_t column) const;
  base::Instant instant(std::size_t column) const { return {whole(column)}; }
  bool is_null(std::size_t column) const { return std::holds_alternative<std::monostate>(cells_[column]); }

 private:
  std::vector<Cell> cells_;
};

/// What a statement came to.
struct Rows {
  std::vector<Row> rows = {};
  std::int64_t changed = 0;
};

class Database {
 public:
  virtual ~Database() = default;

  /// May others work on it at the same time?
  virtual bool is_shared() const = 0;
  /// What this one's claims are known by; 0 where nobody else has any.
  virtual std::int64_t holder() const = 0;

  /// A connection that was lost is made again. Fails: `outbox.*`; then there is no transaction.
  virtual base::Result<void> begin() = 0;
  virtual base::Result<void> commit() = 0;
  virtual void rollback() noexcept = 0;
  /// `sql` must be a literal: it is what the statement is kept under. Fails: `outbox.*`.
  virtual base::Result<Rows> run(const char* sql, std::initializer_list<Value> values) = 0;
  /// Until the end of the transaction nobody else changes messages of these endpoints, but to claim them.
  virtual base::Result<void> take(std::vector<std::string> endpoints) = 0;
  /// Would the same again, now, perhaps not fail as the last one did: the connection is lost, somebody was in the way?
  /// Says so once.
  virtual bool try_again() = 0;
};

/// Fail: as Outbox::open.
base::Result<std::unique_ptr<Database>> open_sqlite(const Outbox::Options& options);
base::Result<std::unique_ptr<Database>> open_postgresql(const Outbox::Options& options);

/// A transaction; rolled back unless committed.
class Writing {
 public:
  static base::Result<Writing> begin(Database& database);
  Writing(Writing&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ~Writing() {
    if (database_ != nullptr) database_->rollback();
  }
  base::Result<void> commit();

 private:
  explicit Writing(Database& database) : database_(&database) {}
  Database* database_;
};

// The statement asks for: id, endpoint, key, order_key, kind, attempts, state, accepted_at, expires_at, due_at,
// settled_at, last_error, then, for read_message(), fields and body.
/// Without fields and body.
Message read_summary(const Row& row);
Message read_message(const Row& row);

std::string to_text(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace countersign::outbox
