// Private to store: where SOCI is called and where its exceptions stop.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <soci/soci.h>

#include "base/check.h"
#include "base/time.h"
#include "store/applications.h"
#include "store/engine.h"
#include "store/registry.h"

namespace countersign::store {

struct Transaction::Impl {
  soci::session& sql;
  Engine& engine;
  bool& in_use;    ///< the registry's mark that a transaction is open
  bool* snapshot;  ///< not null: for reading, by Registry::read_together; false once it is over
  bool open = true;
  bool failed = false;

  /// Rolls back what is still open.
  void end();
};

/// What `thrown` means to our callers; `doing` names the work.
base::Error to_error(const std::exception& thrown, const char* doing);

/// Runs `work(soci::session&)`; a failure poisons the transaction, as it does in PostgreSQL.
template <class Work>
auto run(Transaction& transaction, const char* doing, Work&& work)
    -> base::Result<std::invoke_result_t<Work, soci::session&>> {
  Transaction::Impl& impl = transaction.impl();
  BASE_CHECK(impl.open);
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Work, soci::session&>>) {
      work(impl.sql);
      return {};
    } else {
      return work(impl.sql);
    }
  } catch (const std::exception& thrown) {
    impl.failed = true;
    impl.engine.kept().forget();  // one of them may be where it stopped
    return base::unexpected(to_error(thrown, doing));
  }
}

/// Runs `work(statement)` with the kept statement of that type (kept.h).
template <class Statement, class Work>
auto run_kept(Transaction& transaction, const char* doing, Work&& work) {
  return run(transaction, doing,
             [&](soci::session& sql) { return work(transaction.impl().engine.kept().template of<Statement>(sql)); });
}

/// All rows of a prepared query, through soci::type_conversion<Row>.
template <class Row>
std::vector<Row> collect(const soci::details::prepare_temp_type& query) {
  soci::rowset<Row> rows = query;
  return {rows.begin(), rows.end()};
}

template <class Row>
std::optional<Row> first(const soci::details::prepare_temp_type& query) {
  std::vector<Row> rows = collect<Row>(query);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

// Columns by name, in and out of a row.
inline std::string text(const soci::values& from, const char* column) { return from.get<std::string>(column); }
inline std::int64_t whole(const soci::values& from, const char* column) { return from.get<long long>(column); }
inline bool flag(const soci::values& from, const char* column) { return from.get<int>(column) != 0; }
inline base::Instant instant(const soci::values& from, const char* column) { return {whole(from, column)}; }
inline std::optional<base::Instant> maybe_instant(const soci::values& from, const char* column) {
  if (from.get_indicator(column) == soci::i_null) return std::nullopt;
  return instant(from, column);
}
inline std::optional<std::string> maybe_text(const soci::values& from, const char* column) {
  if (from.get_indicator(column) == soci::i_null) return std::nullopt;
  return text(from, column);
}
inline void put(soci::values& to, const char* column, const std::string& value) { to.set(column, value); }
inline void put(soci::values& to, const char* column, base::Instant value) {
  to.set(column, static_cast<long long>(value.micros));
}
inline void put_whole(soci::values& to, const char* column, std::int64_t value) {
  to.set(column, static_cast<long long>(value));
}
inline void put_flag(soci::values& to, const char* column, bool value) { to.set(column, value ? 1 : 0); }
inline void put(soci::values& to, const char* column, const std::optional<base::Instant>& value) {
  to.set(column, value ? static_cast<long long>(value->micros) : 0LL, value ? soci::i_ok : soci::i_null);
}
inline void put(soci::values& to, const char* column, const std::optional<std::string>& value) {
  to.set(column, value.value_or(""), value ? soci::i_ok : soci::i_null);
}

inline ApplicationKey application_key(const soci::values& from) {
  return {text(from, "environment"), text(from, "organisation"), text(from, "application")};
}
inline void put(soci::values& to, const ApplicationKey& key) {
  put(to, "environment", key.environment);
  put(to, "organisation", key.organisation);
  put(to, "application", key.application);
}

/// A list of texts as one text column (a JSON array), and back.
std::string join(const std::vector<std::string>& texts);
std::vector<std::string> split(const std::string& text);

}  // namespace countersign::store

/// Opens the conversion of one row type; `from` and `to` are its two directions.
#define STORE_ROW(Row)                                                                                     \
  template <>                                                                                              \
  struct soci::type_conversion<countersign::store::Row> {                                                  \
    using base_type = soci::values;                                                                        \
    static void from_base(const soci::values& from, soci::indicator, countersign::store::Row& row);        \
    static void to_base(const countersign::store::Row& row, soci::values& to, soci::indicator& indicator); \
  }
