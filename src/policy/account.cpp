#include "policy/account.h"

#include <algorithm>

namespace countersign::policy {
namespace {

constexpr std::int64_t kNanosOfSecond = 1'000'000'000;

std::int64_t day_of(Now now) { return now.unix_seconds / kSecondsOfDay; }

std::int64_t nanos_until_tomorrow(Now now) {
  return (kSecondsOfDay - now.unix_seconds % kSecondsOfDay) * kNanosOfSecond;
}

}  // namespace

std::optional<Excess> Account::begin(const Limits& limits, Now now) {
  const std::uint32_t before = live_.fetch_add(1, std::memory_order_relaxed);
  if (limits.concurrent && before >= *limits.concurrent) return Excess{Reason::too_many_at_once, kNanosOfSecond};
  if (const auto excess = over_bytes(limits, now)) return excess;
  if (!limits.requests) return std::nullopt;
  const auto wait = requests_.spend(*limits.requests, now.steady_nanos);
  return wait ? std::optional(Excess{Reason::too_fast, *wait}) : std::nullopt;
}

std::optional<Excess> Account::over_bytes(const Limits& limits, Now now) const {
  const std::int64_t steady = now.steady_nanos;
  if (limits.bytes_in)
    if (const auto wait = bytes_in_.wait(*limits.bytes_in, steady)) return Excess{Reason::too_many_bytes, *wait};
  if (limits.bytes_out)
    if (const auto wait = bytes_out_.wait(*limits.bytes_out, steady)) return Excess{Reason::too_many_bytes, *wait};
  const bool in_used_up = limits.bytes_in_per_day && day_in_.used(day_of(now)) >= *limits.bytes_in_per_day;
  const bool out_used_up = limits.bytes_out_per_day && day_out_.used(day_of(now)) >= *limits.bytes_out_per_day;
  if (in_used_up || out_used_up) return Excess{Reason::day_used_up, nanos_until_tomorrow(now)};
  return std::nullopt;
}

void Account::take_back(const Limits& limits) {
  if (limits.requests) requests_.give_back(*limits.requests);
}

void Account::charge_in(const Limits& limits, std::uint64_t bytes, Now now) {
  if (limits.bytes_in) bytes_in_.charge(*limits.bytes_in, bytes, now.steady_nanos);
  if (limits.bytes_in_per_day) day_in_.charge(bytes, day_of(now));
}

void Account::charge_out(const Limits& limits, std::uint64_t bytes, Now now) {
  if (limits.bytes_out) bytes_out_.charge(*limits.bytes_out, bytes, now.steady_nanos);
  if (limits.bytes_out_per_day) day_out_.charge(bytes, day_of(now));
}

bool Account::is_at_rest(Now now) const {
  return live() == 0 && requests_.is_full(now.steady_nanos) && bytes_in_.is_full(now.steady_nanos) &&
         bytes_out_.is_full(now.steady_nanos) && day_in_.used(day_of(now)) == 0 && day_out_.used(day_of(now)) == 0;
}

std::shared_ptr<Account> Accounts::of(const std::string& name, Now now) {
  const std::lock_guard lock(mutex_);
  if (const auto found = accounts_.find(name); found != accounts_.end()) return found->second;
  if (accounts_.size() >= sweep_at_) {
    std::erase_if(accounts_,
                  [&](const auto& one) { return one.second.use_count() == 1 && one.second->is_at_rest(now); });
    sweep_at_ = std::max(kMost, accounts_.size() * 2);  // so that a sweep that frees little is not repeated at once
  }
  return accounts_.emplace(name, std::make_shared<Account>(name)).first->second;
}

std::vector<std::shared_ptr<const Account>> Accounts::all() const {
  std::vector<std::shared_ptr<const Account>> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& one : accounts_)
      found.push_back(one.second);
  }
  std::ranges::sort(found, {}, [](const auto& one) -> const std::string& { return one->name(); });
  return found;
}

}  // namespace countersign::policy
