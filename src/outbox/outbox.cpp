#include "outbox/outbox.h"

#include <limits>

#include "crypto/digest.h"
#include "outbox/change.h"

namespace countersign::outbox {
namespace {

/// What two messages with one key must share. Trace contexts and the like may differ between repetitions.
std::string digest_of(const Draft& draft) {
  const std::string lengths = std::to_string(draft.kind.size()) + "," + std::to_string(draft.order_key.size()) + ":";
  return base::to_hex(crypto::sha256({base::as_bytes(lengths), base::as_bytes(draft.kind),
                                      base::as_bytes(draft.order_key), base::as_bytes(draft.body)}));
}

constexpr const char* kClaim =
    "SELECT id, endpoint, key, order_key, kind, attempts, state, accepted_at, expires_at, due_at, settled_at,"
    " last_error, fields, body FROM messages"
    " WHERE state = 0 AND endpoint = ? AND due_at <= ? AND expires_at > ? ORDER BY due_at, id";

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::waiting: return "waiting";
    case State::delivered: return "delivered";
    case State::dead: return "dead";
  }
  return "";
}

std::optional<State> parse_state(std::string_view text) {
  for (const State state : {State::waiting, State::delivered, State::dead})
    if (name(state) == text) return state;
  return std::nullopt;
}

base::Duration pause_after(const Pace& pace, std::int64_t attempt) {
  base::Duration pause = pace.pause;
  for (std::int64_t n = pace.repeats; n < attempt && pause < pace.longest_pause; ++n)
    pause *= 2;
  return std::min(pause, std::max(pace.longest_pause, pace.pause));
}

Outbox::Outbox(Options options) : options_(std::move(options)) {}
Outbox::Outbox(Outbox&&) noexcept = default;
Outbox::~Outbox() = default;

base::Result<Outbox> Outbox::open(Options options) {
  Outbox outbox(std::move(options));
  BASE_TRY(outbox.database_, Database::open(outbox.options_.file));
  BASE_TRY_VOID(outbox.load_counts());
  return outbox;
}

base::Result<void> Outbox::load_counts() {
  BASE_TRY(Statement rows, database_->statement("SELECT endpoint, state, COUNT(*) FROM messages WHERE state <> 1"
                                                " GROUP BY endpoint, state"));
  for (;;) {
    BASE_TRY(const bool row, rows.step());
    if (!row) return {};
    Count& count = counts_[rows.text(0)];
    const bool waiting = static_cast<State>(rows.whole(1)) == State::waiting;
    (waiting ? count.waiting : count.dead) = rows.whole(2);
  }
}

base::Result<std::vector<base::Result<Outbox::Accepted>>> Outbox::put_all(std::span<const Draft> drafts,
                                                                          base::Instant now) {
  BASE_TRY(Change change, Change::begin(*this));
  std::vector<base::Result<Accepted>> answers;
  answers.reserve(drafts.size());
  for (const Draft& draft : drafts) {
    BASE_TRY(base::Result<Accepted> answer, put_one(draft, now, change));
    answers.push_back(std::move(answer));
  }
  BASE_TRY_VOID(change.commit());
  return answers;
}

/// The outer failure is the disk's, the inner one this draft's alone.
base::Result<base::Result<Outbox::Accepted>> Outbox::put_one(const Draft& draft, base::Instant now, Change& change) {
  using Answer = base::Result<Accepted>;
  const std::string digest = digest_of(draft);
  {
    BASE_TRY(Statement known, database_->statement("SELECT id, digest FROM messages WHERE endpoint = ? AND key = ?"));
    BASE_TRY(const bool there, known.bind(draft.endpoint).bind(draft.key).step());
    if (there && known.text(1) == digest) return Answer(Accepted{known.whole(0), true});
    if (there)
      return Answer(base::fail(base::Kind::conflict, "outbox.key_reused",
                               "the key stands for another message already; take a new one for each message"));
  }
  if (change.held() >= options_.messages)
    return Answer(base::fail(base::Kind::unavailable, "outbox.full",
                             "the outbox holds " + std::to_string(options_.messages) +
                                 " messages, as many as it may; see to the endpoints that do not take theirs"));
  BASE_TRY(const Accepted accepted, insert(draft, digest, now, change));
  return Answer(accepted);
}

base::Result<Outbox::Accepted> Outbox::insert(const Draft& draft, const std::string& digest, base::Instant now,
                                              Change& change) {
  std::int64_t due = now.micros;
  if (!draft.order_key.empty()) {
    BASE_TRY(Statement earlier, database_->statement("SELECT 1 FROM messages WHERE state = 0 AND endpoint = ?"
                                                     " AND order_key = ? AND order_key <> '' LIMIT 1"));
    BASE_TRY(const bool behind, earlier.bind(draft.endpoint).bind(draft.order_key).step());
    if (behind) due = kBehindAnother;
  }
  const std::string fields = to_text(draft.fields);
  BASE_TRY(Statement row,
           database_->statement("INSERT INTO messages (endpoint, key, order_key, kind, digest, fields, body, attempts,"
                                " state, accepted_at, expires_at, due_at, settled_at, last_error)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, NULL, '')"));
  row.bind(draft.endpoint).bind(draft.key).bind(draft.order_key).bind(draft.kind).bind(digest).bind(fields);
  row.bind_bytes(draft.body).bind(draft.attempts).bind(now).bind(now + draft.keep).bind(due);
  BASE_TRY_VOID(row.run());
  change.waiting(draft.endpoint, 1);
  return Accepted{database_->last_id(), false};
}

