// How long does a neighbour wait for those that always have more to do? Counted in their operations, not in time.
#pragma once

#include <functional>
#include <utility>

namespace countersign::testing {

/// Lives on one loop.
class Fairness {
 public:
  /// Where nobody lets the neighbour have its turn, the greedy ones stop after so many operations in all.
  explicit Fairness(int endless) : endless_(endless) {}

  /// A neighbour becomes ready, by `make_ready`, at the `moment`th operation; 0: now.
  void begin(int moment, std::function<void()> make_ready) {
    moment_ = moment;
    make_ready_ = std::move(make_ready);
    if (moment == 0) become_ready();
  }
  /// To be asked by a greedy one before each operation. False: it is to stop.
  bool goes_on() {
    if (is_served() || operations_ >= endless_) return false;
    if (++operations_ >= moment_) become_ready();
    return true;
  }
  void neighbour_served() { served_ = operations_; }

  bool is_served() const { return served_ >= 0; }
  /// Operations from the moment at which the neighbour was ready until it was served, or until all stopped.
  int waited() const { return (is_served() ? served_ : operations_) - began_; }

 private:
  void become_ready() {
    if (!make_ready_) return;
    began_ = operations_;
    std::exchange(make_ready_, nullptr)();
  }

  int endless_;
  int moment_ = 0;
  std::function<void()> make_ready_ = {};
  int operations_ = 0;
  int began_ = 0;
  int served_ = -1;
};

}  // namespace countersign::testing
