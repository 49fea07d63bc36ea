// Outbox: messages on disk (SQLite, write-ahead log, synchronous=FULL) until they are delivered: at least once.
//
// All functions are one transaction: durable as a whole when they return, or without effect. What was claimed and not
// settled - the process died - is due again after its pause. Not thread-safe: belongs to one thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "outbox/message.h"

namespace countersign::outbox {

class Database;
class Statement;

class Outbox {
 public:
  struct Options {
    std::filesystem::path file;
    std::int64_t messages = 1'000'000;  ///< waiting and dead ones; more are refused
  };
  struct Accepted {
    std::int64_t id;
    bool repeated;  ///< the same key and content was there already
  };
  struct Claim {
    std::string endpoint;
    std::int64_t limit;           ///< at most so many messages
    base::Duration attempt_time;  ///< an attempt is over by then
    Pace pace;
  };
  struct Settlement {
    std::int64_t id;
    std::string endpoint;
    std::string order_key;
    std::int64_t attempts;
    std::string error;  ///< empty: delivered
    Pace pace;
  };
  struct Swept {
    std::vector<Message> dead;  ///< without bodies; at most kSweep
    bool more = false;
  };
  struct Cutoff {
    std::string endpoint;
    base::Duration interval;
    base::Duration keep;
  };
  struct Query {
    std::string endpoint = {};        ///< empty: of all
    std::optional<State> state = {};  ///< absent: in any
    std::int64_t after = 0;           ///< ids above this
    std::int64_t limit = kListLimit;
  };
  struct Count {
    std::int64_t waiting = 0, dead = 0;
  };
  static constexpr std::int64_t kListLimit = 1000;
  static constexpr std::int64_t kSweep = 500;

  /// Makes the file (0600) where there is none. Fails: `outbox.in_use`, `outbox.corrupt`, `outbox.too_new`,
  /// `outbox.unavailable`.
  static base::Result<Outbox> open(Options options);
  Outbox(Outbox&&) noexcept;
  ~Outbox();

  /// Each draft's own answer in its order: `outbox.key_reused` (same key, other content), `outbox.full`.
  /// Fails as a whole: `outbox.unavailable`, `outbox.corrupt`; then none was taken, as far as anybody will see.
  base::Result<std::vector<base::Result<Accepted>>> put_all(std::span<const Draft> drafts, base::Instant now);
  /// What is due, oldest first, with one more attempt counted; nobody gets these until they are settled.
  base::Result<std::vector<Message>> claim(const Claim& claim, base::Instant now);
  /// What became of attempts. When this fails the messages wait for their next attempt all the same.
  base::Result<void> settle_all(std::span<const Settlement> settlements, base::Instant now);

  /// Ends what is over: waiting messages die, delivered ones are forgotten.
  base::Result<Swept> sweep(base::Instant now);
  /// Puts a message with the counts of what was put since the last one, once `interval` has passed; at the first call
  /// the time begins. True: it did.
  base::Result<bool> put_cutoff(const Cutoff& cutoff, base::Instant now);

  /// In the order of ids, without fields and bodies.
  base::Result<std::vector<Message>> list(const Query& query);
  base::Result<std::optional<Message>> find(std::int64_t id);
  /// A dead or waiting message is due now, and kept for `keep` from now. Fails: `outbox.not_found`, `outbox.state`.
  base::Result<void> replay(std::int64_t id, base::Duration keep, base::Instant now);
  /// The same for dead ones of the endpoint, oldest first, at most kSweep; how many.
  base::Result<std::int64_t> replay_dead(const std::string& endpoint, base::Duration keep, base::Instant now);
  /// Forgets a dead one for good. Fails: `outbox.not_found`, `outbox.state`.
  base::Result<void> discard(std::int64_t id);

  /// By endpoint; kept up to date without asking the disk.
  const std::map<std::string, Count>& counts() const { return counts_; }

 private:
  class Change;
  explicit Outbox(Options options);
  base::Result<void> load_counts();
  base::Result<base::Result<Accepted>> put_one(const Draft& draft, base::Instant now, Change& change);
  base::Result<Accepted> insert(const Draft& draft, const std::string& digest, base::Instant now, Change& change);
  base::Result<void> settle(const Settlement& settlement, base::Instant now, Change& change);
  base::Result<void> bring_back(const Claim& claim, base::Instant now);
  base::Result<void> arrange(const std::string& endpoint, const std::string& order_key, base::Instant now);
  base::Result<void> revive(const Message& message, base::Duration keep, base::Instant now, Change& change);
  base::Result<void> bury(const Message& message, base::Instant now, Change& change);

  Options options_;
  std::unique_ptr<Database> database_;
  std::set<std::int64_t> claimed_;  ///< by this process, and not settled yet
  std::map<std::string, Count> counts_;
};

}  // namespace countersign::outbox
