#include "store/bulk.h"

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

void Bulk::insert_some(soci::session& sql, std::size_t first_row, std::size_t rows) {
  soci::statement statement(sql);
  for (std::size_t i = first_row * columns_; i < (first_row + rows) * columns_; ++i) {
    Value& value = values_[i];
    if (value.is_text) statement.exchange(soci::use(value.text, value.indicator));
    else statement.exchange(soci::use(value.number, value.indicator));
  }
  statement.alloc();
  statement.prepare(head_ + values_clause(rows, columns_));
  statement.define_and_bind();
  statement.execute(true);
}

void Bulk::insert(soci::session& sql) {
  BASE_CHECK(values_.size() % columns_ == 0);
  const std::size_t rows = values_.size() / columns_;
  for (std::size_t first = 0; first < rows; first += kRowsAtOnce)
    insert_some(sql, first, std::min(kRowsAtOnce, rows - first));
}

}  // namespace countersign::store
