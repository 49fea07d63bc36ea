// PostgreSQL: one connection of one sender to an outbox that others share (docs/adr/0052).
//
// What changes messages takes the locks of their endpoints first, in one order, and keeps them to its end: so keys,
// order and cut-off messages of an endpoint are decided by one sender after the other. Claims take rows instead, by FOR
// UPDATE SKIP LOCKED, and wait for nobody: that is why no two can wait for each other.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>

#include <libpq-fe.h>

#include "base/check.h"
#include "crypto/digest.h"
#include "outbox/database.h"
#include "postgres/await.h"
#include "postgres/fitness.h"
#include "postgres/reply.h"
#include "postgres/sqlstate.h"

namespace countersign::outbox {
namespace {

using base::Kind;
using postgres::Meaning;
using postgres::Reply;

constexpr std::int64_t kVersion = 1;
/// After a connection could not be made: who asks meanwhile is told at once.
constexpr std::chrono::seconds kHoldOff{1};
// Types of parameters and columns (pg_type.dat).
constexpr Oid kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25;

constexpr const char* kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// As for the registry (store/postgresql_engine.cpp): a session that holds locks and went silent ends before those who
/// wait for them lose patience.
constexpr const char* kSession =
    "SET client_min_messages = error;"
    "SET search_path = countersign_outbox, pg_temp;"
    "SET lock_timeout = '6s';"
    "SET statement_timeout = '10s';"
    "SET idle_in_transaction_session_timeout = '4s';"
    "SET tcp_keepalives_idle = 5;"
    "SET tcp_keepalives_interval = 2;"
    "SET tcp_keepalives_count = 3;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// One program at a time; "outbox" in ASCII is the number by which they agree on it. Not IF NOT EXISTS: that wants the
/// right to make schemas even where there is nothing to make.
constexpr const char* kBeforeMigration =
    "BEGIN;"
    "SELECT pg_advisory_xact_lock(122550255284088);"
    "DO $$ BEGIN IF to_regnamespace('countersign_outbox') IS NULL THEN CREATE SCHEMA countersign_outbox; END IF; END "
    "$$;"
    "SELECT CASE WHEN to_regclass('countersign_outbox.version') IS NULL THEN 0 ELSE 1 END";

/// `count_changes`: how many messages wait and are dead is the sum of its rows, so that nobody waits for a counter.
constexpr const char* kSchema =
    "CREATE TABLE version (number BIGINT NOT NULL);"
    "INSERT INTO version VALUES (1);"
    "CREATE SEQUENCE holders;"
    "CREATE TABLE messages ("
    " id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " endpoint TEXT COLLATE \"C\" NOT NULL,"
    " key TEXT COLLATE \"C\" NOT NULL,"
    " order_key TEXT COLLATE \"C\" NOT NULL,"
    " kind TEXT COLLATE \"C\" NOT NULL,"
    " digest TEXT COLLATE \"C\" NOT NULL,"
    " fields BYTEA NOT NULL,"
    " body BYTEA NOT NULL,"
    " attempts BIGINT NOT NULL,"
    " state BIGINT NOT NULL,"
    " accepted_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " due_at BIGINT NOT NULL,"
    " settled_at BIGINT,"
    " last_error BYTEA NOT NULL,"
    " holder BIGINT NOT NULL DEFAULT 0,"
    " UNIQUE (endpoint, key));"
    "CREATE INDEX messages_due ON messages (endpoint, due_at, id) WHERE state = 0;"
    "CREATE INDEX messages_order ON messages (endpoint, order_key, id) WHERE state = 0 AND order_key <> '';"
    "CREATE INDEX messages_state ON messages (state, expires_at);"
    "CREATE INDEX messages_accepted ON messages (endpoint, accepted_at);"
    "CREATE TABLE cutoffs ("
    " endpoint TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,"
    " until BIGINT NOT NULL);"
    "CREATE TABLE count_changes ("
    " id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " endpoint TEXT COLLATE \"C\" NOT NULL,"
    " waiting BIGINT NOT NULL,"
    " dead BIGINT NOT NULL)";

Row::Cell read_cell(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return std::monostate();
  const char* value = PQgetvalue(result, row, column);
  const Oid type = PQftype(result, column);
  if (type == kInt8 || type == kInt4 || type == kInt2) return std::int64_t{std::atoll(value)};
  if (type != kBytea) return std::string(value, static_cast<std::size_t>(PQgetlength(result, row, column)));
  std::size_t size = 0;
  unsigned char* bytes = PQunescapeBytea(reinterpret_cast<const unsigned char*>(value), &size);
  BASE_CHECK(bytes != nullptr);
  std::string text(reinterpret_cast<const char*>(bytes), size);
  PQfreemem(bytes);
  return text;
}

Rows read_rows(const Reply& reply) {
  Rows found;
  const int columns = PQnfields(reply.result());
  for (int row = 0; row < reply.rows(); ++row) {
    std::vector<Row::Cell> cells;
    cells.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column)
      cells.push_back(read_cell(reply.result(), row, column));
    found.rows.emplace_back(std::move(cells));
  }
  found.changed = reply.changed();
  return found;
}

/// libpq's arrays for the values of one statement.
class Parameters {
 public:
  explicit Parameters(std::initializer_list<Value> values) {
    texts_.reserve(values.size());
    for (const Value& value : values)
      add(value);
  }
  int count() const { return static_cast<int>(types_.size()); }
  const Oid* types() const { return types_.data(); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void add(const Value& value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value.held())) {
      texts_.push_back(std::to_string(*whole));
      push(kInt8, texts_.back(), 0);
    } else if (const auto* text = std::get_if<std::string_view>(&value.held())) {
      push(kText, *text, 1);
    } else {
      push(kBytea, std::get<Bytes>(value.held()).bytes, 1);
    }
  }
  /// Binary (1) goes by its length, so that no byte of it ends it.
  void push(Oid type, std::string_view bytes, int format) {
    types_.push_back(type);
    values_.push_back(bytes.empty() ? "" : bytes.data());
    lengths_.push_back(static_cast<int>(bytes.size()));
    formats_.push_back(format);
  }
  std::vector<std::string> texts_;
  std::vector<Oid> types_;
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
};

