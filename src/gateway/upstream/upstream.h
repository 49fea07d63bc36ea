// Upstream: one upstream as one worker uses it: its connections, who gets the next request, and how many there may be.
// UpstreamCall is a request's way through it.
//
// Belongs to its loop's thread; what all workers know together is in UpstreamState.
#pragma once

#include <deque>
#include <memory>

#include "gateway/upstream/balance.h"
#include "gateway/upstream/breaker.h"
#include "gateway/upstream/connector.h"
#include "gateway/upstream/retry_budget.h"
#include "gateway/upstream/shared_connection.h"
#include "http/h1_reader.h"

namespace countersign::gateway {

/// One connection to an upstream and what was read of it.
struct UpstreamConnection {
  UpstreamConnection(UpstreamConnector::Opened opened, Breaker::Seat s, std::shared_ptr<UpstreamState> of,
                     std::uint64_t of_version)
      : stream(std::move(opened.stream)),
        reader(*stream, {}),
        valid_until(opened.valid_until),
        version(of_version),
        seat(std::move(s)),
        state(std::move(of)) {
    state->counts.connections.fetch_add(1, std::memory_order_relaxed);
  }
  ~UpstreamConnection() { state->counts.connections.fetch_sub(1, std::memory_order_relaxed); }
  UpstreamConnection(const UpstreamConnection&) = delete;

  std::unique_ptr<net::Stream> stream;
  http::H1Reader reader;
  base::Instant valid_until;
  std::uint64_t version;  ///< of the state's credential and addresses when it was begun
  Breaker::Seat seat;
  std::shared_ptr<UpstreamState> state;
  bool is_known_silent() const { return !reader.has_buffered() && stream->is_known_silent(); }
  bool is_silent() const { return !reader.has_buffered() && !stream->has_unexpected_input(); }

  bool reused = false;    ///< it has served a request before
  std::string head = {};  ///< of the last request on it; its memory serves the next one
};

class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
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
    bool connecting = false;                                     ///< a connection that others may share is being made
    bool speaks_http1 = false;                                   ///< by its ALPN, when it was connected to last

    bool has_kept() const;
  };
  /// A connection that was made: of one request at a time, or shared already.
  struct Made {
    std::unique_ptr<UpstreamConnection> own;
    std::shared_ptr<SharedConnection> shared;
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
  /// Is it not better to wait for the one that is being made?
  bool may_connect(const Slot& slot) const { return !slot.connecting || !may_share(slot); }
  /// A seat for a new connection, kept ones of others given up for it where that helps; empty when there is none.
  Breaker::Seat take_seat();
  net::Task<base::Result<Made>> connect(std::shared_ptr<Slot> slot, Breaker::Seat seat, ClientAddresses client,
                                        net::Deadline deadline);
  /// Waits for a connection of another request to become free. False: not in time, or too many wait.
  net::Task<bool> wait_for_room(net::Deadline deadline);
  void give_back(Slot& slot, std::unique_ptr<UpstreamConnection> connection);
  void note_failure(Slot& slot, std::string_view why);

  /// No request comes any more: kept connections end now, those under way with their request.
  void retire();
  /// Closes what has been idle too long, or is not to be used any more.
  void sweep();
  /// Closes every kept connection; the loop is about to end.
  void close();

 private:
  void refresh();
  bool may_serve(std::uint64_t version, base::Instant valid_until) const;
  std::unique_ptr<UpstreamConnection> take_known_silent(Slot& slot) const;
  bool may_share(const Slot& slot) const {
    return settings().protocol != UpstreamProtocol::http1 && !slot.speaks_http1;
  }
  static void give_up(Slot& slot);
  Made take_over(const std::shared_ptr<Slot>& slot, UpstreamConnector::Opened opened, Breaker::Seat seat,
                 std::uint64_t version);
  bool is_full() const { return breaker_->connections() >= state_->settings().limits.connections; }

  UpstreamConnector::Needs needs_;
  std::shared_ptr<UpstreamState> state_;
  UpstreamConnector connector_;
  std::shared_ptr<Breaker> breaker_;
  RetryBudget budget_;
  Dice dice_;
  std::uint64_t version_ = 0;
  std::shared_ptr<const tls::Credential> credential_;
  std::uint64_t credential_since_ = 0;  ///< connections of an earlier version showed another certificate
  std::vector<std::shared_ptr<Slot>> slots_;
  std::vector<Candidate> candidates_;  ///< scratch of choose()
};

}  // namespace countersign::gateway
