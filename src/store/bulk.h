// Private to store: many rows by few statements. On PostgreSQL that is one with many rows, since each is an answer of
// the server to wait for; on SQLite one of one row, prepared once, since preparing is what takes time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include <soci/soci.h>

#include "base/time.h"

namespace countersign::store {

/// Rows for one table, collected column by column, row after row.
class Bulk {
 public:
  /// `head` is "INSERT INTO table (a, b)", `columns` the number of columns in it; `tail` follows the values, as "ON
  /// CONFLICT ..." does. No two rows may be in conflict with each other then.
  Bulk(const char* head, std::size_t columns, const char* tail = "") : head_(head), tail_(tail), columns_(columns) {}

  Bulk& add(std::string text);
  Bulk& add(std::int64_t number);
  Bulk& add(base::Instant at) { return add(at.micros); }
  Bulk& add(const std::optional<std::string>& text);
  Bulk& add(const std::optional<base::Instant>& at);
  Bulk& add(const std::optional<std::int64_t>& number);

  /// Nothing is done when there are no rows. Throws as SOCI does.
  void insert(soci::session& sql);

 private:
  struct Value {
    std::string text;
    long long number = 0;
    soci::indicator indicator = soci::i_ok;
    bool is_text = false;
  };
  void insert_some(soci::session& sql, std::size_t rows_at_once, std::size_t times);
  const char* head_;
  const char* tail_;
  std::size_t columns_;
  std::deque<Value> values_;
};

}  // namespace countersign::store
