#include "testing/registries.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

#include <libpq-fe.h>

#include "base/check.h"
#include "testing/postgresql_server.h"
#include "testing/raw_sqlite.h"

namespace countersign::testing {
namespace {

namespace fs = std::filesystem;

/// One connection to a database of the shared server.
class RawPostgresql {
 public:
  explicit RawPostgresql(const std::string& database)
      : connection_(PQconnectdb(PostgresqlServer::shared().uri(database).c_str())) {
    BASE_CHECK(PQstatus(connection_) == CONNECTION_OK);
    run("SET client_min_messages = error; SET search_path = countersign");
  }
  ~RawPostgresql() { PQfinish(connection_); }
  RawPostgresql(const RawPostgresql&) = delete;

  bool run(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  }
  std::string ask(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    std::string answer;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0) answer = PQgetvalue(result, 0, 0);
    PQclear(result);
    return answer;
  }

 private:
  PGconn* connection_;
};

/// The databases behind the files of tests that are still running.
class Databases {
 public:
  static Databases& shared() {
    static Databases databases;
    return databases;
  }

  const std::string& of(const fs::path& file) {
    const auto found = names_.find(file);
    if (found != names_.end()) return found->second;
    sweep();
    return make(file, "template0");
  }
  const std::string& make(const fs::path& file, const std::string& original) {
    const std::string name = "test" + std::to_string(++count_);
    BASE_CHECK(admin().run("CREATE DATABASE " + name + " TEMPLATE " + original));
    return names_[file] = name;
  }
  void drop(const fs::path& file) {
    const auto found = names_.find(file);
    if (found == names_.end()) return;
    BASE_CHECK(admin().run("DROP DATABASE " + found->second + " WITH (FORCE)"));
    names_.erase(found);
  }

 private:
  /// Databases are large: those of tests that are over go.
  void sweep() {
    for (auto next = names_.begin(); next != names_.end();) {
      const fs::path file = (next++)->first;
      if (!fs::exists(file.parent_path())) drop(file);
    }
  }
  RawPostgresql& admin() {
    if (!admin_ || !admin_->run("SELECT 1")) admin_.emplace("postgres");
    return *admin_;
  }

  std::optional<RawPostgresql> admin_;
  std::map<fs::path, std::string> names_;
  int count_ = 0;
};

}  // namespace

bool on_postgresql() {
  const char* wanted = std::getenv("COUNTERSIGN_TEST_REGISTRY");
  return wanted != nullptr && std::string_view(wanted) == "postgresql";
}

store::Location registry_at(const fs::path& file) {
  if (!on_postgresql()) return file;
  return store::Location::parse(PostgresqlServer::shared().uri(Databases::shared().of(file))).value();
}

void copy_registry(const fs::path& from, const fs::path& to) {
  remove_registry(to);
  if (on_postgresql()) {
    Databases::shared().make(to, Databases::shared().of(from));
  } else {
    fs::create_directories(to.parent_path());
    BASE_CHECK(RawSqlite(from).run("VACUUM INTO '" + to.string() + "'"));
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write);
  }
}

void remove_registry(const fs::path& file) {
  if (on_postgresql()) Databases::shared().drop(file);
  for (const char* suffix : {"", "-wal", "-shm"})
    fs::remove(file.string() + suffix);
}

struct RawRegistry::Session {
  std::optional<RawSqlite> sqlite;
  std::optional<RawPostgresql> postgresql;
};

RawRegistry::RawRegistry(const fs::path& file) : session_(std::make_unique<Session>()) {
  if (on_postgresql()) session_->postgresql.emplace(Databases::shared().of(file));
  else session_->sqlite.emplace(file);
}

RawRegistry::~RawRegistry() = default;

bool RawRegistry::run(const std::string& sql) {
  return session_->postgresql ? session_->postgresql->run(sql) : session_->sqlite->run(sql);
}

bool RawRegistry::refuse_audit(const std::string& action) {
  if (session_->postgresql)
    return run("ALTER TABLE audit ADD CONSTRAINT refused CHECK (action NOT LIKE '" + action + "') NOT VALID");
  return run("CREATE TRIGGER refused BEFORE INSERT ON audit WHEN NEW.action LIKE '" + action +
             "' BEGIN SELECT RAISE(ABORT, 'disk full'); END");
}

bool RawRegistry::take_audit() {
  return run(session_->postgresql ? "ALTER TABLE audit DROP CONSTRAINT refused" : "DROP TRIGGER refused");
}

std::string RawRegistry::ask(const std::string& sql) {
  return session_->postgresql ? session_->postgresql->ask(sql) : session_->sqlite->ask(sql);
}

}  // namespace countersign::testing
