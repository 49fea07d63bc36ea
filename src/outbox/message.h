// Message: what an outbox holds, and what of it is decided when it is put there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace countersign::outbox {

/// `waiting` until it is delivered, or `dead`: its time is over, and a person must look.
enum class State { waiting, delivered, dead };

std::string_view name(State state);
std::optional<State> parse_state(std::string_view text);

/// What somebody asks to be delivered.
struct Draft {
  std::string endpoint;        ///< for whom
  std::string key;             ///< the idempotency key: stands for one content at this endpoint
  std::string order_key = {};  ///< those with the same one are delivered in the order they were put; empty: no order
  std::string kind;            ///< "advice", "outcome" or "cutoff"
  std::vector<std::pair<std::string, std::string>> fields = {};  ///< sent along, as they are
  std::string body = {};                                         ///< any bytes
  std::string stands_for = {};  ///< with kind, order key and body what two with one key must share
  std::int64_t attempts = 0;    ///< made already, elsewhere
  base::Duration keep{};        ///< after that it is dead
};

struct Message {
  std::int64_t id = 0;  ///< rises in the order of put()
  Draft content;        ///< of a delivered one without fields and body
  State state = State::waiting;
  std::int64_t attempts = 0;  ///< with that which claim() handed it out for
  base::Instant accepted_at;
  base::Instant expires_at;
  base::Instant due_at;
  std::optional<base::Instant> settled_at;  ///< when it was delivered, or died
  std::string last_error;                   ///< why the last attempt did not do; empty: none failed
};

/// How often and how long.
struct Pace {
  base::Duration pause = std::chrono::minutes(2);  ///< between the first `repeats` attempts
  std::int64_t repeats = 5;
  base::Duration longest_pause = std::chrono::hours(1);  ///< then pauses double up to this
};

/// The pause after attempt number `attempt`, which counts from 1.
base::Duration pause_after(const Pace& pace, std::int64_t attempt);

}  // namespace countersign::outbox
