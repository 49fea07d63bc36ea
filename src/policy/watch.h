// Watch: keeps a gate at what its policy file says. What cannot be used changes nothing (law 4).
//
// Looks at the file from time to time, and at once when told to (SIGHUP). A file that somebody is still writing is left
// alone until it has stayed the same between two looks. Belongs to its loop's thread.
#pragma once

#include <filesystem>

#include "base/file_change.h"
#include "base/log.h"
#include "net/loop.h"
#include "policy/gate.h"

namespace countersign::policy {

class Watch {
 public:
  static constexpr base::Duration kLook = std::chrono::milliseconds(500);

  struct Loaded {
    PolicyPointer policy;
    std::string text;  ///< of the file
  };
  /// Fails: as Policy::parse, `file.*`.
  static base::Result<Loaded> load(const std::filesystem::path& file);

  /// Borrows gate and log; the gate was made with the policy of which `in_force` is the text.
  Watch(Gate& gate, std::filesystem::path file, std::string in_force, const base::Log& log);

  /// Looks for ever.
  net::Task<void> run();
  /// One look: takes the file over if it changed and stayed so since the look before.
  void look();
  /// Takes it over as it is. One record: `policy.loaded`, or `policy.kept` naming what is wrong.
  void take();

 private:
  void keep(const base::Error& error, std::string what);

  Gate& gate_;
  base::FileChange file_;
  const base::Log& log_;
  std::string in_force_;  ///< the text of the policy in force
  std::string refused_;   ///< what was refused last, so that it is recorded once
};

/// Says of a policy that was taken over what an operator must know: how many grants, and whom it does not hold.
void announce(const Policy& policy, const std::string& file, std::uint64_t generation, const base::Log& log);

}  // namespace countersign::policy
