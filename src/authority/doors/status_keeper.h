// StatusKeeper: has the status follow the registry: at each change, and as time passes. Lives on the authority's loop;
// the work is done on the registry's thread, in small pieces.
#pragma once

#include "authority/authority.h"
#include "authority/registry/feed_bell.h"
#include "net/loop.h"

namespace countersign::authority {

/// Changes that come this close together are taken in at once, and CRLs are made so long after the first revocation:
/// well within the ten seconds that they may take.
inline constexpr base::Duration kFollowPause = std::chrono::milliseconds(100);
inline constexpr base::Duration kCrlPause = std::chrono::seconds(1);
/// How often it is looked whether something is due, or has changed without anybody saying so.
inline constexpr base::Duration kStatusCheck = std::chrono::seconds(30);
/// After a failure.
inline constexpr base::Duration kStatusRetry = std::chrono::seconds(3);

class StatusKeeper {
 public:
  /// Borrowed.
  struct Parts {
    Authority& authority;
    net::Loop& loop;
    net::Worker& worker;
    FeedBell& bell;
    const base::Log& log;
  };
  explicit StatusKeeper(const Parts& parts) : parts_(parts) {}

  /// Before anything is served: opens the status and makes what is due. What cannot be made is logged (`crl.failed`,
  /// `ocsp.failed`) and tried again by run(). Fails: as Status::open.
  base::Result<void> open(const StatusUrls& urls);
  /// Until the bell is closed.
  net::Task<void> run();

 private:
  /// False when something went wrong: to be tried again soon.
  net::Task<bool> follow();
  net::Task<bool> make_crls();
  net::Task<bool> provide_responders();
  /// Runs `work` on the registry's thread; an error is logged as `event`.
  net::Task<bool> attempt(std::function<base::Result<void>()> work, const char* event);
  void report(const char* event, const base::Error& error) const;
  Parts parts_;
};

}  // namespace countersign::authority
