// RelayDesk: where the calls that gateways pass on to the authorisation server wait while others are answered. Those
// that have come meanwhile are answered together, with one commit for all of them.
//
// Lives on the loop of its door; the work is done on the registry's thread.
#pragma once

#include "authority/authority.h"
#include "authority/doors/line.h"
#include "oauth/relay.h"

namespace countersign::authority {

class RelayDesk {
 public:
  /// Borrows all.
  RelayDesk(Authority& authority, net::Worker& worker, net::Loop& loop) : authority_(authority), line_(worker, loop) {}

  /// Whether the gateway may still ask, when its call's turn has come.
  using Recheck = std::function<base::Result<void>()>;
  /// What the authorisation server answers; what `recheck` has captured must outlive that. Fails: as `recheck`, and
  /// `authority.busy`: nothing was done then.
  net::Task<base::Result<http::Response>> ask(oauth::RelayedCall call, Recheck recheck);

 private:
  struct Visit;
  void work(const Visit& whose);
  Authority& authority_;
  Line<Visit> line_;
};

}  // namespace countersign::authority
