#include "store/dialect.h"

#include <algorithm>
#include <array>
#include <memory>

#include <sqlite3.h>

#include "base/check.h"
#include "postgres/sqlstate.h"

namespace countersign::store {
namespace {

using base::Kind;

constexpr std::array kBeforeMigration = {
    // A first start has all of the schema to make, and another one waits for it.
    "SET LOCAL lock_timeout = '60s'",
    // An index of ten million rows on a slow disk takes minutes, of which the next attempt would have none less.
    "SET LOCAL statement_timeout = '2h'",
    // The heartbeat of it: a server that finds its client gone ends the statement, and gives its locks back.
    "SET LOCAL client_connection_check_interval = '5s'",
    // "counters" in ASCII: the number by which authorities agree on who migrates.
    "SELECT pg_advisory_xact_lock(7165074649429406323)",
    // Not IF NOT EXISTS: that wants the right to make schemas even where there is nothing to make.
    "DO $$ BEGIN IF to_regnamespace('countersign') IS NULL THEN CREATE SCHEMA countersign; END IF; END $$",
};

bool is_word(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

std::string to_dialect(Dialect dialect, std::string_view statement) {
  if (dialect == Dialect::sqlite) return std::string(statement);
  constexpr std::string_view kText = " TEXT";
  std::string translated;
  for (std::size_t at = 0; at < statement.size();) {
    const std::size_t found = std::min(statement.find(kText, at), statement.size());
    translated += statement.substr(at, found - at);
    if (found == statement.size()) break;
    at = found + kText.size();
    translated += kText;
    if (at == statement.size() || !is_word(statement[at])) translated += " COLLATE \"C\"";
  }
  return translated;
}

std::span<const char* const> before_migration(Dialect dialect) {
  if (dialect == Dialect::sqlite) return {};
  return kBeforeMigration;
}

std::vector<std::string> say_migration(Dialect dialect, int number) {
  if (dialect == Dialect::sqlite) return {};
  return {"SET LOCAL application_name = 'countersign migration " + std::to_string(number) + "'"};
}

base::Error not_there(const std::string& what) {
  base::Error seen{Kind::unavailable, "store.database", what};
  return std::move(seen).under("store.unavailable", "the registry's database is not there now: try again in a while");
}

base::Error from_sqlstate(std::string_view state, const std::string& what) {
  using postgres::Meaning;
  switch (postgres::meaning_of(state)) {
    case Meaning::conflict: return {Kind::conflict, "store.conflict", what};
    case Meaning::busy: return {Kind::unavailable, "store.busy", what};
    case Meaning::unavailable: return not_there(what);
    case Meaning::corrupt: return {Kind::corrupt, "store.corrupt", what + "; restore the registry from a backup"};
    case Meaning::statement: return {Kind::internal, "store.statement", what};
  }
  BASE_UNREACHABLE();
}

base::Error from_sqlite(int code, const std::string& what) {
  switch (code & 0xff) {  // the primary result code (https://www.sqlite.org/rescode.html)
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return {Kind::corrupt, "store.corrupt", what + "; restore the registry from a backup"};
    case SQLITE_CONSTRAINT: return {Kind::conflict, "store.conflict", what};
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {Kind::unavailable, "store.busy", what + "; is another program using the registry?"};
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return {Kind::unavailable, "store.unavailable", what};
    default: return {Kind::internal, "store.statement", what};
  }
}

}  // namespace countersign::store
