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
  BASE_TRY(Statement rows, database.statement("SELECT state, COUNT(*) FROM messages WHERE endpoint = ?"
                                              " AND accepted_at > ? AND accepted_at <= ? AND kind <> 'cutoff'"
                                              " GROUP BY state"));
  rows.bind(endpoint).bind(from).bind(to);
  for (;;) {
    BASE_TRY(const bool row, rows.step());
    if (!row) return sum;
    if (const std::int64_t state = rows.whole(0); state >= 0 && state < 3) sum.of[state] = rows.whole(1);
  }
}

base::Result<std::optional<base::Instant>> last_cutoff(Database& database, const std::string& endpoint) {
  BASE_TRY(Statement row, database.statement("SELECT until FROM cutoffs WHERE endpoint = ?"));
  BASE_TRY(const bool there, row.bind(endpoint).step());
  if (!there) return std::optional<base::Instant>();
  return std::optional(row.instant(0));
}

base::Result<void> note_cutoff(Database& database, const std::string& endpoint, base::Instant at) {
  BASE_TRY(Statement row, database.statement("INSERT INTO cutoffs (endpoint, until) VALUES (?, ?)"
                                             " ON CONFLICT (endpoint) DO UPDATE SET until = excluded.until"));
  return row.bind(endpoint).bind(at).run();
}

}  // namespace

base::Result<Outbox::Swept> Outbox::sweep(base::Instant now) {
  Swept swept;
  BASE_TRY(Change change, Change::begin(*this));
  {
    BASE_TRY(Statement rows,
             database_->statement("SELECT id, endpoint, key, order_key, kind, attempts, state, accepted_at, expires_at,"
                                  " due_at, settled_at, last_error FROM messages"
                                  " WHERE state = 0 AND expires_at <= ? ORDER BY expires_at LIMIT 500"));
    rows.bind(now);
    for (;;) {
      BASE_TRY(const bool row, rows.step());
      if (!row) break;
      if (!claimed_.contains(rows.whole(0))) swept.dead.push_back(read_summary(rows));
    }
  }
  for (const Message& message : swept.dead)
    BASE_TRY_VOID(bury(message, now, change));
  BASE_TRY(Statement forgotten, database_->statement("DELETE FROM messages WHERE id IN (SELECT id FROM messages"
                                                     " WHERE state = 1 AND expires_at <= ? LIMIT 500)"));
  BASE_TRY_VOID(forgotten.bind(now).run());
  swept.more = std::ssize(swept.dead) == kSweep || database_->changed() == kSweep;
  BASE_TRY_VOID(change.commit());
  return swept;
}

base::Result<void> Outbox::bury(const Message& message, base::Instant now, Change& change) {
  {
    BASE_TRY(Statement row, database_->statement("UPDATE messages SET state = 2, settled_at = ? WHERE id = ?"));
    BASE_TRY_VOID(row.bind(now).bind(message.id).run());
  }
  change.waiting(message.content.endpoint, -1);
  change.dead(message.content.endpoint, 1);
  return arrange(message.content.endpoint, message.content.order_key, now);
}

base::Result<bool> Outbox::put_cutoff(const Cutoff& cutoff, base::Instant now) {
  BASE_TRY(const std::optional<base::Instant> last, last_cutoff(*database_, cutoff.endpoint));
  const bool begins = !last || *last > now + cutoff.interval;  // the first, or a clock that was ahead
  if (!begins && now - *last < cutoff.interval) return false;
  BASE_TRY(Change change, Change::begin(*this));
  if (!begins) {
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
  return !begins;
}

}  // namespace countersign::outbox
