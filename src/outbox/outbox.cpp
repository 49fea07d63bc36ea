#include "outbox/outbox.h"

#include <algorithm>
#include <limits>

#include "crypto/digest.h"
#include "outbox/change.h"

namespace countersign::outbox {
namespace {

/// What two messages with one key must share. Trace contexts and the like may differ between repetitions.
std::string digest_of(const Draft& draft) {
  std::string lengths = std::to_string(draft.kind.size()) + "," + std::to_string(draft.order_key.size());
  if (!draft.stands_for.empty()) lengths += "," + std::to_string(draft.stands_for.size());
  return base::to_hex(
      crypto::sha256({base::as_bytes(lengths + ":"), base::as_bytes(draft.kind), base::as_bytes(draft.order_key),
                      base::as_bytes(draft.stands_for), base::as_bytes(draft.body)}));
}

// What another sender holds is left to it until its claim is over, by whichever clock.
#define OUTBOX_CLAIM                                                                                 \
  "SELECT " OUTBOX_SUMMARY                                                                           \
  ", fields, body FROM messages WHERE state = 0 AND endpoint = ? AND due_at <= ? AND expires_at > ?" \
  " AND (holder = 0 OR holder = ? OR due_at <= ?) AND CASE kind WHEN 'cutoff' THEN ? ELSE ? END = 1" \
  " ORDER BY due_at, id LIMIT ?"
constexpr const char* kClaim = OUTBOX_CLAIM;
constexpr const char* kClaimShared = OUTBOX_CLAIM " FOR UPDATE SKIP LOCKED";

std::int64_t wants_cutoffs(const Outbox::Claim& claim) { return claim.which == Outbox::Claim::Which::others ? 0 : 1; }
std::int64_t wants_others(const Outbox::Claim& claim) { return claim.which == Outbox::Claim::Which::cutoffs ? 0 : 1; }

template <class Item>
std::vector<std::string> endpoints_of(std::span<const Item> items) {
  std::vector<std::string> endpoints;
  for (const Item& item : items)
    endpoints.push_back(item.endpoint);
  return endpoints;
}

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
  const bool shared = outbox.options_.shared.has_value();
  BASE_TRY(outbox.database_, shared ? open_postgresql(outbox.options_) : open_sqlite(outbox.options_));
  if (!shared) BASE_TRY_VOID(outbox.load_counts());
  return outbox;
}

base::Result<void> Outbox::load_counts() {
  BASE_TRY(const Rows found, database_->run("SELECT endpoint, state, COUNT(*) FROM messages WHERE state <> 1"
                                            " GROUP BY endpoint, state",
                                            {}));
  for (const Row& row : found.rows) {
    Count& count = counts_[row.text(0)];
    const bool waiting = static_cast<State>(row.whole(1)) == State::waiting;
    (waiting ? count.waiting : count.dead) = row.whole(2);
  }
  return {};
}

base::Result<std::map<std::string, Outbox::Count>> Outbox::counts() {
  if (!database_->is_shared()) return counts_;
  return twice([&]() -> base::Result<std::map<std::string, Count>> {
    BASE_TRY(const Rows found, database_->run("SELECT endpoint, CAST(SUM(waiting) AS BIGINT), CAST(SUM(dead) AS BIGINT)"
                                              " FROM count_changes GROUP BY endpoint",
                                              {}));
    std::map<std::string, Count> counts;
    for (const Row& row : found.rows)
      counts[row.text(0)] = {row.whole(1), row.whole(2)};
    return counts;
  });
}

base::Result<std::vector<base::Result<Outbox::Accepted>>> Outbox::put_all(std::span<const Draft> drafts,
                                                                          base::Instant now) {
  return twice([&]() -> base::Result<std::vector<base::Result<Accepted>>> {
    BASE_TRY(Change change, Change::begin(*this, endpoints_of(drafts)));
    std::vector<base::Result<Accepted>> answers;
    answers.reserve(drafts.size());
    for (const Draft& draft : drafts) {
      BASE_TRY(base::Result<Accepted> answer, put_one(draft, now, change));
      answers.push_back(std::move(answer));
    }
    BASE_TRY_VOID(change.commit());
    return answers;
  });
}

/// The outer failure is the disk's, the inner one this draft's alone.
base::Result<base::Result<Outbox::Accepted>> Outbox::put_one(const Draft& draft, base::Instant now, Change& change) {
  using Answer = base::Result<Accepted>;
  const std::string digest = digest_of(draft);
  BASE_TRY(const Rows known, database_->run("SELECT id, digest FROM messages WHERE endpoint = ? AND key = ?",
                                            {draft.endpoint, draft.key}));
  if (!known.rows.empty() && known.rows.front().text(1) == digest)
    return Answer(Accepted{known.rows.front().whole(0), true});
  if (!known.rows.empty())
    return Answer(base::fail(base::Kind::conflict, "outbox.key_reused",
                             "the key stands for another message already; take a new one for each message"));
  BASE_TRY(const std::int64_t held, change.held());
  if (held >= options_.messages)
    return Answer(base::fail(base::Kind::unavailable, "outbox.full",
                             "the outbox holds " + std::to_string(options_.messages) +
                                 " messages, as many as it may; see to the endpoints that do not take theirs"));
  BASE_TRY(const Accepted accepted, insert(draft, digest, now, change));
  return Answer(accepted);
}

/// `now` is from before the endpoint was taken, and by another clock: where a cut-off message was put meanwhile, this
/// one was accepted behind it, and so is in the next one's count.
base::Result<Outbox::Accepted> Outbox::insert(const Draft& draft, const std::string& digest, base::Instant now,
                                              Change& change) {
  std::int64_t due = now.micros;
  if (!draft.order_key.empty()) {
    BASE_TRY(const Rows earlier, database_->run("SELECT 1 FROM messages WHERE state = 0 AND endpoint = ?"
                                                " AND order_key = ? AND order_key <> '' LIMIT 1",
                                                {draft.endpoint, draft.order_key}));
    if (!earlier.rows.empty()) due = kBehindAnother;
  }
  const std::string fields = to_text(draft.fields);
  BASE_TRY(const Rows put,
           database_->run("INSERT INTO messages (endpoint, key, order_key, kind, digest, fields, body, attempts,"
                          " state, accepted_at, expires_at, due_at, settled_at, last_error)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0,"
                          " COALESCE((SELECT until + 1 FROM cutoffs WHERE endpoint = ? AND until >= ?), ?),"
                          " ?, ?, NULL, '') RETURNING id",
                          {draft.endpoint, draft.key, draft.order_key, draft.kind, digest, Bytes{fields},
                           Bytes{draft.body}, draft.attempts, draft.endpoint, now, now, now + draft.keep, due}));
  change.waiting(draft.endpoint, 1);
  return Accepted{put.rows.at(0).whole(0), false};
}

/// No pause is longer than that of the pace: what is due later was put off by a clock that was ahead.
base::Result<void> Outbox::bring_back(const Claim& claim, base::Instant now) {
  const base::Instant latest = now + claim.attempt_time + std::max(claim.pace.pause, claim.pace.longest_pause);
  const std::int64_t holder = database_->holder();
  BASE_TRY(const Rows any,
           database_->run("SELECT 1 FROM messages WHERE state = 0 AND endpoint = ? AND due_at > ? AND due_at < ?"
                          " AND (holder = 0 OR holder = ? OR due_at > ?) LIMIT 1",
                          {claim.endpoint, latest, kBehindAnother, holder, latest + kClockTolerance}));
  if (any.rows.empty()) return {};
  BASE_TRY(Change change, Change::begin(*this, {claim.endpoint}));
  BASE_TRY_VOID(
      database_->run("UPDATE messages SET due_at = ?, holder = 0 WHERE state = 0 AND endpoint = ? AND due_at > ?"
                     " AND due_at < ? AND (holder = 0 OR holder = ? OR due_at > ?)",
                     {now, claim.endpoint, latest, kBehindAnother, holder, latest + kClockTolerance}));
  return change.commit();
}

base::Result<std::vector<Message>> Outbox::claim(const Claim& claim, base::Instant now) {
  return twice([&]() -> base::Result<std::vector<Message>> {
    BASE_TRY_VOID(bring_back(claim, now));
    // Most looks find nothing: they cost no transaction.
    BASE_TRY(const Rows any, database_->run("SELECT 1 FROM messages WHERE state = 0 AND endpoint = ? AND due_at <= ?"
                                            " AND expires_at > ? AND CASE kind WHEN 'cutoff' THEN ? ELSE ? END = 1"
                                            " LIMIT 1",
                                            {claim.endpoint, now, now, wants_cutoffs(claim), wants_others(claim)}));
    if (any.rows.empty()) return std::vector<Message>();
    return claim_due(claim, now);
  });
}

/// It takes rows, not the endpoint: it waits for nobody.
base::Result<std::vector<Message>> Outbox::claim_due(const Claim& claim, base::Instant now) {
  BASE_TRY(Change change, Change::begin(*this, {}));
  const std::int64_t most = claim.limit + std::ssize(claimed_);
  BASE_TRY(const Rows found, database_->run(database_->is_shared() ? kClaimShared : kClaim,
                                            {claim.endpoint, now, now, database_->holder(), now - kClockTolerance,
                                             wants_cutoffs(claim), wants_others(claim), most}));
  std::vector<Message> due;
  for (const Row& row : found.rows)
    if (std::ssize(due) < claim.limit && !claimed_.contains(row.whole(0))) due.push_back(read_message(row));
  if (due.empty()) return due;
  for (Message& message : due) {
    ++message.attempts;
    const base::Instant again = now + claim.attempt_time + pause_after(claim.pace, message.attempts);
    BASE_TRY_VOID(database_->run("UPDATE messages SET attempts = ?, due_at = ?, holder = ? WHERE id = ?",
                                 {message.attempts, again, database_->holder(), message.id}));
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
  return twice([&]() -> base::Result<void> {
    BASE_TRY(Change change, Change::begin(*this, endpoints_of(settlements)));
    for (const Settlement& settlement : settlements)
      BASE_TRY_VOID(settle(settlement, now, change));
    return change.commit();
  });
}

base::Result<void> Outbox::settle(const Settlement& settlement, base::Instant now, Change& change) {
  if (!settlement.error.empty()) {
    const base::Instant again = now + pause_after(settlement.pace, settlement.attempts);
    // Whoever has claimed it since then has counted on: it is that one's.
    BASE_TRY_VOID(
        database_->run("UPDATE messages SET last_error = ?, due_at = ?, holder = 0"
                       " WHERE id = ? AND state = 0 AND attempts = ?",
                       {Bytes{settlement.error}, again, settlement.id, settlement.attempts}));
    // An older one with its order key may have been replayed meanwhile.
    return arrange(settlement.endpoint, settlement.order_key, now);
  }
  BASE_TRY(const Rows done, database_->run("UPDATE messages SET state = 1, settled_at = ?, fields = ?, body = ?,"
                                           " holder = 0 WHERE id = ? AND state = 0",
                                           {now, Bytes{"[]"}, Bytes{""}, settlement.id}));
  if (done.changed == 0) return {};  // an operator was faster
  change.waiting(settlement.endpoint, -1);
  return arrange(settlement.endpoint, settlement.order_key, now);
}

/// Of those with one order key, the oldest that waits is due at its time, and the others stand behind it.
base::Result<void> Outbox::arrange(const std::string& endpoint, const std::string& order_key, base::Instant now) {
  if (order_key.empty()) return {};
  BASE_TRY(const Rows oldest, database_->run("SELECT MIN(id) FROM messages WHERE state = 0 AND endpoint = ?"
                                             " AND order_key = ? AND order_key <> ''",
                                             {endpoint, order_key}));
  if (oldest.rows.empty() || oldest.rows.front().is_null(0)) return {};
  const std::int64_t head = oldest.rows.front().whole(0);
  BASE_TRY_VOID(
      database_->run("UPDATE messages SET due_at = ? WHERE id = ? AND due_at = ?", {now, head, kBehindAnother}));
  BASE_TRY_VOID(
      database_->run("UPDATE messages SET due_at = ? WHERE state = 0 AND endpoint = ? AND order_key = ?"
                     " AND order_key <> '' AND id > ? AND due_at <> ?",
                     {kBehindAnother, endpoint, order_key, head, kBehindAnother}));
  return {};
}

}  // namespace countersign::outbox
