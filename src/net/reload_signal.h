// ReloadSignal: SIGHUP as a request to read files again, SIGUSR2 as one to start a successor. None is lost between two
// waits, and from the first object on the signal no longer ends the process.
#pragma once

#include <boost/asio/basic_signal_set.hpp>

#include "net/loop.h"

namespace countersign::net {

/// Lives on one loop, in the frame of the task that waits.
class ReloadSignal {
 public:
  enum class Asks { reload, succession };
  explicit ReloadSignal(Loop& loop, Asks what = Asks::reload);
  /// True at each signal; false when nothing more will come.
  Task<bool> next();

 private:
  boost::asio::basic_signal_set<Executor> signals_;
};

}  // namespace countersign::net
