// Agent: `countersign agent`: keeps any number of certificates fresh, and says how it goes on a loopback listener.
//
// Each certificate has a Keeper and a task of its own on one loop; each folder is locked for as long as the agent
// lives.
#pragma once

#include <memory>

#include "base/exit_code.h"
#include "cli/file_lock.h"
#include "cli/keeper.h"
#include "http/plain_server.h"

namespace countersign::cli {

class Agent {
 public:
  /// Borrowed.
  struct Parts {
    const base::Clock& clock;
    crypto::Random& random;
    const base::Log& log;
  };
  /// Locks the folders. Fails: `agent.locked` naming the folder, `file.unwritable`.
  static base::Result<std::unique_ptr<Agent>> make(AgentConfig config, const Parts& parts);

  /// Looks once at each certificate. The worst of their exit codes: `unavailable` also where approval is waited for.
  base::ExitCode look_once();
  /// A line for each certificate: what became of it at the last look.
  std::string summary() const;

  /// Serves /live, /ready and /metrics from run() on. Fails: `net.listen`.
  base::Result<net::Endpoint> listen();
  /// Until SIGTERM or SIGINT; then it ends at once: whatever is under way goes on at the next start.
  void run();

 private:
  struct Desk;
  explicit Agent(const Parts& parts) : parts_(parts) {}
  base::Result<void> take(const KeptFolder& kept, const Retries& retries);
  net::Task<void> look_at_all();
  net::Task<void> keep(Keeper& keeper);
  net::Task<void> stop_on_signal();
  net::Task<http::Response> answer_status(http::Request request);

  Parts parts_;
  AgentConfig config_;
  std::vector<FileLock> locks_;
  ProcessHooks hooks_;
  std::vector<std::unique_ptr<RenewalDesk>> desks_;
  std::vector<std::unique_ptr<Keeper>> keepers_;
  net::Loop loop_;  ///< its tasks use all of the above
  std::unique_ptr<http::PlainServer> status_;
};

/// The keepers' states in the Prometheus text format.
std::string to_metrics(const std::vector<const Keeper*>& keepers);
/// Has each a certificate that is good now?
bool are_ready(const std::vector<const Keeper*>& keepers, base::Instant now);

}  // namespace countersign::cli
