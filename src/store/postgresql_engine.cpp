// PostgreSQL: one connection of one authority to a registry that others may share.
//
// An amendment takes the row lock of counter `amendments` before it reads anything, and keeps it to its end: amendments
// of all authorities come one after the other, each seeing all before it, as SQLite's BEGIN IMMEDIATE does it. Readers

#include <exception>

// see one snapshot and wait for nobody (docs/adr/0013).
#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>

#include "postgres/fitness.h"
#include "postgres/reply.h"
#include "store/dialect.h"
#include "store/engine.h"
#include "store/migrations.h"
#include "store/sql.h"

namespace countersign::store {
namespace {

using base::Kind;
using postgres::Reply;

/// `search_path` names only what is ours, and pg_temp last, so that nobody can put a table of their own before it. The
/// limits end a session that holds the lock and went silent, be it that its machine has stopped, before those who wait
/// for the lock lose patience. Who reads holds none, and may have a million rows in hand between two statements.
constexpr const char* kSession =
    "SET client_min_messages = error;"
    "SET search_path = countersign, pg_temp;"
    "SET lock_timeout = '6s';"
    "SET statement_timeout = '60s';"
    "SET idle_in_transaction_session_timeout = '60s';"
    "SET tcp_keepalives_idle = 5;"
    "SET tcp_keepalives_interval = 2;"
    "SET tcp_keepalives_count = 3;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

constexpr const char* kBeginAmending =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
    "SET LOCAL statement_timeout = '10s';"
    "SET LOCAL idle_in_transaction_session_timeout = '4s';"
    "SELECT value FROM counters WHERE name = 'amendments' FOR UPDATE";
/// "refusals" in ASCII: notes come one after the other, so that no two wait for rows of each other.
constexpr const char* kBeginNoting =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
    "SET LOCAL statement_timeout = '10s';"
    "SET LOCAL idle_in_transaction_session_timeout = '4s';"
    "SELECT pg_advisory_xact_lock(8243107347604532339)";
constexpr const char* kBeginReading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const char* beginning_of(Access access) {
  switch (access) {
    case Access::amending: return kBeginAmending;
    case Access::noting: return kBeginNoting;
    case Access::reading: return kBeginReading;
  }
  BASE_UNREACHABLE();
}

base::Error to_error(const Reply& reply, const std::string& doing) {
  return from_sqlstate(reply.state(), "cannot " + doing + ": " + reply.message());
}

class Postgresql final : public Engine {
 public:
  explicit Postgresql(const Location& location) : location_(location) {}
  ~Postgresql() override { kept_.forget(); }

  base::Result<void> connect() {
    connected_ = false;
    kept_.forget();
    try {
      sql_.close();
      sql_.open(soci::postgresql, std::string(location_.connection().reveal_text()));
    } catch (const std::exception& thrown) {
      return base::unexpected(not_there("cannot reach " + location_.to_string() + ": " + thrown.what()));
    }
    PQsetNoticeProcessor(
        connection(), [](void*, const char*) {}, nullptr);
    BASE_TRY_VOID(check_server());
    if (const Reply set(connection(), kSession); !set.ok())
      return base::unexpected(to_error(set, "set up a session on " + location_.to_string()));
    BASE_TRY_VOID(migrate(sql_, Dialect::postgresql));
    connected_ = true;
    return {};
  }

  soci::session& session() override { return sql_; }

  /// A connection that was lost while nothing was under way is made again, and nobody needs to know.
  base::Result<void> begin(Access access) override {
    if (is_connected()) {
      auto begun = start(access);
      if (begun || is_connected()) return begun;
    }
    BASE_TRY_VOID(connect());
    return start(access);
  }

  base::Result<void> commit() override {
    const Reply committed(connection(), "COMMIT");
    if (committed.ok() && committed.command() == "COMMIT") return {};
    if (committed.ok())  // "ROLLBACK": a statement had failed
      return base::fail(Kind::internal, "store.failed_before", "the transaction had failed: nothing is kept");
    base::Error error = to_error(committed, "commit");
    // A server that is still there has said no. One that is gone may have made it durable before it went.
    const std::string state = committed.state();
    if (is_connected() && state != "40003" && !state.starts_with("08") && !state.starts_with("57P"))
      return base::unexpected(std::move(error));
    connected_ = false;
    return base::unexpected(
        base::Error{Kind::unavailable, "store.unknown_outcome",
                    "the connection to the registry's database was lost at the commit: it is not known whether the "
                    "change was kept; ask again",
                    std::make_shared<const base::Error>(std::move(error))});
  }

  void rollback() noexcept override {
    if (PQtransactionStatus(connection()) == PQTRANS_IDLE) return;
    // A failed transaction has kept SOCI from putting away the statements it had prepared.
    const bool failed = PQtransactionStatus(connection()) == PQTRANS_INERROR;
    if (failed) kept_.forget();
    if (const Reply rolled_back(connection(), failed ? "ROLLBACK; DEALLOCATE ALL" : "ROLLBACK"); !rolled_back.ok())
      connected_ = false;
  }

 private:
  PGconn* connection() {
    return static_cast<soci::postgresql_session_backend*>(sql_.get_backend())->conn_;  // NOLINT: it is one
  }
  bool is_connected() { return connected_ && PQstatus(connection()) == CONNECTION_OK; }

  base::Result<void> start(Access access) {
    const bool amending = access == Access::amending;
    const Reply begun(connection(), beginning_of(access));
    if (begun.ok() && (!amending || begun.rows() == 1)) return {};
    base::Error error = begun.ok() ? base::Error{Kind::corrupt, "store.corrupt",
                                                 "the counter 'amendments' is missing; restore the registry from a "
                                                 "backup"}
                                   : to_error(begun, "begin a transaction");
    // A server that was told to take no changes (a standby, default_transaction_read_only).
    if (begun.state() == "25006") error = not_there(error.detail);
    rollback();
    return base::unexpected(std::move(error));
  }

  /// Law 1 needs a commit to be on disk, and laws about names need all text to be what it was.
  base::Result<void> check_server() {
    const auto unfit = [this](const std::string& why) {
      return base::fail(Kind::invalid, "store.unfit_server", location_.to_string() + " " + why);
    };
    const Reply asked(connection(), postgres::kFitnessQuestion);
    if (!asked.ok()) return base::unexpected(to_error(asked, "look at " + location_.to_string()));
    if (const std::string why = postgres::unfitness(connection(), asked); !why.empty()) return unfit(why);
    return {};
  }

  const Location location_;
  soci::session sql_;
  bool connected_ = false;
};

}  // namespace

base::Result<std::unique_ptr<Engine>> open_postgresql(const Location& location) {
  auto engine = std::make_unique<Postgresql>(location);
  BASE_TRY_VOID(engine->connect());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace countersign::store
