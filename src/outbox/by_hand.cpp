// What an operator does with an outbox: look, replay, discard.
#include "outbox/change.h"

namespace countersign::outbox {
namespace {

tl::unexpected<base::Error> not_found(std::int64_t id) {
  return base::fail(base::Kind::not_found, "outbox.not_found", "there is no message " + std::to_string(id));
}

}  // namespace

base::Result<std::vector<Message>> Outbox::list(const Query& query) {
  BASE_TRY(Statement rows,
           database_->statement("SELECT id, endpoint, key, order_key, kind, attempts, state, accepted_at, expires_at,"
                                " due_at, settled_at, last_error FROM messages"
                                " WHERE id > ? AND (? = '' OR endpoint = ?) AND (? < 0 OR state = ?)"
                                " ORDER BY id LIMIT ?"));
  const std::int64_t state = query.state ? static_cast<std::int64_t>(*query.state) : -1;
  rows.bind(query.after).bind(query.endpoint).bind(query.endpoint).bind(state).bind(state);
  rows.bind(std::min(query.limit, kListLimit));
  std::vector<Message> all;
  for (;;) {
    BASE_TRY(const bool row, rows.step());
    if (!row) return all;
    all.push_back(read_summary(rows));
  }
}

base::Result<std::optional<Message>> Outbox::find(std::int64_t id) {
  BASE_TRY(Statement row, database_->statement("SELECT id, endpoint, key, order_key, kind, attempts, state,"
                                               " accepted_at, expires_at, due_at, settled_at, last_error, fields, body"
                                               " FROM messages WHERE id = ?"));
  BASE_TRY(const bool there, row.bind(id).step());
  if (!there) return std::optional<Message>();
  return std::optional(read_message(row));
}

base::Result<void> Outbox::replay(std::int64_t id, base::Duration keep, base::Instant now) {
  BASE_TRY(const std::optional<Message> message, find(id));
  if (!message) return not_found(id);
  if (message->state == State::delivered)
    return base::fail(base::Kind::conflict, "outbox.state", "the message was delivered; its content is gone");
  BASE_TRY(Change change, Change::begin(*this));
  BASE_TRY_VOID(revive(*message, keep, now, change));
  return change.commit();
}

/// An older message with the same order key goes first all the same.
base::Result<void> Outbox::revive(const Message& message, base::Duration keep, base::Instant now, Change& change) {
  {
    BASE_TRY(Statement row, database_->statement("UPDATE messages SET state = 0, settled_at = NULL, due_at = ?,"
                                                 " expires_at = ? WHERE id = ?"));
    BASE_TRY_VOID(row.bind(now).bind(now + keep).bind(message.id).run());
  }
  if (message.state == State::dead) {
    change.dead(message.content.endpoint, -1);
    change.waiting(message.content.endpoint, 1);
  }
  return arrange(message.content.endpoint, message.content.order_key, now);
}

base::Result<std::int64_t> Outbox::replay_dead(const std::string& endpoint, base::Duration keep, base::Instant now) {
  std::vector<Message> dead;
  {
    BASE_TRY(Statement rows,
             database_->statement("SELECT id, endpoint, key, order_key, kind, attempts, state, accepted_at,"
                                  " expires_at, due_at, settled_at, last_error FROM messages"
                                  " WHERE state = 2 AND endpoint = ? ORDER BY id LIMIT 500"));
    rows.bind(endpoint);
    for (;;) {
      BASE_TRY(const bool row, rows.step());
      if (!row) break;
      dead.push_back(read_summary(rows));
    }
  }
  BASE_TRY(Change change, Change::begin(*this));
  for (const Message& message : dead)
    BASE_TRY_VOID(revive(message, keep, now, change));
  BASE_TRY_VOID(change.commit());
  return std::ssize(dead);
}

base::Result<void> Outbox::discard(std::int64_t id) {
  BASE_TRY(const std::optional<Message> message, find(id));
  if (!message) return not_found(id);
  if (message->state != State::dead)
    return base::fail(base::Kind::conflict, "outbox.state",
                      "only a dead letter can be discarded; this one is " + std::string(name(message->state)));
  BASE_TRY(Change change, Change::begin(*this));
  {
    BASE_TRY(Statement row, database_->statement("DELETE FROM messages WHERE id = ?"));
    BASE_TRY_VOID(row.bind(id).run());
  }
  change.dead(message->content.endpoint, -1);
  return change.commit();
}

}  // namespace countersign::outbox
