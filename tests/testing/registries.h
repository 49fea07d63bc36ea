// Where a test's registry is: named by a file in the test's folder, on the engine that this run of the program is for.
// COUNTERSIGN_TEST_REGISTRY=postgresql puts a database on a real PostgreSQL behind each such name; else it is the file.
// So every test runs on both, without knowing on which.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "store/location.h"

namespace countersign::testing {

bool on_postgresql();

/// The registry that `file` stands for; empty at first.
store::Location registry_at(const std::filesystem::path& file);
/// `to` becomes what `from` is now; nobody may have `from` open. What `to` was is gone.
void copy_registry(const std::filesystem::path& from, const std::filesystem::path& to);
/// As if it had never been.
void remove_registry(const std::filesystem::path& file);

/// Goes behind the registry's back, to damage or to look: what an attacker with the database could do.
class RawRegistry {
 public:
  explicit RawRegistry(const std::filesystem::path& file);
  ~RawRegistry();
  RawRegistry(const RawRegistry&) = delete;

  /// Runs `sql`, several statements too; false when the database refused.
  bool run(const std::string& sql);
  /// The first column of the first row as text, or "" where there is none.
  std::string ask(const std::string& sql);
  /// From now on the audit table takes no records of actions LIKE `action`; take_audit() ends that.
  bool refuse_audit(const std::string& action = "%");
  bool take_audit();

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace countersign::testing
