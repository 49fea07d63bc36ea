// Private to store: many rows by few statements.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include <soci/soci.h>

#include "base/time.h"

namespace countersign::store {

/// Rows for one table, collected column by column, row after row. Row by row, PostgreSQL would have to answer each.
class Bulk {
 public:
  /// `head` is "INSERT INTO table (a, b)", `columns` the number of columns in it.
  Bulk(const char* head, std::size_t columns) : head_(head), columns_(columns) {}

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
  void insert_some(soci::session& sql, std::size_t first_row, std::size_t rows);
  const char* head_;
  std::size_t columns_;
  std::deque<Value> values_;  ///< borrowed by SOCI until a statement has run, so they must stay where they are
};

}  // namespace countersign::store
