// Worker: one thread of the gateway: its loop, its listener on the shared port, its TLS context, its upstream pool.
//
// Workers share nothing that changes but Knowledge and Metrics; a change of trust or of our certificate is posted to
// each.
#pragma once

#include <memory>
#include <thread>

#include "feed/sightings.h"
#include "gateway/connection.h"
#include "tls/server.h"
#include "trust/chain_memory.h"

namespace countersign::gateway {

/// What every worker is given; borrowed.
struct WorkerShared {
  const GatewayConfig& config;
  const RouteTable& routes;
  const feed::Knowledge& knowledge;
  trust::ChainMemory& chains;
  feed::Sightings& sightings;
  Metrics& metrics;
  const base::Clock& clock;
  const base::Log& log;
  UpstreamStates& upstreams;
};

class Worker {
 public:
  /// Binds. `at` has the real port once the first worker is there. Fails: `net.listen`, `tls.context`.
  static base::Result<std::unique_ptr<Worker>> make(WorkerShared shared, net::Endpoint at,
                                                    std::shared_ptr<const tls::Credential> own);
  ~Worker();

  const net::Endpoint& local() const { return listener_.local(); }
  void start();
  /// Thread-safe: trust, registry or our own certificate changed. New handshakes see it at once; live connections are
  /// judged again.
  void knowledge_changed();
  void use_credential(std::shared_ptr<const tls::Credential> own);
  /// Thread-safe: no new connections, idle ones closed, the others as soon as their request is answered; all at
  /// `deadline`.
  /// `ended` is called on the worker's thread then.
  void drain(net::Deadline deadline, std::function<void()> ended);
  void join();

 private:
  Worker(WorkerShared shared, std::shared_ptr<const tls::Library> library, std::unique_ptr<net::Loop> loop,
         net::Listener listener, std::shared_ptr<const tls::Credential> own, Dice dice);
  base::Result<void> renew_context();
  void renew_context_or_keep();
  void reconsider_everyone() { server_->reconsider(shared_.knowledge.registry(), shared_.clock.now()); }
  net::Task<void> housekeeping();
  net::Task<void> drain_until(net::Deadline deadline, std::function<void()> ended);

  WorkerShared shared_;
  std::shared_ptr<const tls::Library> library_;  ///< so that most of OpenSSL's locks are this worker's alone
  std::unique_ptr<net::Loop> loop_;
  net::Listener listener_;
  std::shared_ptr<const tls::Credential> own_;
  std::shared_ptr<const tls::ServerContext> context_;
  std::uint64_t context_trust_ = 0;  ///< generation of the trust set whose names context_ sends
  Upstreams upstreams_;
  std::unique_ptr<tls::Server<tls::VerifiedPeer>> server_;
  std::thread thread_;
};

}  // namespace countersign::gateway
