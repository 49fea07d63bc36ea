// SQLite: one file of one authority: write-ahead log, synchronous=FULL, one amendment at a time by BEGIN IMMEDIATE.
#include <exception>

#include <soci/sqlite3/soci-sqlite3.h>

#include "base/files.h"
#include "store/dialect.h"
#include "store/engine.h"
#include "store/migrations.h"
#include "store/sql.h"

namespace countersign::store {
namespace {

// SOCI has SQLite's header in a namespace.
using sqlite_api::sqlite3;
using sqlite_api::sqlite3_stmt;

/// How long a statement waits for another process that holds the file.
constexpr const char* kBusyPragma = "PRAGMA busy_timeout = 5000";

/// 64 MiB: the upper pages of all indexes of a million certificates. By itself SQLite keeps 2.
constexpr const char* kCachePragma = "PRAGMA cache_size = -65536";
/// Pages of the write-ahead log after which they go into the file: 16 MiB. Pages that every commit changes are then
/// written there once for many commits. By itself SQLite does so at 1,000.
constexpr const char* kCheckpointPragma = "PRAGMA wal_autocheckpoint = 4000";
constexpr const char* kOnlyReads = "PRAGMA query_only = ON";
constexpr const char* kMayWrite = "PRAGMA query_only = OFF";

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
  sql << kCachePragma;
  sql << kCheckpointPragma, soci::into(answer);
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
      BASE_TRY_VOID(find_how_pragmas_work());
      return migrate(sql_, Dialect::sqlite);
    } catch (const std::exception& thrown) {
      return base::unexpected(to_error(thrown, ("open the registry '" + file.string() + "'").c_str()));
    }
  }

  soci::session& session() override { return sql_; }

  ~Sqlite() override { kept_.forget(); }

  base::Result<void> begin(Access access) override {
    // A read transaction that changes something would be upgraded behind our back: SQLite must refuse it.
    if (access == Access::noting) access = Access::amending;  // there is one lock
    if (access_ != access) BASE_TRY_VOID(allow(access));
    access_ = access;
    return execute(access == Access::amending ? begin_to_write_ : begin_to_read_, "begin a transaction");
  }

  base::Result<void> commit() override { return execute(commit_, "commit"); }

  void rollback() noexcept override {
    // It fails where SQLite has rolled back by itself (disk full, I/O error): there is nothing left to undo.
    (void)execute(rollback_, "roll back");
  }

 private:
  /// By query_only. SQLite sets it when the pragma is prepared; running it has all prepared statements prepared anew,
  /// which takes as long as an issuance. Where a release sets it otherwise, it is run.
  base::Result<void> allow(Access access) {
    Plain pragma{access == Access::amending ? kMayWrite : kOnlyReads};
    return is_set_by_preparing_ ? prepare(pragma, "begin a transaction") : execute(pragma, "begin a transaction");
  }

  base::Result<void> find_how_pragmas_work() {
    Plain pragma{kOnlyReads};
    BASE_TRY_VOID(prepare(pragma, "prepare a pragma"));
    int set = 0;
    sql_ << "PRAGMA query_only", soci::into(set);
    is_set_by_preparing_ = set == 1;
    return allow(Access::amending);
  }

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  /// Stays prepared: that takes longer than to do it.
  struct Plain {
    const char* text;
    std::unique_ptr<sqlite3_stmt, Finalize> prepared = nullptr;
  };

  /// Not through SOCI, which takes longer still.
  base::Result<void> execute(Plain& statement, const char* doing) {
    if (statement.prepared == nullptr) BASE_TRY_VOID(prepare(statement, doing));
    while (sqlite3_step(statement.prepared.get()) == SQLITE_ROW) {
    }
    return check(sqlite3_reset(statement.prepared.get()), doing);  // which says what went wrong
  }

  base::Result<void> prepare(Plain& statement, const char* doing) {
    sqlite3_stmt* made = nullptr;
    const int code = sqlite3_prepare_v3(connection(), statement.text, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
    statement.prepared.reset(made);
    return check(code, doing);
  }

  base::Result<void> check(int code, const char* doing) {
    if (code == SQLITE_OK) return {};
    return base::unexpected(from_sqlite(code, std::string("cannot ") + doing + ": " + sqlite3_errmsg(connection())));
  }

  sqlite3* connection() {
    return static_cast<soci::sqlite3_session_backend*>(sql_.get_backend())->conn_;  // NOLINT: it is one
  }

  soci::session sql_;  // closed after the statements are gone
  bool is_set_by_preparing_ = false;
  Plain begin_to_read_{"BEGIN"};
  Plain begin_to_write_{"BEGIN IMMEDIATE"};
  Plain commit_{"COMMIT"};
  Plain rollback_{"ROLLBACK"};
  std::optional<Access> access_;
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
