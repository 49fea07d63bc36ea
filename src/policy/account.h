// Account: what one application, or one organisation as a whole, used and was refused. Shared by all workers of a
// gateway, without a lock; it outlives connections and reloads, not the process.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/meter.h"
#include "policy/reason.h"

namespace countersign::policy {

/// A request that is over a limit, and how long until another one could be let through.
struct Excess {
  Reason reason;
  std::int64_t wait_nanos;
};

class alignas(64) Account {
 public:
  explicit Account(std::string name) : name_(std::move(name)) {}

  /// One request more is under way, over a limit or not: end() it. Takes from the rate only when nothing is over.
  std::optional<Excess> begin(const Limits& limits, Now now);
  void end() { live_.fetch_sub(1, std::memory_order_relaxed); }
  /// The request that begin() let through was refused for somebody else's sake.
  void take_back(const Limits& limits);
  /// Are more bytes to wait, or to stay away until tomorrow? Of what is under way already.
  std::optional<Excess> over_bytes(const Limits& limits, Now now) const;
  /// `now` is that of the request's begin(), or later.
  void charge_in(const Limits& limits, std::uint64_t bytes, Now now);
  void charge_out(const Limits& limits, std::uint64_t bytes, Now now);

  using Counter = std::atomic<std::uint64_t>;
  /// Each gives back the count with this one.
  std::uint64_t count_permitted() { return permitted_.fetch_add(1, std::memory_order_relaxed) + 1; }
  std::uint64_t count_refused(Reason reason) { return add(refused_, reason); }
  std::uint64_t count_would_refuse(Reason reason) { return add(would_refuse_, reason); }

  const std::string& name() const { return name_; }
  std::uint64_t permitted() const { return permitted_.load(std::memory_order_relaxed); }
  std::uint64_t refused(Reason reason) const { return refused_[index(reason)].load(std::memory_order_relaxed); }
  std::uint64_t would_refuse(Reason reason) const {
    return would_refuse_[index(reason)].load(std::memory_order_relaxed);
  }
  std::uint32_t live() const { return live_.load(std::memory_order_relaxed); }
  /// Nothing would be different if this account were made anew: but for what was counted.
  bool is_at_rest(Now now) const;

 private:
  static std::size_t index(Reason reason) { return static_cast<std::size_t>(reason); }
  static std::uint64_t add(std::array<Counter, kReasons>& counters, Reason reason) {
    return counters[index(reason)].fetch_add(1, std::memory_order_relaxed) + 1;
  }

  const std::string name_;
  std::atomic<std::uint32_t> live_{0};
  RateMeter requests_;
  RateMeter bytes_in_;
  RateMeter bytes_out_;
  DayMeter day_in_;
  DayMeter day_out_;
  Counter permitted_{0};
  std::array<Counter, kReasons> refused_{};
  std::array<Counter, kReasons> would_refuse_{};
};

/// Every account of a gateway, by name. Thread-safe. Asked once a connection, not once a request.
class Accounts {
 public:
  /// Beyond that many, those at rest that no connection uses are forgotten, with their counts.
  static constexpr std::size_t kMost = 100'000;

  std::shared_ptr<Account> of(const std::string& name, Now now);
  /// In the order of names.
  std::vector<std::shared_ptr<const Account>> all() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Account>> accounts_;
  std::size_t sweep_at_ = kMost;
};

}  // namespace countersign::policy
