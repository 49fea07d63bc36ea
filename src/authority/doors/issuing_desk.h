// IssuingDesk: where calls for certificates wait while others are being recorded. Those that have come meanwhile go on
// together, so that many share the waiting for the disk (docs/adr/0021). Nobody waits for company: when the registry's
// thread is free, an order goes its way at once, alone.
//
// Lives on the loop of its door; the work is done on the registry's thread.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "authority/api/routes.h"
#include "net/loop.h"

namespace countersign::authority {

/// Orders that are recorded together at most.
inline constexpr std::size_t kOrdersTogether = 64;

class IssuingDesk {
 public:
  /// Borrows all.
  IssuingDesk(Authority& authority, net::Worker& worker, net::Loop& loop)
      : authority_(authority), worker_(worker), loop_(loop) {}

  /// What a call comes to when its turn has come: run once, on the registry's thread.
  using Begin = std::function<base::Result<Asked>()>;
  /// Until it is answered; what `begin` has captured must outlive that. Fails: as `begin`, Enrolment, Issuance::issue,
  /// and `authority.busy`: nothing was done then.
  net::Task<Answer> ask(Begin begin);

 private:
  struct Visit;
  using Group = std::vector<std::shared_ptr<Visit>>;
  bool withdraw(const Visit& visit);
  Group take();
  void work(const Visit& whose);
  void begin(Group& group);
  /// Issues for those that have no claim in common; the others are left in `group`.
  void issue(Group& group);

  Authority& authority_;
  net::Worker& worker_;
  net::Loop& loop_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Visit>> waiting_;
};

}  // namespace countersign::authority
