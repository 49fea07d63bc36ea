// Private to outbox: one transaction that changes something, and the counts that go with it.
#pragma once

#include <limits>
#include <utility>

#include "outbox/database.h"
#include "outbox/outbox.h"

namespace countersign::outbox {

/// due_at of what stands behind an older message with the same order key.
inline constexpr std::int64_t kBehindAnother = std::numeric_limits<std::int64_t>::max();

/// The columns that read_summary() reads.
#define OUTBOX_SUMMARY \
  "id, endpoint, key, order_key, kind, attempts, state, accepted_at, expires_at, due_at, settled_at, last_error"

template <class Work>
auto Outbox::twice(Work work) -> decltype(work()) {
  auto done = work();
  if (!done && database_->try_again()) return work();
  return done;
}

/// The counts change when it is committed, and not if it is not.
class Outbox::Change {
 public:
  /// Of a shared outbox, with the endpoints taken: nobody else changes their messages meanwhile, but to claim them.
  static base::Result<Change> begin(Outbox& outbox, std::vector<std::string> endpoints) {
    BASE_TRY(Writing writing, Writing::begin(*outbox.database_));
    BASE_TRY_VOID(outbox.database_->take(std::move(endpoints)));
    return Change(outbox, std::move(writing));
  }
  void waiting(const std::string& endpoint, std::int64_t by) { changes_[endpoint].waiting += by; }
  void dead(const std::string& endpoint, std::int64_t by) { changes_[endpoint].dead += by; }
  /// Messages that wait or are dead, with those of this change. What others change meanwhile is not in it.
  base::Result<std::int64_t> held() {
    if (!before_) {
      BASE_TRY(const auto counts, outbox_->counts());
      before_ = sum_of(counts);
    }
    return *before_ + sum_of(changes_);
  }
  base::Result<void> commit() {
    if (outbox_->database_->is_shared()) BASE_TRY_VOID(note_changes());
    BASE_TRY_VOID(writing_.commit());
    if (outbox_->database_->is_shared()) return {};
    for (const auto& [endpoint, by] : changes_) {
      Count& count = outbox_->counts_[endpoint];
      count.waiting += by.waiting;
      count.dead += by.dead;
    }
    return {};
  }

 private:
  Change(Outbox& outbox, Writing writing) : outbox_(&outbox), writing_(std::move(writing)) {}
  static std::int64_t sum_of(const std::map<std::string, Count>& counts) {
    std::int64_t sum = 0;
    for (const auto& [endpoint, count] : counts)
      sum += count.waiting + count.dead;
    return sum;
  }
  base::Result<void> note_changes() {
    for (const auto& [endpoint, by] : changes_)
      if (by.waiting != 0 || by.dead != 0)
        BASE_TRY_VOID(outbox_->database_->run("INSERT INTO count_changes (endpoint, waiting, dead) VALUES (?, ?, ?)",
                                              {endpoint, by.waiting, by.dead}));
    return {};
  }

  Outbox* outbox_;
  Writing writing_;
  std::map<std::string, Count> changes_;
  std::optional<std::int64_t> before_;
};

}  // namespace countersign::outbox