/// `?` becomes $1, $2, ...
std::string to_numbered(std::string_view sql) {
  std::string numbered;
  int place = 0;
  for (const char c : sql) {
    if (c == '?') numbered += "$" + std::to_string(++place);
    else numbered += c;
  }
  return numbered;
}

/// The lock of an endpoint: two with one number would only wait for each other needlessly.
std::int64_t lock_of(const std::string& endpoint) {
  const auto digest = crypto::sha256({base::as_bytes("countersign outbox "), base::as_bytes(endpoint)});
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number = number << 8 | std::to_integer<std::uint64_t>(std::byte{digest[i]});
  return static_cast<std::int64_t>(number);
}

class Postgresql final : public Database {
 public:
  explicit Postgresql(const Outbox::Options& options)
      : address_(*options.shared),
        clock_(options.clock),
        patience_(options.patience),
        connection_(nullptr, &PQfinish) {}

  bool is_shared() const override { return true; }
  std::int64_t holder() const override { return holder_; }
  bool try_again() override { return std::exchange(try_again_, false); }

  base::Result<void> connect() {
    ready_ = false;
    prepared_.clear();
    if (std::chrono::steady_clock::now() < not_before_) return base::unexpected(not_there("it was not, a moment ago"));
    connection_.reset(PQconnectdb(std::string(address_.connection->reveal_text()).c_str()));
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
      not_before_ = std::chrono::steady_clock::now() + kHoldOff;
      return base::unexpected(not_there(PQerrorMessage(connection_.get())));
    }
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
    BASE_TRY_VOID(check_server());
    BASE_TRY_VOID(execute(kSession, "set up a session"));
    BASE_TRY_VOID(migrate());
    BASE_TRY_VOID(check_clock());
    ready_ = true;
    if (holder_ != 0) return {};
    BASE_TRY(const Rows next, run("SELECT nextval('holders')", {}));
    holder_ = next.rows.empty() ? 0 : next.rows.front().whole(0);
    return {};
  }

  base::Result<void> begin() override {
    bool begun = false;
    if (is_connected()) {
      auto tried = execute(kBegin, "begin a transaction");
      begun = tried.has_value();
      if (!begun && is_connected()) return tried;
    }
    if (!begun) {
      BASE_TRY_VOID(connect());
      BASE_TRY_VOID(execute(kBegin, "begin a transaction"));
    }
    try_again_ = false;
    under_way_ = true;
    return {};
  }

  base::Result<void> commit() override {
    under_way_ = false;
    const Reply committed = ask("COMMIT");
    if (committed.ok() && committed.command() == "COMMIT") return {};
    if (committed.ok())  // "ROLLBACK": a statement had failed
      return base::fail(Kind::internal, "outbox.statement", "the transaction had failed: nothing is kept");
    return base::unexpected(to_error(committed, "commit"));
  }

  void rollback() noexcept override {
    under_way_ = false;
    if (!is_connected() || PQtransactionStatus(connection_.get()) == PQTRANS_IDLE) return;
    const Reply undone = ask("ROLLBACK");
    if (!undone.ok()) ready_ = false;
  }

  base::Result<Rows> run(const char* sql, std::initializer_list<Value> values) override {
    // Within a transaction a new connection would do half of it.
    if (!is_connected() && under_way_) {
      try_again_ = true;
      return base::unexpected(not_there("the connection was lost"));
    }
    if (!is_connected()) BASE_TRY_VOID(connect());
    const Parameters parameters(values);
    BASE_TRY(const std::string name, prepare(sql, parameters));
    const Reply reply = await(PQsendQueryPrepared(connection_.get(), name.c_str(), parameters.count(),
                                                  parameters.values(), parameters.lengths(), parameters.formats(), 0));
    if (!reply.ok()) return base::unexpected(to_error(reply, "read or write"));
    return read_rows(reply);
  }

  base::Result<void> take(std::vector<std::string> endpoints) override {
    std::vector<std::int64_t> locks;
    for (const std::string& endpoint : endpoints)
      locks.push_back(lock_of(endpoint));
    std::ranges::sort(locks);
    const auto repeated = std::ranges::unique(locks);
    locks.erase(repeated.begin(), repeated.end());
    for (const std::int64_t lock : locks)
      BASE_TRY_VOID(run("SELECT pg_advisory_xact_lock(?)", {lock}));
    return {};
  }

 private:
  Reply await(int sent) const { return postgres::await_reply(connection_.get(), sent, patience_); }
  Reply ask(const char* statements) const { return await(PQsendQuery(connection_.get(), statements)); }
  bool is_connected() const { return ready_ && PQstatus(connection_.get()) == CONNECTION_OK; }

  base::Error not_there(const std::string& why) const {
    base::Error seen{Kind::unavailable, "outbox.database", "cannot reach " + address_.shown + ": " + why};
    return std::move(seen).under("outbox.unavailable", "the outbox's database is not there now: try again in a while");
  }

  base::Error to_error(const Reply& reply, const std::string& doing) {
    const std::string state = reply.state();
    const std::string what = "the outbox cannot " + doing + ": " + reply.message();
    const Meaning meaning = postgres::meaning_of(state);
    const bool gone = PQstatus(connection_.get()) != CONNECTION_OK || state == "25P03" || state.starts_with("57P");
    if (gone) ready_ = false;
    try_again_ = gone || meaning == Meaning::busy;
    switch (meaning) {
      case Meaning::unavailable: return not_there(reply.message());
      case Meaning::busy: return {Kind::unavailable, "outbox.unavailable", what};
      case Meaning::corrupt: return {Kind::corrupt, "outbox.corrupt", what + "; restore the outbox's database"};
      case Meaning::conflict:
      case Meaning::statement: return {Kind::internal, "outbox.statement", what};
    }
    BASE_UNREACHABLE();
  }

  base::Result<void> execute(const char* statements, const std::string& doing) {
    const Reply reply = ask(statements);
    if (!reply.ok()) return base::unexpected(to_error(reply, doing));
    return {};
  }

  base::Result<std::string> prepare(const char* sql, const Parameters& parameters) {
    const auto known = prepared_.find(sql);
    if (known != prepared_.end()) return known->second;
    std::string name = "s" + std::to_string(prepared_.size());
    const Reply reply = await(PQsendPrepare(connection_.get(), name.c_str(), to_numbered(sql).c_str(),
                                            parameters.count(), parameters.types()));
    if (!reply.ok()) return base::unexpected(to_error(reply, "prepare a statement"));
    return prepared_[sql] = std::move(name);
  }

  /// A 202 must be on disk. And who breaks into a sender must find nothing of the authority's (docs/adr/0043).
  base::Result<void> check_server() {
    const auto unfit = [this](const std::string& why) {
      return base::fail(Kind::invalid, "outbox.unfit_server", address_.shown + " " + why);
    };
    const Reply asked = ask(postgres::kFitnessQuestion);
    if (!asked.ok()) return base::unexpected(to_error(asked, "look at its server"));
    if (const std::string why = postgres::unfitness(connection_.get(), asked); !why.empty()) return unfit(why);
    const Reply reach = ask("SELECT COALESCE(has_schema_privilege(to_regnamespace('countersign'), 'USAGE'), false)");
    if (!reach.ok()) return base::unexpected(to_error(reach, "look at its server"));
    if (reach.value(0) == "t")
      return unfit("lets the sender into the authority's registry: give the outbox a database and a user of its own");
    return {};
  }

  base::Result<void> migrate() {
    const Reply before = ask(kBeforeMigration);
    if (!before.ok()) return base::unexpected(to_error(before, "bring its tables up to date"));
    if (before.value(0) == "0") BASE_TRY_VOID(execute(kSchema, "make its tables"));
    const Reply asked = ask("SELECT number FROM version");
    if (!asked.ok()) return base::unexpected(to_error(asked, "read its version"));
    if (std::atoll(asked.value(0).c_str()) > kVersion)
      return base::fail(Kind::conflict, "outbox.too_new",
                        "the outbox is of a newer release (" + asked.value(0) + "); use that one");
    return execute("COMMIT", "make its tables");
  }

  /// Leases of several senders are compared: their clocks must agree.
  base::Result<void> check_clock() {
    if (clock_ == nullptr) return {};
    const Reply asked = ask("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)");
    if (!asked.ok()) return base::unexpected(to_error(asked, "ask for the time"));
    const base::Duration apart = clock_->now() - base::Instant{std::atoll(asked.value(0).c_str())};
    if (apart <= Outbox::kClockTolerance && apart >= -Outbox::kClockTolerance) return {};
    return base::fail(Kind::unavailable, "outbox.clock",
                      "the clocks of this machine and of the outbox's database are more than 5 s apart: set them right "
                      "(NTP); senders that share an outbox compare times");
  }

  const postgres::Address address_;
  const base::Clock* clock_;
  const base::Duration patience_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::map<const char*, std::string> prepared_;
  std::int64_t holder_ = 0;
  bool ready_ = false;
  bool under_way_ = false;
  bool try_again_ = false;
  std::chrono::steady_clock::time_point not_before_{};
};

}  // namespace

base::Result<std::unique_ptr<Database>> open_postgresql(const Outbox::Options& options) {
  auto database = std::make_unique<Postgresql>(options);
  BASE_TRY_VOID(database->connect());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace countersign::outbox
