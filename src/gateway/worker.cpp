#include "gateway/worker.h"

#include "crypto/random.h"

namespace countersign::gateway {
namespace {

constexpr base::Duration kHousekeeping = std::chrono::seconds(1);
/// Draining ends by its own deadline; this is beyond any.
constexpr base::Duration kLongestDrain = std::chrono::hours(24);

net::Task<void> drain_one(PartnerServer& server, net::Deadline deadline) { (void)co_await server.drain(deadline); }

}  // namespace

Worker::Worker(WorkerShared shared, std::shared_ptr<const tls::Library> library, Credentials own, Dice dice)
    : shared_(shared),
      library_(std::move(library)),
      loop_(std::make_unique<net::Loop>()),
      sessions_(std::make_shared<tls::SessionMemory>(tls::SessionMemory::Limits{}, library_, shared_.clock)),
      own_(std::move(own)),
      upstreams_({*loop_, shared.clock, shared.knowledge.registry(), shared.log}, shared.upstreams, dice),
      policy_(shared_.gate),
      tokens_(shared_.token_rings),
      authority_calls_({*loop_, shared_.authority, shared_.service, shared_.clock, shared_.log}) {}

Worker::~Worker() {
  loop_->stop();
  join();
  upstreams_.close();
  authority_calls_.close();
}

base::Result<std::unique_ptr<Worker>> Worker::make(WorkerShared shared, std::vector<net::Endpoint> at,
                                                   Credentials own) {
  BASE_TRY(auto library, tls::Library::make());
  crypto::SystemRandom random;
  BASE_TRY(const Dice dice, Dice::make(random));
  std::unique_ptr<Worker> worker(new Worker(shared, std::move(library), std::move(own), dice));
  BASE_TRY_VOID(worker->bind(std::move(at)));
  return worker;
}

base::Result<void> Worker::bind(std::vector<net::Endpoint> at) {
  const auto& plans = shared_.plans.listeners();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto rejudge_one = [this](const trust::AdmittedChain& chain) { return rejudge(chain); };
    Listener::Place place{*loop_, shared_.config, shared_.log, {library_, sessions_, rejudge_one}};
    BASE_TRY(auto listener, Listener::make(std::move(place), plans[i], std::move(at[i]), own_));
    listeners_.push_back(std::move(listener));
  }
  return {};
}

void Worker::start() {
  for (const auto& listener : listeners_)
    listener->start([this, &door = *listener](LivePartner& live) { return serve(door, live); });
  net::spawn(*loop_, housekeeping(), "gateway.housekeeping", shared_.log);
  thread_ = std::thread([this] {
    net::keep_back_stop_signals();
    loop_->run();
  });
}

net::Task<void> Worker::serve(Listener& listener, LivePartner& live) {
  if (live.connection.peer) {
    shared_.metrics.partner_accepted(live.connection.peer->identity().organisation.text());
    shared_.sightings.note(live.connection.peer->certificate().fingerprint());
  }
  const ConnectionContext context{
      *loop_,      shared_.config, shared_.routes,    shared_.knowledge, upstreams_, shared_.metrics, shared_.clock,
      shared_.log, listener,       listener.server(), policy_,           tokens_,    authority_calls_};
  return serve_connection(context, live);
}

std::optional<trust::Refusal> Worker::rejudge(const trust::AdmittedChain& chain) const {
  return trust::reconsider(chain, shared_.knowledge.registry(), shared_.clock.now());
}

/// Live connections, and sessions that clients could come back on.
void Worker::reconsider_everyone() {
  for (const auto& listener : listeners_)
    listener->server().reconsider(shared_.knowledge.registry(), shared_.clock.now());
  sessions_->sweep([this](const trust::AdmittedChain& chain) { return rejudge(chain).has_value(); });
}

void Worker::knowledge_changed() {
  loop_->post([this] {
    for (const auto& listener : listeners_)
      listener->renew_if_trust_changed(own_);
    reconsider_everyone();
  });
}

void Worker::use_credential(std::size_t place, std::shared_ptr<const tls::Credential> own) {
  loop_->post([this, place, own = std::move(own)] {
    own_[place] = own;
    for (const auto& listener : listeners_)
      listener->renew(own_);
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
  net::TaskGroup draining(*loop_, shared_.log);
  for (const auto& listener : listeners_)
    draining.spawn(drain_one(listener->server(), deadline), "gateway.drain_listener");
  (void)co_await draining.wait_until_empty(net::Deadline::after(kLongestDrain));
  ended();
  loop_->stop();
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace countersign::gateway
