// PostgresqlServer: a real PostgreSQL of this test program alone: made in a temporary folder (in memory, where there is
// room), reached by a unix socket in it, and gone with the program however that ends.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace countersign::testing {

class PostgresqlServer {
 public:
  /// Started when first asked for. Where no PostgreSQL is installed the program ends with status 77, which ctest shows
  /// as skipped.
  static PostgresqlServer& shared();
  ~PostgresqlServer();
  PostgresqlServer(const PostgresqlServer&) = delete;

  /// A URI for `database` as the superuser.
  std::string uri(const std::string& database) const;
  /// Stops it at once, as a power cut would; start() recovers what was committed.
  void stop();
  void start();

 private:
  PostgresqlServer();
  pid_t spawn(const std::string& program, const std::vector<std::string>& arguments) const;
  bool answers() const;

  std::filesystem::path programs_;
  std::filesystem::path folder_;
  pid_t running_ = -1;
};

}  // namespace countersign::testing
