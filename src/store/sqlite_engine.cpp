// SQLite: one file of one authority: write-ahead log, synchronous=FULL, one amendment at a time by BEGIN IMMEDIATE.
#include <soci/sqlite3/soci-sqlite3.h>

#include "base/files.h"
#include "store/dialect.h"
#include "store/engine.h"
#include "store/migrations.h"
#include "store/sql.h"

namespace countersign::store {
namespace {

/// How long a statement waits for another process that holds the file.
constexpr const char* kBusyPragma = "PRAGMA busy_timeout = 5000";

/// Makes the file before SQLite would, so that nobody else may read it for a moment.
base::Result<void> make_private(const std::filesystem::path& file) {
  auto made = base::create_file(file, "", base::FileMode::owner_only);
  if (!made && made.error().code != "file.exists")
    return base::unexpected(std::move(made).error().under("store.unavailable", "cannot make the registry"));
  return {};
}

void configure(soci::session& sql) {
  std::string answer;
  sql << kBusyPragma, soci::into(answer);
  sql << "PRAGMA journal_mode = WAL", soci::into(answer);
  if (answer != "wal") throw soci::soci_error("no write-ahead log: " + answer);
  sql << "PRAGMA synchronous = FULL";
  sql << "PRAGMA foreign_keys = ON";
}

base::Result<void> check_whole(soci::session& sql, const std::filesystem::path& file) {
  std::string answer;
  sql << "PRAGMA quick_check(1)", soci::into(answer);
  if (answer == "ok") return {};
  return base::fail(base::Kind::corrupt, "store.corrupt",
                    "'" + file.string() + "' is damaged (" + answer + "); restore the registry from a backup");
}

class Sqlite final : public Engine {
 public:
  base::Result<void> open(const std::filesystem::path& file) {
    BASE_TRY_VOID(make_private(file));
    try {
      sql_.open(soci::sqlite3, "db=\"" + file.string() + "\"");
      configure(sql_);
      BASE_TRY_VOID(check_whole(sql_, file));
      return migrate(sql_, Dialect::sqlite);
    } catch (const std::exception& thrown) {
      return base::unexpected(to_error(thrown, ("open the registry '" + file.string() + "'").c_str()));
    }
  }

  soci::session& session() override { return sql_; }

  base::Result<void> begin(Access access) override {
    try {
      // A read transaction that changes something would be upgraded behind our back: SQLite must refuse it.
      sql_ << (access == Access::amending ? "PRAGMA query_only = OFF" : "PRAGMA query_only = ON");
      sql_ << (access == Access::amending ? "BEGIN IMMEDIATE" : "BEGIN");
      return {};
    } catch (const std::exception& thrown) {
      return base::unexpected(to_error(thrown, "begin a transaction"));
    }
  }

  base::Result<void> commit() override {
    try {
      sql_.commit();
      return {};
    } catch (const std::exception& thrown) {
      return base::unexpected(to_error(thrown, "commit"));
    }
  }

  void rollback() noexcept override {
    try {
      sql_.rollback();
    } catch (const std::exception&) {
      // SQLite has rolled back by itself (disk full, I/O error): there is nothing left to undo.
    }
  }

 private:
  soci::session sql_;
};

}  // namespace

base::Result<std::unique_ptr<Engine>> open_sqlite(const Location& location) {
  if (location.file().string().find('"') != std::string::npos)
    return base::fail(base::Kind::invalid, "store.unavailable",
                      "the path of the registry may not hold a quotation mark");
  auto engine = std::make_unique<Sqlite>();
  BASE_TRY_VOID(engine->open(location.file()));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace countersign::store
