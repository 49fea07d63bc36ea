// Worker: one thread of the gateway: its loop, its listeners on the shared ports, its TLS sessions, its upstream pool.
//
// Workers share nothing that changes but Knowledge, the policy's gate and Metrics; a change of trust or of our
// certificate, and a new generation of the configuration, are posted to each.
#pragma once

#include <memory>
#include <thread>

#include "feed/refusals.h"
#include "feed/sightings.h"
#include "gateway/connection.h"
#include "gateway/listener.h"

namespace countersign::gateway {

/// What every worker is given; borrowed.
struct WorkerShared {
  const feed::Knowledge& knowledge;
  feed::Sightings& sightings;
  feed::Refusals& refusals;
  Metrics& metrics;
  const base::Clock& clock;
  const base::Log& log;
  policy::Gate& gate;
  const TokenRings& token_rings;
  const feed::AuthorityLink::Options& authority;
  const base::Published<tls::Credential>& service;  ///< our certificate for the authority
  MessageSigning* signing = nullptr;                ///< of routes with signatures; null: those are not served
  SpanExporter* spans = nullptr;                    ///< null: none are exported
  const RecordsOut* records = nullptr;              ///< null: records are written as all else that is logged
};

/// The sockets of one listener for one worker.
struct ListenerSockets {
  std::string door;  ///< door_of() the listener
  std::vector<net::ListenSocket> sockets;
};

class Worker {
 public:
  /// What a generation is for one worker, made beside its thread, and whole: it only has to be put in place.
  struct Prepared {
    GenerationPointer generation;
    Credentials own;                                      ///< in the places that the generation's plans name
    std::vector<std::shared_ptr<const SiteTable>> sites;  ///< of each of its listeners
    std::vector<ListenerSockets> sockets;                 ///< of those listeners that are new
  };

  /// Fails: `tls.context`.
  static base::Result<std::unique_ptr<Worker>> make(WorkerShared shared, const GenerationPointer& first);
  ~Worker();

  /// Thread-safe. Fails: `tls.context`.
  base::Result<Prepared> prepare(GenerationPointer generation, Credentials own) const;
  /// Before start(). Fails: `net.listen`.
  base::Result<void> begin(Prepared first);
  void start();

  /// Of the generation that begin() was given. Before start(), or of this worker's thread.
  const std::vector<std::unique_ptr<Listener>>& listeners() const { return listeners_; }
  /// Of the first listener.
  const net::Endpoint& local() const { return listeners_.front()->local(); }

  /// Thread-safe: the next request and the next connection go by `next`; what is under way ends as it began.
  void take_over(Prepared next);
  /// Thread-safe: trust, registry or our own certificate changed. New handshakes see it at once; live connections, to
  /// upstreams too, are judged again.
  void knowledge_changed();
  /// `generation`: whose places are meant; nothing happens once there is a later one.
  void use_credential(std::uint64_t generation, std::size_t place, OwnCertificate own);
  /// Thread-safe. `ended` is called on the worker's thread then.
  void drain(tls::Drain how, std::function<void()> ended);
  void drain(net::Deadline deadline, std::function<void()> ended) {
    drain(tls::Drain{.deadline = deadline}, std::move(ended));
  }
  void join();

 private:
  Worker(WorkerShared shared, std::shared_ptr<const tls::Library> library, const GenerationPointer& first, Dice dice);
  Listener::Place place();
  SiteTable::Means means() const;
  void open(std::unique_ptr<Listener> listener);
  void replace(Prepared next);
  std::unique_ptr<Listener> take_known(const std::string& door);
  net::Task<void> retire(std::shared_ptr<Listener> listener);
  net::Task<void> serve(Listener& listener, LivePartner& live);
  std::optional<trust::Refusal> rejudge(const trust::AdmittedChain& chain) const;
  void reconsider_everyone();
  net::Task<void> housekeeping();
  net::Task<void> drain_until(tls::Drain how, std::function<void()> ended);
  void use_generation(GenerationPointer generation, Credentials own);

  WorkerShared shared_;
  std::shared_ptr<const tls::Library> library_;  ///< so that most of OpenSSL's locks are this worker's alone
  std::unique_ptr<net::Loop> loop_;
  std::shared_ptr<tls::SessionMemory> sessions_;
  GenerationPointer now_;  ///< shares the generation, with a count of its own: requests of other threads touch another
  Credentials own_;
  Upstreams upstreams_;
  policy::View policy_;
  TokenChecker tokens_;
  AuthorityCalls authority_calls_;
  AccessRecords records_;
  std::vector<std::unique_ptr<Listener>> listeners_;  ///< in the order of the generation
  std::vector<std::shared_ptr<Listener>> retiring_;   ///< whose last connections are ending
  net::TaskGroup retirements_;
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace countersign::gateway
