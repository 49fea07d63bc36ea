#include "store/bulk.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace countersign::store {
namespace {

/// A statement's rows at most: beyond that nothing is saved any more.
constexpr std::size_t kRowsAtOnce = 128;

std::string values_clause(std::size_t rows, std::size_t columns) {
  std::string text = " VALUES ";
  std::size_t number = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    text += row == 0 ? "(" : ", (";
    for (std::size_t column = 0; column < columns; ++column)
      text += (column == 0 ? ":p" : ", :p") + std::to_string(number++);
    text += ")";
  }
  return text;
}

}  // namespace

Bulk& Bulk::add(std::string text) {
  values_.push_back({std::move(text), 0, soci::i_ok, true});
  return *this;
}

Bulk& Bulk::add(std::int64_t number) {
  values_.push_back({"", number, soci::i_ok, false});
  return *this;
}

Bulk& Bulk::add(const std::optional<std::string>& text) {
  values_.push_back({text.value_or(""), 0, text ? soci::i_ok : soci::i_null, true});
  return *this;
}

Bulk& Bulk::add(const std::optional<base::Instant>& at) {
  return add(at ? std::optional<std::int64_t>(at->micros) : std::nullopt);
}

Bulk& Bulk::add(const std::optional<std::int64_t>& number) {
  values_.push_back({"", number.value_or(0), number ? soci::i_ok : soci::i_null, false});
  return *this;
}

void Bulk::insert_some(soci::session& sql, std::size_t rows_at_once, std::size_t times) {
  std::vector<Value> bound(rows_at_once * columns_);
  std::copy_n(values_.begin(), columns_, bound.begin());
  for (std::size_t i = 0; i < bound.size(); ++i)
    bound[i].is_text = bound[i % columns_].is_text;
  soci::statement statement(sql);
  for (Value& value : bound) {
    if (value.is_text) statement.exchange(soci::use(value.text, value.indicator));
    else statement.exchange(soci::use(value.number, value.indicator));
  }
  statement.alloc();
  statement.prepare(head_ + values_clause(rows_at_once, columns_) + tail_);
  statement.define_and_bind();
  for (std::size_t i = 0; i < times; ++i) {
    for (Value& value : bound) {
      BASE_CHECK(values_.front().is_text == value.is_text);
      value = std::move(values_.front());
      values_.pop_front();
    }
    statement.execute(true);
  }
}

void Bulk::insert(soci::session& sql) {
  BASE_CHECK(values_.size() % columns_ == 0);
  const std::size_t rows = values_.size() / columns_;
  const std::size_t at_once = sql.get_backend_name() == "sqlite3" ? 1 : kRowsAtOnce;
  if (rows >= at_once) insert_some(sql, at_once, rows / at_once);
  if (rows % at_once != 0) insert_some(sql, rows % at_once, 1);
}

}  // namespace countersign::store
