// IssuingDesk: where calls for certificates wait while others are being recorded, to go on together (line.h).
//
// Lives on the loop of its door; the work is done on the registry's thread.
#pragma once

#include "authority/api/routes.h"
#include "authority/doors/line.h"

namespace countersign::authority {

class IssuingDesk {
 public:
  /// Borrows all.
  IssuingDesk(Authority& authority, net::Worker& worker, net::Loop& loop)
      : authority_(authority), line_(worker, loop) {}

  /// What a call comes to when its turn has come: run once, on the registry's thread.
  using Begin = std::function<base::Result<Asked>()>;
  /// Until it is answered; what `begin` has captured must outlive that. Fails: as `begin`, Enrolment, Issuance::issue,
  /// and `authority.busy`: nothing was done then.
  net::Task<Answer> ask(Begin begin);

 private:
  struct Visit;
  using Group = Line<Visit>::Group;
  void work(const Visit& whose);
  void begin(Group& group);
  /// Issues for those that have no claim in common; the others are left in `group`.
  void issue(Group& group);

  Authority& authority_;
  Line<Visit> line_;
};

}  // namespace countersign::authority
