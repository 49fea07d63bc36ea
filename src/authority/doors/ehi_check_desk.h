// EhiCheckDesk: runs the checks of partners' servers that were asked for, each on a thread and a loop of its own, so
// that no server, however slow, holds up the registry or a listener. kEhiChecksAtOnce are under way; the rest waits in
// the registry (ehi/checks.h).
#pragma once

#include <array>
#include <mutex>

#include "authority/authority.h"
#include "authority/ehi/checks.h"
#include "authority/ehi/look.h"
#include "net/loop.h"

namespace countersign::authority {

inline constexpr std::size_t kEhiChecksAtOnce = 2;
/// How often it is looked for checks to run.
inline constexpr base::Duration kEhiChecksEvery = std::chrono::seconds(2);

class EhiCheckDesk {
 public:
  /// Borrowed; `registry` is the worker that everything of the authority's runs on.
  struct Parts {
    Authority& authority;
    net::Loop& loop;
    net::Worker& registry;
    const base::Log& log;
  };
  /// Logs every weakening, and what of the material for checks (ehi/material.h) is there.
  EhiCheckDesk(const Parts& parts, EhiCheckSettings settings);
  /// Cuts short what is under way: it is given up, as after a crash. Dies before the loop.
  ~EhiCheckDesk();
  EhiCheckDesk(const EhiCheckDesk&) = delete;

  void start();

 private:
  struct Looker {
    net::Loop* running = nullptr;  ///< guarded by mutex_
    net::Worker worker;
  };
  net::Task<void> check_again_and_again(Looker& looker);
  net::Task<bool> check_one(Looker& looker);
  base::Result<check::Report> run(Looker& looker, const BegunCheck& begun);
  /// What the destructor has to stop. False where that has begun.
  bool announce(Looker& looker, net::Loop* loop);
  bool is_stopping();
  void report(const base::Error& error) const;

  Parts parts_;
  const EhiCheckSettings settings_;
  std::mutex mutex_;
  bool stopping_ = false;  ///< guarded by mutex_
  std::array<Looker, kEhiChecksAtOnce> lookers_;
};

}  // namespace countersign::authority