/// No pause is longer than that of the pace: what is due later was put off by a clock that was ahead.
base::Result<void> Outbox::bring_back(const Claim& claim, base::Instant now) {
  const base::Instant latest = now + claim.attempt_time + std::max(claim.pace.pause, claim.pace.longest_pause);
  {
    BASE_TRY(Statement row, database_->statement("SELECT 1 FROM messages WHERE state = 0 AND endpoint = ?"
                                                 " AND due_at > ? AND due_at < ? LIMIT 1"));
    BASE_TRY(const bool any, row.bind(claim.endpoint).bind(latest).bind(kBehindAnother).step());
    if (!any) return {};
  }
  BASE_TRY(Change change, Change::begin(*this));
  {
    BASE_TRY(Statement row, database_->statement("UPDATE messages SET due_at = ? WHERE state = 0 AND endpoint = ?"
                                                 " AND due_at > ? AND due_at < ?"));
    BASE_TRY_VOID(row.bind(now).bind(claim.endpoint).bind(latest).bind(kBehindAnother).run());
  }
  return change.commit();
}

base::Result<std::vector<Message>> Outbox::claim(const Claim& claim, base::Instant now) {
  BASE_TRY_VOID(bring_back(claim, now));
  std::vector<Message> due;
  {
    BASE_TRY(Statement rows, database_->statement(kClaim));
    rows.bind(claim.endpoint).bind(now).bind(now);
    while (std::ssize(due) < claim.limit) {
      BASE_TRY(const bool row, rows.step());
      if (!row) break;
      if (!claimed_.contains(rows.whole(0))) due.push_back(read_message(rows));
    }
  }
  if (due.empty()) return due;
  BASE_TRY(Change change, Change::begin(*this));
  for (Message& message : due) {
    ++message.attempts;
    const base::Instant again = now + claim.attempt_time + pause_after(claim.pace, message.attempts);
    BASE_TRY(Statement row, database_->statement("UPDATE messages SET attempts = ?, due_at = ? WHERE id = ?"));
    BASE_TRY_VOID(row.bind(message.attempts).bind(again).bind(message.id).run());
  }
  BASE_TRY_VOID(change.commit());
  for (const Message& message : due)
    claimed_.insert(message.id);
  return due;
}

base::Result<void> Outbox::settle_all(std::span<const Settlement> settlements, base::Instant now) {
  // Their attempts are over, whether we can write that down or not.
  for (const Settlement& settlement : settlements)
    claimed_.erase(settlement.id);
  BASE_TRY(Change change, Change::begin(*this));
  for (const Settlement& settlement : settlements)
    BASE_TRY_VOID(settle(settlement, now, change));
  return change.commit();
}

base::Result<void> Outbox::settle(const Settlement& settlement, base::Instant now, Change& change) {
  if (!settlement.error.empty()) {
    BASE_TRY(Statement row,
             database_->statement("UPDATE messages SET last_error = ?, due_at = ? WHERE id = ? AND state = 0"));
    const base::Instant again = now + pause_after(settlement.pace, settlement.attempts);
    BASE_TRY_VOID(row.bind(settlement.error).bind(again).bind(settlement.id).run());
  }
  // An older one with its order key may have been replayed meanwhile.
  if (!settlement.error.empty()) return arrange(settlement.endpoint, settlement.order_key, now);
  {
    BASE_TRY(Statement row, database_->statement("UPDATE messages SET state = 1, settled_at = ?, fields = '[]',"
                                                 " body = x'' WHERE id = ? AND state = 0"));
    BASE_TRY_VOID(row.bind(now).bind(settlement.id).run());
  }
  if (database_->changed() == 0) return {};  // an operator was faster
  change.waiting(settlement.endpoint, -1);
  return arrange(settlement.endpoint, settlement.order_key, now);
}

/// Of those with one order key, the oldest that waits is due at its time, and the others stand behind it.
base::Result<void> Outbox::arrange(const std::string& endpoint, const std::string& order_key, base::Instant now) {
  if (order_key.empty()) return {};
  std::int64_t head = 0;
  {
    BASE_TRY(Statement oldest, database_->statement("SELECT MIN(id) FROM messages WHERE state = 0 AND endpoint = ?"
                                                    " AND order_key = ? AND order_key <> ''"));
    BASE_TRY(const bool row, oldest.bind(endpoint).bind(order_key).step());
    if (!row || oldest.is_null(0)) return {};
    head = oldest.whole(0);
  }
  {
    BASE_TRY(Statement row, database_->statement("UPDATE messages SET due_at = ? WHERE id = ? AND due_at = ?"));
    BASE_TRY_VOID(row.bind(now).bind(head).bind(kBehindAnother).run());
  }
  BASE_TRY(Statement row,
           database_->statement("UPDATE messages SET due_at = ? WHERE state = 0 AND endpoint = ? AND order_key = ?"
                                " AND order_key <> '' AND id > ? AND due_at <> ?"));
  return row.bind(kBehindAnother).bind(endpoint).bind(order_key).bind(head).bind(kBehindAnother).run();
}

}  // namespace countersign::outbox
