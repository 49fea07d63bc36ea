// SQLite: one file of one process (write-ahead log, synchronous=FULL).
#include <map>

#include <sqlite3.h>

#include "base/check.h"
#include "base/files.h"
#include "outbox/database.h"

namespace countersign::outbox {
namespace {

using base::Kind;

constexpr std::int64_t kVersion = 2;
/// How long an open waits for a process that is about to end.
constexpr int kBusyMillis = 2000;

base::Error to_error(int code, const std::string& what) {
  switch (code & 0xff) {  // the primary result code (https://www.sqlite.org/rescode.html)
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Kind::corrupt, "outbox.corrupt",
              what + "; move the file away, with the -wal beside it, and see what sqlite3 .recover finds in it"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {Kind::unavailable, "outbox.in_use", what + "; another process has the outbox"};
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return {Kind::unavailable, "outbox.unavailable", what};
    default: return {Kind::internal, "outbox.statement", what};
  }
}

constexpr const char* kSchema =
    "CREATE TABLE messages ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " endpoint TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " order_key TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " fields TEXT NOT NULL,"
    " body BLOB NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " accepted_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL,"
    " due_at INTEGER NOT NULL,"
    " settled_at INTEGER,"
    " last_error TEXT NOT NULL,"
    " UNIQUE (endpoint, key));"
    "CREATE INDEX messages_due ON messages (endpoint, due_at, id) WHERE state = 0;"
    "CREATE INDEX messages_order ON messages (endpoint, order_key, id) WHERE state = 0 AND order_key <> '';"
    "CREATE INDEX messages_state ON messages (state, expires_at);"
    "CREATE INDEX messages_accepted ON messages (endpoint, accepted_at);"
    "CREATE TABLE cutoffs ("
    " endpoint TEXT NOT NULL PRIMARY KEY,"
    " until INTEGER NOT NULL);"
    "PRAGMA user_version = 1";
/// As the other engine has it, where several senders claim.
constexpr const char* kSecondSchema =
    "ALTER TABLE messages ADD COLUMN holder INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2";

/// Makes the file before SQLite would, so that nobody else may read it for a moment.
base::Result<void> make_private(const std::filesystem::path& file) {
  auto made = base::create_file(file, "", base::FileMode::owner_only);
  if (!made && made.error().code != "file.exists")
    return base::unexpected(std::move(made).error().under("outbox.unavailable", "cannot make the outbox"));
  return {};
}

/// One use of a kept statement: reset at the end of its life.
struct Use {
  sqlite3_stmt* statement;
  ~Use() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

void bind(sqlite3_stmt* statement, int place, const Value& value) {
  int code = SQLITE_OK;
  if (const auto* whole = std::get_if<std::int64_t>(&value.held())) {
    code = sqlite3_bind_int64(statement, place, *whole);
  } else if (const auto* text = std::get_if<std::string_view>(&value.held())) {
    const char* from = text->empty() ? "" : text->data();  // a null pointer would be NULL
    code = sqlite3_bind_text64(statement, place, from, text->size(), SQLITE_STATIC, SQLITE_UTF8);
  } else {
    const std::string_view bytes = std::get<Bytes>(value.held()).bytes;
    code = sqlite3_bind_blob64(statement, place, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
  }
  BASE_CHECK(code == SQLITE_OK);
}

Row::Cell read_cell(sqlite3_stmt* statement, int column) {
  const int type = sqlite3_column_type(statement, column);
  if (type == SQLITE_NULL) return std::monostate();
  if (type == SQLITE_INTEGER) return std::int64_t{sqlite3_column_int64(statement, column)};
  const void* bytes = sqlite3_column_blob(statement, column);
  const int size = sqlite3_column_bytes(statement, column);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

Row read_row(sqlite3_stmt* statement) {
  std::vector<Row::Cell> cells;
  const int columns = sqlite3_column_count(statement);
  cells.reserve(static_cast<std::size_t>(columns));
  for (int column = 0; column < columns; ++column)
    cells.push_back(read_cell(statement, column));
  return Row(std::move(cells));
}

class Sqlite final : public Database {
 public:
  explicit Sqlite(sqlite3* handle) : handle_(handle) {}
  ~Sqlite() override {
    for (const auto& [sql, statement] : statements_)
      sqlite3_finalize(statement);
    sqlite3_close(handle_);
  }
  Sqlite(const Sqlite&) = delete;

  bool is_shared() const override { return false; }
  std::int64_t holder() const override { return 0; }
  base::Result<void> begin() override { return execute("BEGIN IMMEDIATE"); }
  base::Result<void> commit() override { return execute("COMMIT"); }
  /// It fails where SQLite has rolled back by itself (disk full, I/O error): there is nothing left to undo.
  void rollback() noexcept override { (void)execute("ROLLBACK"); }
  base::Result<void> take(std::vector<std::string>) override { return {}; }  // begin() has taken it all
  bool try_again() override { return false; }

  base::Result<Rows> run(const char* sql, std::initializer_list<Value> values) override {
    BASE_TRY(sqlite3_stmt * statement, prepare(sql));
    const Use use{statement};
    int place = 0;
    for (const Value& value : values)
      bind(statement, ++place, value);
    Rows found;
    for (;;) {
      const int code = sqlite3_step(statement);
      if (code == SQLITE_DONE) break;
      if (code != SQLITE_ROW) return failed(code, "read or write");
      found.rows.push_back(read_row(statement));
    }
    found.changed = sqlite3_changes64(handle_);
    return found;
  }

  /// EXCLUSIVE: a second sender on the same file would claim the same messages.
  base::Result<void> configure() {
    sqlite3_busy_timeout(handle_, kBusyMillis);
    BASE_TRY_VOID(execute("PRAGMA locking_mode = EXCLUSIVE"));
    BASE_TRY_VOID(execute("PRAGMA journal_mode = WAL"));
    BASE_TRY_VOID(execute("PRAGMA synchronous = FULL"));
    BASE_TRY_VOID(execute("PRAGMA secure_delete = ON"));  // bodies may hold what should not stay behind
    BASE_TRY(const Rows checked, run("PRAGMA quick_check(1)", {}));
    const std::string said = checked.rows.empty() ? "" : checked.rows.front().text(0);
    if (said != "ok") return base::unexpected(to_error(SQLITE_CORRUPT, "the outbox is damaged: " + said));
    return {};
  }

  base::Result<void> migrate() {
    BASE_TRY(Writing writing, Writing::begin(*this));
    BASE_TRY(const Rows asked, run("PRAGMA user_version", {}));
    const std::int64_t version = asked.rows.empty() ? 0 : asked.rows.front().whole(0);
    if (version > kVersion)
      return base::fail(Kind::conflict, "outbox.too_new",
                        "the outbox is of a newer release (" + std::to_string(version) + "); use that one");
    if (version < 1) BASE_TRY_VOID(execute(kSchema));
    if (version < 2) BASE_TRY_VOID(execute(kSecondSchema));
    return writing.commit();
  }

  tl::unexpected<base::Error> failed(int code, const char* doing) {
    return base::unexpected(to_error(code, std::string("the outbox cannot ") + doing + ": " + sqlite3_errmsg(handle_)));
  }

 private:
  base::Result<sqlite3_stmt*> prepare(const char* sql) {
    sqlite3_stmt*& kept = statements_[sql];
    if (kept == nullptr) {
      const int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &kept, nullptr);
      if (code != SQLITE_OK) return failed(code, "prepare a statement");
    }
    return kept;
  }
  base::Result<void> execute(const char* sql) {
    const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return failed(code, "do its work");
    return {};
  }

  sqlite3* handle_;
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace

base::Result<std::unique_ptr<Database>> open_sqlite(const Outbox::Options& options) {
  const std::filesystem::path& file = options.file;
  BASE_TRY_VOID(make_private(file));
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  auto database = std::make_unique<Sqlite>(handle);
  if (code != SQLITE_OK) return database->failed(code, "be opened");
  BASE_TRY_VOID(database->configure());
  BASE_TRY_VOID(database->migrate());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace countersign::outbox
