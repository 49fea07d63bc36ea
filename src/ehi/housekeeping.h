// Housekeeping: what happens at intervals: messages whose time is over die and are told of, cut-off messages are put,
// connections that are not to be used any more are closed. Lives on one loop.
#pragma once

#include "ehi/metrics.h"

namespace countersign::ehi {

class Housekeeping {
 public:
  /// Borrows everything.
  Housekeeping(net::Loop& loop, Caller& caller, OutboxDesk& desk, const Lanes& lanes, const base::Clock& clock,
               const base::Log& log);
  void start();

 private:
  net::Task<void> run();
  net::Task<void> sweep();
  net::Task<void> put_cutoff(Lane& lane);
  void tell(const base::Error& error);

  net::Loop& loop_;
  Caller& caller_;
  OutboxDesk& desk_;
  const Lanes& lanes_;
  const base::Clock& clock_;
  const base::Log& log_;
  bool told_ = false;  ///< that the outbox fails
};

}  // namespace countersign::ehi
