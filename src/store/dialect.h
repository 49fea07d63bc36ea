// Private to store: all in which the SQL of the two engines differs. Statements elsewhere are the same text for both.
//
// What keeps them the same: columns are TEXT, INTEGER, BIGINT and NULL; upserts are ON CONFLICT ... DO UPDATE;
// parameters are :names; nothing relies on rowid, on the type of an expression, or on a statement that failed being
// forgotten.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace countersign::store {

enum class Dialect { sqlite, postgresql };

/// A statement of the schema in the words of `dialect`: on PostgreSQL every TEXT column compares and sorts by bytes, as
/// in SQLite, whatever the database's own collation is.
std::string to_dialect(Dialect dialect, std::string_view statement);

/// What comes first in the transaction that brings the schema up to date: on PostgreSQL a lock that lets one program at
/// a time do it, and our own schema.
std::span<const char* const> before_migration(Dialect dialect);

/// What shows operators which step is under way, for as long as its transaction: `application_name` of PostgreSQL.
std::vector<std::string> say_migration(Dialect dialect, int number);

/// What an SQLSTATE means to our callers; `what` is for operators. Connections that are lost or refused become
/// `store.unavailable` with `what` as the cause, for it names hosts and users, which callers of the API need not know.
base::Error from_sqlstate(std::string_view state, const std::string& what);
/// The same for a result code of SQLite.
base::Error from_sqlite(int code, const std::string& what);
/// `store.unavailable`: the database is not there now.
base::Error not_there(const std::string& what);

}  // namespace countersign::store
