// Private to outbox: one transaction that changes something, and the counts that go with it.
#pragma once

#include <limits>
#include <utility>

#include "outbox/database.h"
#include "outbox/outbox.h"

namespace countersign::outbox {

/// due_at of what stands behind an older message with the same order key.
inline constexpr std::int64_t kBehindAnother = std::numeric_limits<std::int64_t>::max();

/// The counts change when it is committed, and not if it is not.
class Outbox::Change {
 public:
  static base::Result<Change> begin(Outbox& outbox) {
    BASE_TRY(Writing writing, Writing::begin(*outbox.database_));
    return Change(outbox, std::move(writing));
  }
  void waiting(const std::string& endpoint, std::int64_t by) { changes_[endpoint].waiting += by; }
  void dead(const std::string& endpoint, std::int64_t by) { changes_[endpoint].dead += by; }
  /// Messages that wait or are dead, with those of this change.
  std::int64_t held() const {
    std::int64_t sum = 0;
    for (const auto* counts : {&std::as_const(outbox_->counts_), &changes_})
      for (const auto& [endpoint, count] : *counts)
        sum += count.waiting + count.dead;
    return sum;
  }
  base::Result<void> commit() {
    BASE_TRY_VOID(writing_.commit());
    for (const auto& [endpoint, by] : changes_) {
      Count& count = outbox_->counts_[endpoint];
      count.waiting += by.waiting;
      count.dead += by.dead;
    }
    return {};
  }

 private:
  Change(Outbox& outbox, Writing writing) : outbox_(&outbox), writing_(std::move(writing)) {}
  Outbox* outbox_;
  Writing writing_;
  std::map<std::string, Count> changes_;
};

}  // namespace countersign::outbox
