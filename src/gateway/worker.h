// Worker: one thread of the gateway: its loop, its listeners on the shared ports, its TLS sessions, its upstream pool.
//
// Workers share nothing that changes but Knowledge, the policy's gate and Metrics; a change of trust or of our
// certificate is posted to each.
#pragma once

#include <memory>
#include <thread>

#include "feed/sightings.h"
#include "gateway/connection.h"
#include "gateway/listener_plan.h"

namespace countersign::gateway {

/// What every worker is given; borrowed.
struct WorkerShared {
  const GatewayConfig& config;
  const RouteTable& routes;
  const feed::Knowledge& knowledge;
  const Plans& plans;
  feed::Sightings& sightings;
  Metrics& metrics;
  const base::Clock& clock;
  const base::Log& log;
  policy::Gate& gate;
  UpstreamStates& upstreams;
  const TokenRings& token_rings;
  const feed::AuthorityLink::Options& authority;
  const base::Published<tls::Credential>& service;  ///< our certificate for the authority
};

class Worker {
 public:
  /// Binds. `at`: where each listener of the plans is, with the real ports once the first worker is there. Fails:
  /// `net.listen`, `tls.context`.
  static base::Result<std::unique_ptr<Worker>> make(WorkerShared shared, std::vector<net::Endpoint> at,
                                                    Credentials own);
  ~Worker();

  const std::vector<std::unique_ptr<Listener>>& listeners() const { return listeners_; }
  /// Of the first listener.
  const net::Endpoint& local() const { return listeners_.front()->local(); }
  void start();
  /// Thread-safe: trust, registry or our own certificate changed. New handshakes see it at once; live connections are
  /// judged again.
  void knowledge_changed();
  void use_credential(std::size_t place, std::shared_ptr<const tls::Credential> own);
  /// Thread-safe: no new connections, idle ones closed, the others as soon as their request is answered; all at
  /// `deadline`.
  /// `ended` is called on the worker's thread then.
  void drain(net::Deadline deadline, std::function<void()> ended);
  void join();

 private:
  Worker(WorkerShared shared, std::shared_ptr<const tls::Library> library, Credentials own, Dice dice);
  base::Result<void> bind(std::vector<net::Endpoint> at);
  net::Task<void> serve(Listener& listener, LivePartner& live);
  std::optional<trust::Refusal> rejudge(const trust::AdmittedChain& chain) const;
  void reconsider_everyone();
  net::Task<void> housekeeping();
  net::Task<void> drain_until(net::Deadline deadline, std::function<void()> ended);

  WorkerShared shared_;
  std::shared_ptr<const tls::Library> library_;  ///< so that most of OpenSSL's locks are this worker's alone
  std::unique_ptr<net::Loop> loop_;
  std::shared_ptr<tls::SessionMemory> sessions_;
  Credentials own_;
  Upstreams upstreams_;
  policy::View policy_;
  TokenChecker tokens_;
  AuthorityCalls authority_calls_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::thread thread_;
};

}  // namespace countersign::gateway
