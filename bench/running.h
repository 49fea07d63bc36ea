// An authority as it really runs: both doors, status, the registry's worker; on a data folder of its own, in SQLite or
// in a PostgreSQL that is started for it (COUNTERSIGN_TEST_REGISTRY=postgresql).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "authority/doors/service.h"
#include "authority/doors/status_keeper.h"
#include "authority/doors/status_listener.h"
#include "testing/folder.h"
#include "testing/registries.h"

namespace countersign::bench {

/// Applications that certificates are asked for: bench0/app0 to bench7/app7 in production.
inline constexpr int kOrganisations = 8;
inline constexpr int kApplications = 8;

class Running {
 public:
  /// Borrows `observer`.
  explicit Running(authority::StepObserver& observer);
  ~Running();
  Running(const Running&) = delete;

  /// Stops it, and starts it anew on the same data. Returns how long the start took, in seconds.
  double restart();
  authority::Authority& authority() { return *authority_; }
  authority::Service& service() { return *service_; }
  authority::Api::Parts parts() { return {*authority_, *loop_, *worker_, log_}; }
  net::Loop& loop() { return *loop_; }
  const base::Log& log() const { return log_; }
  std::filesystem::path data() const { return folder_ / "authority"; }
  testing::RawRegistry raw() const;
  /// Runs the loop until `task` is done; everything else goes on beside it.
  void run(net::Task<void> task);

 private:
  void start();
  void stop();
  testing::Folder folder_;
  authority::StepObserver& observer_;
  base::SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<base::LogSink> sink_;
  base::Log log_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<authority::FeedBell> bell_;
  std::unique_ptr<authority::Authority> authority_;
  std::unique_ptr<net::Worker> worker_;
  std::unique_ptr<authority::Service> service_;
  std::unique_ptr<authority::StatusKeeper> keeper_;
};

/// Bodies of `POST /v1/enrolments`, each with a code, a P-256 key and a CSR of its own; the codes are in the registry.
std::vector<std::string> prepare_orders(Running& running, std::size_t count);

}  // namespace countersign::bench
