#include "store/registry.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include "base/files.h"
#include "base/json.h"
#include "store/migrations.h"
#include "store/sql.h"

namespace countersign::store {
namespace {

/// How long a statement waits for another process that holds the file.
constexpr const char* kBusyPragma = "PRAGMA busy_timeout = 5000";

base::Error sqlite_error(int code, const std::string& what) {
  using base::Kind;
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

}  // namespace

base::Error to_error(const std::exception& thrown, const char* doing) {
  const std::string what = std::string("cannot ") + doing + ": " + thrown.what();
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&thrown))
    return sqlite_error(sqlite->result(), what);
  return {base::Kind::internal, "store.statement", what};
}

struct Registry::Impl {
  soci::session sql;
  bool in_use = false;
};

Registry::Registry(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry::~Registry() { BASE_CHECK(impl_ == nullptr || !impl_->in_use); }

base::Result<Registry> Registry::open(const std::filesystem::path& file) {
  if (file.string().find('"') != std::string::npos)
    return base::fail(base::Kind::invalid, "store.unavailable",
                      "the path of the registry may not hold a quotation mark");
  BASE_TRY_VOID(make_private(file));
  try {
    auto impl = std::make_unique<Impl>();
    impl->sql.open(soci::sqlite3, "db=\"" + file.string() + "\"");
    configure(impl->sql);
    BASE_TRY_VOID(check_whole(impl->sql, file));
    BASE_TRY_VOID(migrate(impl->sql));
    return Registry(std::move(impl));
  } catch (const std::exception& thrown) {
    return base::unexpected(to_error(thrown, ("open the registry '" + file.string() + "'").c_str()));
  }
}

base::Result<Transaction> Registry::begin() { return start("BEGIN IMMEDIATE"); }

base::Result<Transaction> Registry::begin_reading() { return start("BEGIN"); }

base::Result<Transaction> Registry::start(const char* statement) {
  BASE_CHECK(!impl_->in_use);
  try {
    impl_->sql << statement;
  } catch (const std::exception& thrown) {
    return base::unexpected(to_error(thrown, "begin a transaction"));
  }
  impl_->in_use = true;
  return Transaction(std::make_unique<Transaction::Impl>(Transaction::Impl{impl_->sql, impl_->in_use}));
}

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&&) noexcept = default;

Transaction::~Transaction() {
  if (impl_ == nullptr) return;
  if (impl_->open) {
    try {
      impl_->sql.rollback();
    } catch (const std::exception&) {
      // SQLite has rolled back by itself (disk full, I/O error): there is nothing left to undo.
    }
  }
  impl_->in_use = false;
}

base::Result<void> Transaction::commit() {
  BASE_CHECK(impl_->open);
  if (impl_->failed)
    return base::fail(base::Kind::internal, "store.failed_before",
                      "a statement of this transaction failed: nothing is kept");
  try {
    impl_->sql.commit();
  } catch (const std::exception& thrown) {
    return base::unexpected(to_error(thrown, "commit"));
  }
  impl_->open = false;
  return {};
}

std::string join(const std::vector<std::string>& texts) {
  base::json::array array;
  for (const std::string& text : texts)
    array.emplace_back(text);
  return base::json::serialize(array);
}

std::vector<std::string> split(const std::string& text) {
  const auto value = base::parse_json(text);
  const auto* array = value ? value->if_array() : nullptr;
  if (array == nullptr) throw soci::soci_error("a column that should hold a list holds something else");
  std::vector<std::string> texts;
  for (const base::json::value& element : *array) {
    const auto* string = element.if_string();
    if (string == nullptr) throw soci::soci_error("a column that should hold a list of texts holds something else");
    texts.emplace_back(string->data(), string->size());
  }
  return texts;
}

}  // namespace countersign::store
