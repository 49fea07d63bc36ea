// ReloadSignal: SIGHUP as a request to read files again. None is lost between two waits, and from the first object on
// SIGHUP no longer ends the process.
#pragma once

#include <boost/asio/basic_signal_set.hpp>

#include "net/loop.h"

namespace countersign::net {

/// Lives on one loop, in the frame of the task that waits.
class ReloadSignal {
 public:
  explicit ReloadSignal(Loop& loop);
  /// True at each SIGHUP; false when nothing more will come.
  Task<bool> next();

 private:
  boost::asio::basic_signal_set<Executor> signals_;
};

}  // namespace countersign::net
