// FakeClock: time that stands still until a test moves it. Thread-safe.
#pragma once

#include <atomic>

#include "base/time.h"

namespace countersign::testing {

class FakeClock final : public base::Clock {
 public:
  explicit FakeClock(base::Instant now) : micros_(now.micros) {}
  base::Instant now() const override { return base::Instant{micros_.load()}; }
  void set(base::Instant now) { micros_.store(now.micros); }
  void advance(base::Duration by) { micros_.fetch_add(by.count()); }

 private:
  std::atomic<std::int64_t> micros_;
};

}  // namespace countersign::testing
