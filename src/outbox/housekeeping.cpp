// What happens to an outbox without anybody asking: messages die, are forgotten, and are summed up.
#include "base/json.h"
#include "outbox/change.h"

namespace countersign::outbox {
namespace {

/// What a cut-off message says of the messages put in (from, to].
struct Sum {
  std::int64_t of[3] = {0, 0, 0};  ///< by State
  std::int64_t all() const { return of[0] + of[1] + of[2]; }
};

std::string to_body(const std::string& endpoint, base::Instant from, base::Instant to, const Sum& sum) {
  base::json::object body{{"type", "cutoff"},
                          {"endpoint", endpoint},
                          {"from", base::to_rfc3339(from)},
                          {"to", base::to_rfc3339(to)},
                          {"accepted", sum.all()},
                          {"delivered", sum.of[static_cast<int>(State::delivered)]},
                          {"waiting", sum.of[static_cast<int>(State::waiting)]},
                          {"dead", sum.of[static_cast<int>(State::dead)]}};
  return base::json::serialize(body);
}

base::Result<Sum> sum_up(Database& database, const std::string& endpoint, base::Instant from, base::Instant to) {
  Sum sum;
  BASE_TRY(const Rows found, database.run("SELECT state, COUNT(*) FROM messages WHERE endpoint = ?"
                                          " AND accepted_at > ? AND accepted_at <= ? AND kind <> 'cutoff'"
                                          " GROUP BY state",
                                          {endpoint, from, to}));
  for (const Row& row : found.rows)
    if (const std::int64_t state = row.whole(0); state >= 0 && state < 3) sum.of[state] = row.whole(1);
  return sum;
}

base::Result<std::optional<base::Instant>> last_cutoff(Database& database, const std::string& endpoint) {
  BASE_TRY(const Rows found, database.run("SELECT until FROM cutoffs WHERE endpoint = ?", {endpoint}));
  if (found.rows.empty()) return std::optional<base::Instant>();
  return std::optional(found.rows.front().instant(0));
}

base::Result<void> note_cutoff(Database& database, const std::string& endpoint, base::Instant at) {
  BASE_TRY_VOID(
      database.run("INSERT INTO cutoffs (endpoint, until) VALUES (?, ?)"
                   " ON CONFLICT (endpoint) DO UPDATE SET until = excluded.until",
                   {endpoint, at}));
  return {};
}

/// Is it time for the next one? At the first call the time begins, and after a clock that was ahead.
enum class CutoffTime { not_yet, begins, now };

CutoffTime cutoff_time(const std::optional<base::Instant>& last, base::Duration interval, base::Instant now) {
  if (!last || *last > now + interval) return CutoffTime::begins;
  return now - *last < interval ? CutoffTime::not_yet : CutoffTime::now;
}

constexpr const char* kForget =
    "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE state = 1 AND expires_at <= ? LIMIT 500)";
constexpr const char* kForgetShared =
    "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE state = 1 AND expires_at <= ? LIMIT 500"
    " FOR UPDATE SKIP LOCKED)";
/// So many rows of changes are let be.
constexpr std::int64_t kCountChanges = 500;

}  // namespace

base::Result<std::vector<Message>> Outbox::find_dying(base::Instant now) {
  BASE_TRY(const Rows found,
           database_->run("SELECT " OUTBOX_SUMMARY " FROM messages WHERE state = 0 AND expires_at <= ?"
                          " AND (holder = 0 OR holder = ? OR due_at <= ?)"
                          " ORDER BY expires_at LIMIT 500",
                          {now, database_->holder(), now - kClockTolerance}));
  std::vector<Message> dying;
  for (const Row& row : found.rows)
    if (!claimed_.contains(row.whole(0))) dying.push_back(read_summary(row));
  return dying;
}

base::Result<Outbox::Swept> Outbox::sweep(base::Instant now) {
  return twice([&]() -> base::Result<Swept> {
    Swept swept;
    BASE_TRY(const std::vector<Message> dying, find_dying(now));
    std::vector<std::string> endpoints;
    for (const Message& message : dying)
      endpoints.push_back(message.content.endpoint);
    BASE_TRY(Change change, Change::begin(*this, std::move(endpoints)));
    for (const Message& message : dying) {
      BASE_TRY(const bool buried, bury(message, now, change));
      if (buried) swept.dead.push_back(message);
    }
    BASE_TRY(const Rows forgotten, database_->run(database_->is_shared() ? kForgetShared : kForget, {now}));
    swept.more = std::ssize(dying) == kSweep || forgotten.changed == kSweep;
    if (database_->is_shared()) BASE_TRY_VOID(sum_up_counts());
    BASE_TRY_VOID(change.commit());
    return swept;
  });
}

/// Many rows that say by how much counts changed become one for each endpoint. Those of a transaction under way stay.
base::Result<void> Outbox::sum_up_counts() {
  BASE_TRY(const Rows many, database_->run("SELECT COUNT(*) FROM count_changes", {}));
  if (many.rows.at(0).whole(0) <= kCountChanges) return {};
  BASE_TRY_VOID(
      database_->run("WITH gone AS (DELETE FROM count_changes WHERE id IN"
                     " (SELECT id FROM count_changes ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED)"
                     " RETURNING endpoint, waiting, dead)"
                     " INSERT INTO count_changes (endpoint, waiting, dead)"
                     " SELECT endpoint, SUM(waiting), SUM(dead) FROM gone GROUP BY endpoint",
                     {}));
  return {};
}

/// False: it was delivered, replayed or buried meanwhile.
base::Result<bool> Outbox::bury(const Message& message, base::Instant now, Change& change) {
  BASE_TRY(const Rows done, database_->run("UPDATE messages SET state = 2, settled_at = ?, holder = 0"
                                           " WHERE id = ? AND state = 0 AND expires_at <= ? AND attempts = ?",
                                           {now, message.id, now, message.attempts}));
  if (done.changed == 0) return false;
  change.waiting(message.content.endpoint, -1);
  change.dead(message.content.endpoint, 1);
  BASE_TRY_VOID(arrange(message.content.endpoint, message.content.order_key, now));
  return true;
}

base::Result<bool> Outbox::put_cutoff(const Cutoff& cutoff, base::Instant now) {
  return twice([&]() -> base::Result<bool> {
    // Most looks find that it is not time yet: they cost no transaction.
    BASE_TRY(const auto seen, last_cutoff(*database_, cutoff.endpoint));
    if (cutoff_time(seen, cutoff.interval, now) == CutoffTime::not_yet) return false;
    BASE_TRY(Change change, Change::begin(*this, {cutoff.endpoint}));
    BASE_TRY(const auto last, last_cutoff(*database_, cutoff.endpoint));
    const CutoffTime time = cutoff_time(last, cutoff.interval, now);
    if (time == CutoffTime::not_yet) return false;  // another sender was faster
    if (time == CutoffTime::now) {
      BASE_TRY(const Sum sum, sum_up(*database_, cutoff.endpoint, *last, now));
      Draft draft{.endpoint = cutoff.endpoint,
                  .key = "cutoff-" + cutoff.endpoint + "-" + std::to_string(now.micros),
                  .kind = "cutoff",
                  .fields = {{"Content-Type", "application/json"}},
                  .body = to_body(cutoff.endpoint, *last, now, sum),
                  .keep = cutoff.keep};
      BASE_TRY(auto accepted, put_one(draft, now, change));
      if (!accepted) return base::unexpected(std::move(accepted).error());
    }
    BASE_TRY_VOID(note_cutoff(*database_, cutoff.endpoint, now));
    BASE_TRY_VOID(change.commit());
    return time == CutoffTime::now;
  });
}

}  // namespace countersign::outbox
