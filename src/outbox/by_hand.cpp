// What an operator does with an outbox: look, replay, discard.
#include <algorithm>

#include "outbox/change.h"

namespace countersign::outbox {
namespace {

tl::unexpected<base::Error> not_found(std::int64_t id) {
  return base::fail(base::Kind::not_found, "outbox.not_found", "there is no message " + std::to_string(id));
}

}  // namespace

base::Result<std::vector<Message>> Outbox::list(const Query& query) {
  const std::int64_t state = query.state ? static_cast<std::int64_t>(*query.state) : -1;
  return twice([&]() -> base::Result<std::vector<Message>> {
    BASE_TRY(
        const Rows found,
        database_->run("SELECT " OUTBOX_SUMMARY " FROM messages"
                       " WHERE id > ? AND (? = '' OR endpoint = ?) AND (? < 0 OR state = ?) ORDER BY id LIMIT ?",
                       {query.after, query.endpoint, query.endpoint, state, state, std::min(query.limit, kListLimit)}));
    std::vector<Message> all;
    for (const Row& row : found.rows)
      all.push_back(read_summary(row));
    return all;
  });
}

base::Result<std::optional<Message>> Outbox::find(std::int64_t id) {
  return twice([&]() -> base::Result<std::optional<Message>> {
    BASE_TRY(const Rows found,
             database_->run("SELECT " OUTBOX_SUMMARY ", fields, body FROM messages WHERE id = ?", {id}));
    if (found.rows.empty()) return std::optional<Message>();
    return std::optional(read_message(found.rows.front()));
  });
}

base::Result<void> Outbox::replay(std::int64_t id, base::Duration keep, base::Instant now) {
  BASE_TRY(const std::optional<Message> message, find(id));
  if (!message) return not_found(id);
  return twice([&]() -> base::Result<void> {
    BASE_TRY(Change change, Change::begin(*this, {message->content.endpoint}));
    BASE_TRY(const State state, state_of(id));
    if (state == State::delivered)
      return base::fail(base::Kind::conflict, "outbox.state", "the message was delivered; its content is gone");
    BASE_TRY_VOID(revive(*message, state, Until{keep, now}, change));
    return change.commit();
  });
}

/// Now that its endpoint is taken. Fails: `outbox.not_found`.
base::Result<State> Outbox::state_of(std::int64_t id) {
  BASE_TRY(const Rows found, database_->run("SELECT state FROM messages WHERE id = ?", {id}));
  if (found.rows.empty()) return not_found(id);
  return static_cast<State>(found.rows.front().whole(0));
}

/// An older message with the same order key goes first all the same. What another sender holds is due when its attempt
/// is over.
base::Result<void> Outbox::revive(const Message& message, State state, const Until& until, Change& change) {
  BASE_TRY_VOID(
      database_->run("UPDATE messages SET state = 0, settled_at = NULL, expires_at = ?,"
                     " due_at = CASE WHEN holder = 0 OR holder = ? THEN ? ELSE due_at END WHERE id = ?",
                     {until.now + until.keep, database_->holder(), until.now, message.id}));
  if (state == State::dead) {
    change.dead(message.content.endpoint, -1);
    change.waiting(message.content.endpoint, 1);
  }
  return arrange(message.content.endpoint, message.content.order_key, until.now);
}

base::Result<std::int64_t> Outbox::replay_dead(const std::string& endpoint, base::Duration keep, base::Instant now) {
  return twice([&]() -> base::Result<std::int64_t> {
    BASE_TRY(Change change, Change::begin(*this, {endpoint}));
    BASE_TRY(const Rows dead, database_->run("SELECT " OUTBOX_SUMMARY " FROM messages"
                                             " WHERE state = 2 AND endpoint = ? ORDER BY id LIMIT 500",
                                             {endpoint}));
    for (const Row& row : dead.rows)
      BASE_TRY_VOID(revive(read_summary(row), State::dead, Until{keep, now}, change));
    BASE_TRY_VOID(change.commit());
    return std::ssize(dead.rows);
  });
}

base::Result<void> Outbox::discard(std::int64_t id) {
  BASE_TRY(const std::optional<Message> message, find(id));
  if (!message) return not_found(id);
  return twice([&]() -> base::Result<void> {
    BASE_TRY(Change change, Change::begin(*this, {message->content.endpoint}));
    BASE_TRY(const State state, state_of(id));
    if (state != State::dead)
      return base::fail(base::Kind::conflict, "outbox.state",
                        "only a dead letter can be discarded; this one is " + std::string(name(state)));
    BASE_TRY_VOID(database_->run("DELETE FROM messages WHERE id = ?", {id}));
    change.dead(message->content.endpoint, -1);
    return change.commit();
  });
}

}  // namespace countersign::outbox
