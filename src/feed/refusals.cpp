#include "feed/refusals.h"

#include <algorithm>
#include <iterator>

#include "feed/telling.h"
#include "trust/find_reason.h"

namespace countersign::feed {
namespace {

constexpr std::int64_t kMostInOne = 1'000'000'000'000;
constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

std::string key_of(const RefusalCount& counted) {
  return counted.fingerprint + "." + std::string(trust::name(counted.reason));
}

std::optional<crypto::Digest256> to_digest(std::string_view hexadecimal) {
  const auto raw = base::from_hex(hexadecimal);
  crypto::Digest256 digest{};
  if (!raw || raw->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*raw, digest.begin());
  return digest;
}

/// Nothing where its reason is not known here.
base::Result<std::optional<RefusalCount>> count_from_json(const base::json::value& value) {
  BASE_TRY(auto reader, base::JsonReader::of(value));
  BASE_TRY(const std::string fingerprint, reader.text("fingerprint"));
  BASE_TRY(const std::string reason, reader.text("reason"));
  BASE_TRY(const std::int64_t count, reader.integer("count"));
  BASE_TRY(const std::int64_t first, reader.integer("first"));
  BASE_TRY(const std::int64_t last, reader.integer("last"));
  BASE_TRY_VOID(reader.finish());
  const auto digest = to_digest(fingerprint);
  if (!digest || count < 1 || count > kMostInOne || first < 0 || last < first || last > kLastSecond)
    return base::fail(base::Kind::invalid, "refusals.invalid",
                      "a refusal has a SHA-256 fingerprint, a count of at least 1, and times in seconds since 1970");
  const auto known = trust::find_reason(reason);
  if (!known) return std::optional<RefusalCount>();
  return std::optional<RefusalCount>(RefusalCount{base::to_hex(*digest), *known, count,
                                                  base::Instant::from_unix_seconds(first),
                                                  base::Instant::from_unix_seconds(last)});
}

}  // namespace

bool Refusals::is_of_ours(const trust::Refusal& refusal) const {
  if (!refusal.organisation.empty()) return true;
  const auto fingerprint = to_digest(refusal.fingerprint);
  return fingerprint && registry_.certificate(*fingerprint).has_value();
}

void Refusals::note(const trust::Refusal& refusal, base::Instant at) {
  if (!is_of_ours(refusal)) return;
  RefusalCount counted{refusal.fingerprint, refusal.reason, 1, at, at};
  const std::lock_guard lock(mutex_);
  if (add_to_known(counted)) return;
  if (untold_.size() >= kKept) drop_oldest();
  std::string key = key_of(counted);
  untold_.push_back(std::move(counted));
  by_key_.emplace(std::move(key), std::prev(untold_.end()));
}

bool Refusals::add_to_known(const RefusalCount& counted) {
  const auto known = by_key_.find(key_of(counted));
  if (known == by_key_.end()) return false;
  RefusalCount& so_far = *known->second;
  so_far.count += counted.count;
  so_far.first = std::min(so_far.first, counted.first);
  so_far.last = std::max(so_far.last, counted.last);
  return true;
}

void Refusals::drop_oldest() {
  dropped_ += static_cast<std::uint64_t>(untold_.front().count);
  by_key_.erase(key_of(untold_.front()));
  untold_.pop_front();
}

std::vector<RefusalCount> Refusals::take() {
  const std::lock_guard lock(mutex_);
  std::vector<RefusalCount> batch;
  while (!untold_.empty() && batch.size() < kBatch) {
    by_key_.erase(key_of(untold_.front()));
    batch.push_back(std::move(untold_.front()));
    untold_.pop_front();
  }
  return batch;
}

/// They are older than all that was noted meanwhile.
void Refusals::give_back(std::vector<RefusalCount> untold) {
  const std::lock_guard lock(mutex_);
  for (auto at = untold.rbegin(); at != untold.rend(); ++at) {
    if (add_to_known(*at)) continue;
    if (untold_.size() >= kKept) {
      dropped_ += static_cast<std::uint64_t>(at->count);
      continue;
    }
    std::string key = key_of(*at);
    untold_.push_front(std::move(*at));
    by_key_.emplace(std::move(key), untold_.begin());
  }
}

std::uint64_t Refusals::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

base::json::object to_json(const std::vector<RefusalCount>& counts) {
  base::json::array array;
  for (const RefusalCount& one : counts)
    array.emplace_back(base::json::object{{"fingerprint", one.fingerprint},
                                          {"reason", std::string(trust::name(one.reason))},
                                          {"count", one.count},
                                          {"first", one.first.unix_seconds()},
                                          {"last", one.last.unix_seconds()}});
  return {{"refusals", std::move(array)}};
}

base::Result<std::vector<RefusalCount>> refusals_from_json(const base::json::value& body) {
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const base::json::array* array, reader.array("refusals"));
  BASE_TRY_VOID(reader.finish());
  if (array->size() > Refusals::kBatch)
    return base::fail(base::Kind::too_large, "refusals.too_many",
                      "at most " + std::to_string(Refusals::kBatch) + " refusals in one call");
  std::vector<RefusalCount> counts;
  for (const base::json::value& value : *array) {
    BASE_TRY(auto count, count_from_json(value));
    if (count) counts.push_back(std::move(*count));
  }
  return counts;
}

base::Duration pause_after_telling(std::size_t told) { return told < Refusals::kBatch ? kTelling : kTellingOfMany; }

}  // namespace countersign::feed
