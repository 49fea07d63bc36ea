// Outbox: messages on disk until they are delivered: at least once. In a SQLite file of this process alone
// (write-ahead log, synchronous=FULL), or in a PostgreSQL that several senders share (synchronous_commit=on).
//
// All functions are one transaction: durable as a whole when they return, or without effect; on PostgreSQL, where the
// connection is lost, tried once again. What was claimed and not settled - the process died - is due again after its
// pause, by whoever claims next. Not thread-safe: belongs to one thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "outbox/message.h"
#include "postgres/address.h"

namespace countersign::outbox {

class Database;

class Outbox {
 public:
  /// A little more than a server that is well takes to give up a statement itself.
  static constexpr base::Duration kPatience = std::chrono::seconds(12);
  struct Options {
    std::filesystem::path file;                    ///< unless it is shared
    std::optional<postgres::Address> shared = {};  ///< a database that other senders may work on, too
    std::int64_t messages = 1'000'000;             ///< waiting and dead ones; more are refused
    base::Duration patience = kPatience;           ///< with the server of a shared one, for each answer
    const base::Clock* clock = nullptr;  ///< compared with that of a shared outbox; borrowed. Null: not compared
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
    enum class Which { all, cutoffs, others } which = Which::all;
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
  /// So much the clocks of senders that share an outbox may differ: so much longer a claim is left to another one.
  static constexpr base::Duration kClockTolerance = std::chrono::seconds(5);

  /// Makes the file (0600), or the schema `countersign_outbox`, where there is none. Fails: `outbox.in_use`,
  /// `outbox.corrupt`, `outbox.too_new`, `outbox.unavailable`, `outbox.clock`; `outbox.unfit_server` when a database
  /// does not keep what it confirms, or would let the sender into the registry.
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

  /// By endpoint.
  base::Result<std::map<std::string, Count>> counts();

 private:
  class Change;
  explicit Outbox(Options options);
  base::Result<void> load_counts();
  base::Result<base::Result<Accepted>> put_one(const Draft& draft, base::Instant now, Change& change);
  base::Result<Accepted> insert(const Draft& draft, const std::string& digest, base::Instant now, Change& change);
  base::Result<void> settle(const Settlement& settlement, base::Instant now, Change& change);
  base::Result<std::vector<Message>> claim_due(const Claim& claim, base::Instant now);
  base::Result<void> bring_back(const Claim& claim, base::Instant now);
  base::Result<void> arrange(const std::string& endpoint, const std::string& order_key, base::Instant now);
  struct Until {
    base::Duration keep;
    base::Instant now;
  };
  base::Result<State> state_of(std::int64_t id);
  base::Result<void> revive(const Message& message, State state, const Until& until, Change& change);
  base::Result<bool> bury(const Message& message, base::Instant now, Change& change);
  base::Result<std::vector<Message>> find_dying(base::Instant now);
  base::Result<void> sum_up_counts();
  /// Once more where the database says that this may do.
  template <class Work>
  auto twice(Work work) -> decltype(work());

  Options options_;
  std::unique_ptr<Database> database_;
  std::set<std::int64_t> claimed_;       ///< by this process, and not settled yet
  std::map<std::string, Count> counts_;  ///< of a file; those of a shared outbox are asked for
};

}  // namespace countersign::outbox
