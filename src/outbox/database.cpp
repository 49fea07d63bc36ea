#include "outbox/database.h"

#include <utility>

#include "base/check.h"
#include "base/files.h"
#include "base/json.h"

namespace countersign::outbox {
namespace {

using base::Kind;

constexpr std::int64_t kVersion = 1;
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

tl::unexpected<base::Error> failed(sqlite3* handle, int code, const char* doing) {
  return base::unexpected(to_error(code, std::string("the outbox cannot ") + doing + ": " + sqlite3_errmsg(handle)));
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
    " until INTEGER NOT NULL);";

/// Makes the file before SQLite would, so that nobody else may read it for a moment.
base::Result<void> make_private(const std::filesystem::path& file) {
  auto made = base::create_file(file, "", base::FileMode::owner_only);
  if (!made && made.error().code != "file.exists")
    return base::unexpected(std::move(made).error().under("outbox.unavailable", "cannot make the outbox"));
  return {};
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(std::int64_t value) {
  BASE_CHECK(sqlite3_bind_int64(statement_, ++place_, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  BASE_CHECK(sqlite3_bind_text64(statement_, ++place_, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
             SQLITE_OK);
  return *this;
}

Statement& Statement::bind_bytes(std::string_view bytes) {
  const void* from = bytes.empty() ? "" : bytes.data();  // a null pointer would be NULL
  BASE_CHECK(sqlite3_bind_blob64(statement_, ++place_, from, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

base::Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failed(database_, code, "read or write");
}

base::Result<void> Statement::run() {
  BASE_TRY(const bool row, step());
  BASE_CHECK(!row);
  return {};
}

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

Message read_summary(const Statement& row) {
  Message message;
  message.id = row.whole(0);
  message.content.endpoint = row.text(1);
  message.content.key = row.text(2);
  message.content.order_key = row.text(3);
  message.content.kind = row.text(4);
  message.attempts = row.whole(5);
  message.state = static_cast<State>(row.whole(6));
  message.accepted_at = row.instant(7);
  message.expires_at = row.instant(8);
  message.due_at = row.instant(9);
  if (!row.is_null(10)) message.settled_at = row.instant(10);
  message.last_error = row.text(11);
  message.content.keep = message.expires_at - message.accepted_at;
  return message;
}

std::string to_text(const std::vector<std::pair<std::string, std::string>>& fields) {
  base::json::array all;
  for (const auto& [field_name, value] : fields)
    all.push_back(base::json::array{field_name, value});
  return base::json::serialize(all);
}

Message read_message(const Statement& row) {
  Message message = read_summary(row);
  const auto fields = base::parse_json(row.text(12));
  if (fields && fields->is_array())
    for (const base::json::value& field : fields->get_array())
      if (field.is_array() && field.get_array().size() == 2)
        message.content.fields.emplace_back(field.get_array()[0].as_string(), field.get_array()[1].as_string());
  message.content.body = row.text(13);
  return message;
}

base::Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file) {
  BASE_TRY_VOID(make_private(file));
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (code != SQLITE_OK) return failed(handle, code, "be opened");
  BASE_TRY_VOID(database->configure());
  BASE_TRY_VOID(database->migrate());
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_)
    sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

/// EXCLUSIVE: a second sender on the same file would claim the same messages.
base::Result<void> Database::configure() {
  sqlite3_busy_timeout(handle_, kBusyMillis);
  BASE_TRY_VOID(execute("PRAGMA locking_mode = EXCLUSIVE"));
  BASE_TRY_VOID(execute("PRAGMA journal_mode = WAL"));
  BASE_TRY_VOID(execute("PRAGMA synchronous = FULL"));
  BASE_TRY_VOID(execute("PRAGMA secure_delete = ON"));  // bodies may hold what should not stay behind
  BASE_TRY(Statement check, statement("PRAGMA quick_check(1)"));
  BASE_TRY(const bool row, check.step());
  if (!row || check.text(0) != "ok")
    return base::unexpected(to_error(SQLITE_CORRUPT, "the outbox is damaged: " + (row ? check.text(0) : "")));
  return {};
}

base::Result<void> Database::migrate() {
  BASE_TRY(Writing writing, Writing::begin(*this));
  std::int64_t version = 0;
  {
    BASE_TRY(Statement asked, statement("PRAGMA user_version"));
    BASE_TRY(const bool row, asked.step());
    version = row ? asked.whole(0) : 0;
  }
  if (version > kVersion)
    return base::fail(Kind::conflict, "outbox.too_new",
                      "the outbox is of a newer release (" + std::to_string(version) + "); use that one");
  if (version == 0) {
    BASE_TRY_VOID(execute(kSchema));
    BASE_TRY_VOID(execute("PRAGMA user_version = 1"));
  }
  return writing.commit();
}

base::Result<Statement> Database::statement(const char* sql) {
  sqlite3_stmt*& kept = statements_[sql];
  if (kept == nullptr) {
    const int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &kept, nullptr);
    if (code != SQLITE_OK) return failed(handle_, code, "prepare a statement");
  }
  return Statement(handle_, kept);
}

base::Result<void> Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(handle_, code, "do its work");
  return {};
}

base::Result<Writing> Writing::begin(Database& database) {
  BASE_TRY_VOID(database.execute("BEGIN IMMEDIATE"));
  return Writing(database);
}

Writing::~Writing() {
  // It fails where SQLite has rolled back by itself (disk full, I/O error): there is nothing left to undo.
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

base::Result<void> Writing::commit() {
  BASE_TRY_VOID(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace countersign::outbox
