#include "gateway/worker.h"

#include "crypto/random.h"

namespace countersign::gateway {
namespace {

constexpr base::Duration kHousekeeping = std::chrono::seconds(1);
/// All connections that an address may have, at once after a restart of its own, at the usual rate.
constexpr double kBurstSeconds = 10;

/// Judges a client for this gateway: a transport certificate of its environment, known to the registry as good.
struct JudgeTransport {
  trust::ChainMemory* chains;
  const feed::Knowledge* knowledge;
  const base::Clock* clock;

  base::Result<trust::AdmittedChain, trust::Refusal> operator()(const trust::Presented& presented) const {
    return chains->judge(presented, knowledge->trust(), knowledge->registry(), clock->now());
  }
};

/// The subjects a client is told to choose its certificate by: the transport issuing CAs of this environment.
std::vector<x509::Certificate> acceptable_issuers(const trust::TrustSet& trust, base::Environment environment) {
  std::vector<x509::Certificate> issuers;
  for (const trust::IssuingCa& ca : trust.issuing_cas())
    if (ca.environment == environment && ca.purposes.contains(trust::Purpose::transport))
      issuers.push_back(ca.certificate);
  return issuers;
}

}  // namespace

Worker::Worker(WorkerShared shared, std::shared_ptr<const tls::Library> library, std::unique_ptr<net::Loop> loop,
               net::Listener listener, std::shared_ptr<const tls::Credential> own, Dice dice)
    : shared_(shared),
      library_(std::move(library)),
      loop_(std::move(loop)),
      listener_(std::move(listener)),
      own_(std::move(own)),
      upstreams_({*loop_, shared.clock, shared.knowledge.registry(), shared.log}, shared.upstreams, dice) {}

Worker::~Worker() {
  loop_->stop();
  join();
  upstreams_.close();
}

base::Result<std::unique_ptr<Worker>> Worker::make(WorkerShared shared, net::Endpoint at,
                                                   std::shared_ptr<const tls::Credential> own) {
  auto loop = std::make_unique<net::Loop>();
  const net::Listener::Options options{.at = std::move(at), .reuse_port = shared.config.workers > 1};
  BASE_TRY(auto listener, net::Listener::bind(*loop, options));
  BASE_TRY(auto library, tls::Library::make());
  crypto::SystemRandom random;
  BASE_TRY(const Dice dice, Dice::make(random));
  std::unique_ptr<Worker> worker(
      new Worker(shared, std::move(library), std::move(loop), std::move(listener), std::move(own), dice));
  BASE_TRY_VOID(worker->renew_context());
  return worker;
}

void Worker::start() {
  const auto rate = static_cast<double>(shared_.config.handshakes_per_second);
  const tls::ServerOptions options{.name = "gateway",
                                   .handshakes_per_second = rate,
                                   .handshake_burst = rate * kBurstSeconds,
                                   .proxies = shared_.config.proxies};
  server_ = std::make_unique<tls::Server<tls::VerifiedPeer>>(
      *loop_, listener_, options, [this] { return context_; },
      JudgeTransport{&shared_.chains, &shared_.knowledge, &shared_.clock},
      [this](tls::LiveConnection<tls::VerifiedPeer>& live) {
        shared_.metrics.partner_accepted(live.connection.peer.identity().organisation.text());
        shared_.sightings.note(live.connection.peer.admitted().chain().leaf().fingerprint());
        const ConnectionContext context{*loop_,     shared_.config,   shared_.routes, shared_.knowledge,
                                        upstreams_, shared_.metrics,  shared_.clock,  shared_.log,
                                        *server_,   listener_.local()};
        return serve_connection(context, live);
      },
      shared_.metrics, shared_.log);
  net::spawn(*loop_, server_->run(), "gateway.accept", shared_.log);
  net::spawn(*loop_, housekeeping(), "gateway.housekeeping", shared_.log);
  thread_ = std::thread([this] {
    net::keep_back_stop_signals();
    loop_->run();
  });
}

base::Result<void> Worker::renew_context() {
  const auto trust = shared_.knowledge.trust();
  const auto make = shared_.config.http2 ? tls::ServerContext::make_for_http2 : tls::ServerContext::make;
  BASE_TRY(context_, make(*own_, tls::ClientCertificate::required,
                          acceptable_issuers(*trust, shared_.config.environment), library_));
  context_trust_ = trust->generation();
  return {};
}

void Worker::renew_context_or_keep() {
  if (auto renewed = renew_context(); !renewed)
    shared_.log.error("gateway.context_kept", {{"error", base::to_string(renewed.error())}});
}

void Worker::knowledge_changed() {
  loop_->post([this] {
    if (shared_.knowledge.trust()->generation() != context_trust_) renew_context_or_keep();
    reconsider_everyone();
  });
}

void Worker::use_credential(std::shared_ptr<const tls::Credential> own) {
  loop_->post([this, own = std::move(own)] {
    own_ = own;
    renew_context_or_keep();
  });
}

/// Expiry needs no event from the feed, and idle upstream connections end without one.
net::Task<void> Worker::housekeeping() {
  for (;;) {
    co_await net::sleep_until(net::Deadline::after(kHousekeeping));
    reconsider_everyone();
    upstreams_.sweep();
  }
}

void Worker::drain(net::Deadline deadline, std::function<void()> ended) {
  loop_->post([this, deadline, ended = std::move(ended)] {
    net::spawn(*loop_, drain_until(deadline, ended), "gateway.drain", shared_.log);
  });
}

net::Task<void> Worker::drain_until(net::Deadline deadline, std::function<void()> ended) {
  (void)co_await server_->drain(deadline);
  ended();
  loop_->stop();
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace countersign::gateway
