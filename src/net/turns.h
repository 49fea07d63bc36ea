// Turns: heavy steps (the arithmetic of a handshake) one at a time, everything else that is ready in between.
//
// However many handshakes are ready, who is connected already waits for one step of one of them at most: established
// traffic goes before newcomers. In turn, first come, first served. Belongs to its loop's thread.
#pragma once

#include <memory>

#include "net/task.h"

namespace countersign::net {

class Turns {
 public:
  explicit Turns(Executor executor);

  /// Completes when it is the caller's turn: at once when nobody had one since the loop last looked at its sockets.
  /// Whoever is waiting may be destroyed.
  Task<void> take();
  std::size_t waiting() const;

 private:
  struct State;
  static void pass_on(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;  ///< shared with waiting frames
};

}  // namespace countersign::net
