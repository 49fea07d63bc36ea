// Gate: the policy in force, and the only way past it.
//
// A connection has one Standing; each of its requests is decided by it, and what is let through is a Permit, which
// nothing else can make (law 3). The gateway's Exchange takes one, so that forgetting to ask does not compile.
// A Gate is shared by all workers; each worker looks at it through a View of its own, which its Standings borrow; a
// Permit lives as long as its request, and may outlive its Standing. An idle connection keeps no old policy alive.
#pragma once

#include "base/log.h"
#include "base/published.h"
#include "policy/account.h"
#include "policy/decision.h"

namespace countersign::policy {

class Gate {
 public:
  /// Borrows `log`.
  Gate(PolicyPointer policy, const base::Log& log) : log_(log), policy_(std::move(policy)) {}

  /// The next request of every connection is decided by `policy`; those under way end under the old one. Thread-safe.
  void replace(PolicyPointer policy);
  /// Is the newest file one that could not be taken over? For metrics.
  void note_file(bool broken) { file_broken_.store(broken, std::memory_order_relaxed); }
  /// Counts the policies there were since the start, from 1.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  PolicyPointer policy() const { return policy_.take(); }
  /// In the Prometheus text format: decisions of each application, refusals by code, generation, state of the file.
  std::string metrics() const;

 private:
  friend class View;
  friend class Standing;
  const base::Log& log_;
  base::Published<Policy> policy_;
  std::atomic<std::uint64_t> generation_{1};
  std::atomic<bool> file_broken_{false};
  Accounts applications_;
  Accounts organisations_;
};

class Permit;

/// The policy in force as one worker holds it: taken once a change, counted by this thread alone. Belongs to its
/// thread.
class View {
 public:
  /// Borrows `gate`.
  explicit View(Gate& gate) : gate_(gate) {}

 private:
  friend class Standing;
  friend class Permit;
  void refresh();
  Gate& gate_;
  std::uint64_t generation_ = 0;
  PolicyPointer policy_ = nullptr;  ///< shares the policy, with a count of its own
};

/// A caller's rights and accounts under one policy, which somebody else keeps.
struct Position {
  Rights rights;
  std::shared_ptr<Account> application;
  std::shared_ptr<Account> organisation;  ///< null for the anonymous
};

/// Leave for one request. While it lives, the request counts as under way.
class Permit {
 public:
  Permit(Permit&&) noexcept = default;
  Permit& operator=(Permit&&) = delete;
  ~Permit();

  /// Bytes of the request's body that came, of the response's that went: told as they pass, from one thread.
  void received(std::uint64_t bytes);
  void sent(std::uint64_t bytes);
  /// For what lasts: bytes are charged at `now` from here on. What is over a limit that is enforced: so long it waits,
  /// or, with Reason::day_used_up, it ends.
  std::optional<Excess> go_on(Now now);
  /// Is there another policy by now? What lasts is then to be decided anew.
  bool is_outdated(const View& view) const;
  /// Is this field to be kept from the upstream, because it holds an API key of ours?
  bool withholds(std::string_view field) const;

 private:
  friend class Standing;
  Permit(PolicyPointer policy, std::shared_ptr<const Position> position, Now now)
      : policy_(std::move(policy)), position_(std::move(position)), now_(now) {}
  PolicyPointer policy_;                      ///< by which it was decided
  std::shared_ptr<const Position> position_;  ///< null once moved from
  Now now_;
};

/// Why a request was not let through.
struct Denial {
  Reason reason;
  std::string detail;                    ///< what was asked by whom, what is missing and who can mend it
  std::int64_t retry_after_seconds = 0;  ///< of limits
  /// 403, or 429 with Retry-After (RFC 6585 section 4), as problem+json.
  http::Response to_response() const;
};

class Standing {
 public:
  /// Borrows `view`. `address`: where the connection comes from.
  Standing(View& view, Caller caller, std::string_view address);

  /// Decides, counts and, where it is refused, records: `policy.refused`, or `policy.would_refuse` in mode observe.
  base::Result<Permit, Denial> decide(const Request& request, Now now);

 private:
  void take_position(Now now);
  std::optional<Excess> begin(bool enforced, Now now) const;
  bool is_worth_a_record(Reason reason, std::uint64_t count) const;
  Denial deny(const Request& request, Reason reason, const Grant* grant, std::int64_t wait_nanos);
  void record_would_refuse(const Request& request, Reason reason);
  base::Fields record(const Request& request, Reason reason) const;

  View& view_;
  Caller caller_;
  std::string address_text_;
  std::optional<net::Address> address_;
  std::uint64_t generation_ = 0;
  std::shared_ptr<const Position> position_ = nullptr;  ///< of that generation: not to be used under another
};

}  // namespace countersign::policy
