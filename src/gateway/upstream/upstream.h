// Upstream: one upstream as one worker uses it: its connections, who gets the next request, and how many there may be.
// UpstreamCall is a request's way through it.
//
// Belongs to its loop's thread; what all workers know together is in UpstreamState.
#pragma once

#include <deque>
#include <memory>

#include "gateway/upstream/balance.h"
#include "gateway/upstream/connection.h"
#include "gateway/upstream/connector.h"
#include "gateway/upstream/retry_budget.h"
#include "gateway/upstream/shared_connection.h"

namespace countersign::gateway {

class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  struct Attempt;
  /// Kept connections of one address, and how many requests are under way there.
  struct Slot {
    std::shared_ptr<UpstreamAddress> address;
    std::size_t active = 0;
    bool current = true;  ///< still an address of the upstream
    struct Idle {
      std::unique_ptr<UpstreamConnection> connection;
      net::Deadline until;
    };
    std::deque<Idle> idle = {};                                  ///< newest at the back
    std::vector<std::shared_ptr<SharedConnection>> shared = {};  ///< of HTTP/2; those that have ended are swept out
    std::vector<std::weak_ptr<Attempt>> orphans = {};            ///< nobody waits for these: the next one takes them
    bool connecting = false;                                     ///< a connection that others may share is being made
    bool speaks_http1 = false;                                   ///< by its ALPN, when it was connected to last

    bool has_kept() const;
  };
  /// A connection that was made: of one request at a time, or shared already.
  struct Made {
    std::unique_ptr<UpstreamConnection> own;
    std::shared_ptr<SharedConnection> shared;
  };

  /// A connection on its way. Whoever wants it may go: then it is for the next one, or is kept.
  struct Attempt {
    std::shared_ptr<Slot> slot;
    Breaker::Seat seat;
    ClientAddresses client;
    net::Deadline deadline;
    std::uint64_t version;                           ///< of the state, before its credential was looked at
    net::Signal* waits;                              ///< of whoever wants it; null: nobody does
    std::optional<base::Result<Made>> outcome = {};  ///< raised when it is there
  };

  Upstream(UpstreamConnector::Needs needs, std::shared_ptr<UpstreamState> state, Dice dice);

  const UpstreamSettings& settings() const { return state_->settings(); }
  UpstreamState& state() { return *state_; }
  Breaker& breaker() { return *breaker_; }
  RetryBudget& budget() { return budget_; }
  const base::Log& log() const { return needs_.log; }
  net::Loop& loop() const { return needs_.loop; }

  /// Who gets a request that those in `tried` have had already; null where nobody is left.
  std::shared_ptr<Slot> choose(const std::vector<const Slot*>& tried);
  /// Are all addresses down by their health checks?
  bool is_down() const;
  /// A kept connection on which nothing unexpected arrived, or null.
  std::unique_ptr<UpstreamConnection> take_idle(Slot& slot);
  /// One of HTTP/2 with room for another request, or null.
  std::shared_ptr<SharedConnection> find_shared(Slot& slot);
  /// What whoever wants a connection brings.
  struct Wanted {
    ClientAddresses client;
    net::Deadline deadline;
    net::Signal& woken;  ///< borrowed until there is an outcome, or leave_attempt()
  };
  /// Takes over a connection that is on its way to nobody and has time left, or begins one. Null where there is no seat
  /// for one, or it is better to wait for one that is being made.
  std::shared_ptr<Attempt> attempt(const std::shared_ptr<Slot>& slot, Wanted wanted);
  /// Whoever wanted it wants it no more.
  void leave_attempt(const std::shared_ptr<Attempt>& attempt);
  /// Waits for a connection of another request to become free. False: as Breaker::wait().
  net::Task<bool> wait_for_room(net::Signal& woken, net::Deadline deadline);
  void give_back(Slot& slot, std::unique_ptr<UpstreamConnection> connection);
  void note_failure(Slot& slot, std::string_view why);

  /// No request comes any more: kept connections end now, those under way with their request.
  void retire();
  /// Closes what has been idle too long, or is not to be used any more.
  void sweep();
  /// The registry may have changed, and time passes: cuts connections whose certificate is not believed any more, with
  /// the requests on them.
  void reconsider();
  /// Closes every kept connection; the loop is about to end.
  void close();

 private:
  void refresh();
  bool may_serve(UpstreamPeer& peer) const { return peer.version() >= credential_since_ && peer.is_believed(); }
  std::unique_ptr<UpstreamConnection> take_known_silent(Slot& slot) const;
  void drop_unusable();
  /// Is it not better to wait for the one that is being made?
  bool may_connect(const Slot& slot) const { return !slot.connecting || !may_share(slot); }
  /// A seat for a new connection, kept ones of others given up for it where that helps; empty when there is none.
  Breaker::Seat take_seat();
  static net::Task<void> make(std::shared_ptr<Upstream> self, std::shared_ptr<Attempt> attempt);
  void keep_for_others(Attempt& attempt);
  bool may_share(const Slot& slot) const {
    return settings().protocol != UpstreamProtocol::http1 && !slot.speaks_http1;
  }
  static void give_up(Slot& slot);
  base::Result<Made> take_over(Attempt& attempt, UpstreamConnector::Opened opened);
  bool is_full() const { return breaker_->connections() >= state_->settings().limits.connections; }

  UpstreamConnector::Needs needs_;
  std::shared_ptr<UpstreamState> state_;
  UpstreamConnector connector_;
  std::shared_ptr<Breaker> breaker_;
  std::shared_ptr<UpstreamPeers> peers_;
  RetryBudget budget_;
  Dice dice_;
  std::uint64_t version_ = 0;
  std::shared_ptr<const tls::Credential> credential_;
  std::uint64_t credential_since_ = 0;  ///< connections of an earlier version showed another certificate
  std::vector<std::shared_ptr<Slot>> slots_;
  std::vector<Candidate> candidates_;  ///< scratch of choose()
};

}  // namespace countersign::gateway
