// TurnEnd: one piece of work behind all that is ready now: what many tasks of one turn of the loop want done once.
//
// Belongs to its loop's thread.
#pragma once

#include <functional>
#include <memory>

#include "net/loop.h"

namespace countersign::net {

class TurnEnd {
 public:
  /// Borrows the loop.
  TurnEnd(Loop& loop, std::function<void()> work);
  /// What was asked for and not done yet is dropped.
  ~TurnEnd();
  TurnEnd(const TurnEnd&) = delete;

  /// Has the work done once before the loop waits again, however often it is asked until then.
  void ask();

 private:
  struct State;
  Loop& loop_;
  std::shared_ptr<State> state_;  ///< shared with what is posted
};

}  // namespace countersign::net
