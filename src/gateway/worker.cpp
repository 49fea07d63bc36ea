#include "gateway/worker.h"

#include <algorithm>

#include "crypto/random.h"

namespace countersign::gateway {
namespace {

constexpr base::Duration kHousekeeping = std::chrono::seconds(1);
/// Draining ends by its own deadline; this is beyond any.
constexpr base::Duration kLongestDrain = std::chrono::hours(24);

net::Task<void> drain_one(Listener& listener, tls::Drain how) { (void)co_await listener.drain(how); }

GenerationPointer counted_apart(GenerationPointer generation) {
  const auto own = std::make_shared<const GenerationPointer>(std::move(generation));
  return GenerationPointer(own, own->get());
}

}  // namespace

Worker::Worker(WorkerShared shared, std::shared_ptr<const tls::Library> library, const GenerationPointer& first,
               Dice dice)
    : shared_(shared),
      library_(std::move(library)),
      loop_(std::make_unique<net::Loop>()),
      sessions_(std::make_shared<tls::SessionMemory>(tls::SessionMemory::Limits{}, library_, shared_.clock)),
      upstreams_({*loop_, shared.clock, shared.knowledge.registry(), shared.log}, first->upstreams(), dice),
      policy_(shared_.gate),
      tokens_(shared_.token_rings),
      authority_calls_({*loop_, shared_.authority, shared_.service, shared_.clock, shared_.log}),
      records_(*loop_, shared_.log, shared_.records),
      retirements_(*loop_, shared.log) {}

Worker::~Worker() {
  loop_->stop();
  join();
  upstreams_.close();
  authority_calls_.close();
}

base::Result<std::unique_ptr<Worker>> Worker::make(WorkerShared shared, const GenerationPointer& first) {
  BASE_TRY(auto library, tls::Library::make());
  crypto::SystemRandom random;
  BASE_TRY(const Dice dice, Dice::make(random));
  return std::unique_ptr<Worker>(new Worker(shared, std::move(library), first, dice));
}

Listener::Place Worker::place() {
  return {*loop_, shared_.log, means(), {shared_.spans, &shared_.clock, &upstreams_.dice()}, &shared_.refusals};
}

SiteTable::Means Worker::means() const {
  return {library_, sessions_, [this](const trust::AdmittedChain& chain) { return rejudge(chain); }};
}

base::Result<Worker::Prepared> Worker::prepare(GenerationPointer generation, Credentials own) const {
  Prepared prepared{std::move(generation), std::move(own), {}, {}};
  for (const ListenerPlan& plan : prepared.generation->plans().listeners()) {
    BASE_TRY(auto sites, SiteTable::make(plan, prepared.own, means()));
    prepared.sites.push_back(std::move(sites));
  }
  return prepared;
}

void Worker::use_generation(GenerationPointer generation, Credentials own) {
  now_ = counted_apart(std::move(generation));
  own_ = std::move(own);
  upstreams_.use(now_->upstreams());
}

base::Result<void> Worker::begin(Prepared first) {
  use_generation(first.generation, std::move(first.own));
  const auto& plans = now_->plans().listeners();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    ListenerDuty duty{now_, &plans[i], std::move(first.sites[i])};
    BASE_TRY(auto listener, Listener::make(place(), std::move(duty), std::move(first.sockets[i].sockets)));
    listeners_.push_back(std::move(listener));
  }
  return {};
}

void Worker::open(std::unique_ptr<Listener> listener) {
  listener->start([this, door = listener.get()](LivePartner& live) { return serve(*door, live); });
  listeners_.push_back(std::move(listener));
}

void Worker::start() {
  for (auto& listener : std::exchange(listeners_, {}))
    open(std::move(listener));
  net::spawn(*loop_, housekeeping(), "gateway.housekeeping", shared_.log);
  thread_ = std::thread([this] {
    net::keep_back_stop_signals();
    loop_->run();
  });
}

void Worker::take_over(Prepared next) {
  const auto held = std::make_shared<Prepared>(std::move(next));
  loop_->post([this, held] {
    if (!draining_) replace(std::move(*held));
  });
}

std::unique_ptr<Listener> Worker::take_known(const std::string& door) {
  const auto known = std::ranges::find_if(
      listeners_, [&](const auto& one) { return one != nullptr && door_of(one->config()) == door; });
  return known == listeners_.end() ? nullptr : std::move(*known);
}

/// One turn of the loop: no request and no handshake sees half of it.
void Worker::replace(Prepared next) {
  use_generation(next.generation, std::move(next.own));
  std::vector<std::unique_ptr<Listener>> listeners;
  const auto& plans = now_->plans().listeners();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const std::string door = door_of(*plans[i].config);
    ListenerDuty duty{now_, &plans[i], std::move(next.sites[i])};
    const auto fresh = std::ranges::find(next.sockets, door, &ListenerSockets::door);
    if (fresh == next.sockets.end()) {
      auto known = take_known(door);
      if (known == nullptr) continue;  // lost, which was said
      known->take_over(std::move(duty));
      listeners.push_back(std::move(known));
      continue;
    }
    auto made = Listener::make(place(), std::move(duty), std::move(fresh->sockets));
    if (made) listeners.push_back(std::move(*made));
    else shared_.log.error("gateway.listener_lost", {{"at", door}, {"error", base::to_string(made.error())}});
  }
  for (auto& gone : std::exchange(listeners_, {}))
    if (gone != nullptr) retirements_.spawn(retire(std::move(gone)), "gateway.retire");
  for (auto& listener : listeners)
    if (listener->is_started()) listeners_.push_back(std::move(listener));
    else open(std::move(listener));
}

/// Its address is no longer in the configuration.
net::Task<void> Worker::retire(std::shared_ptr<Listener> listener) {
  retiring_.push_back(listener);
  const tls::Drain how{.deadline = net::Deadline::after(now_->config().drain_time)};
  (void)co_await listener->drain(how);
  std::erase(retiring_, listener);
  // The frames of its tasks use it: what drain() cut, and what accepted, is gone a moment later.
  do
    co_await net::sleep_until(net::Deadline::after(kHousekeeping));
  while (listener->server().live() > 0);
}

net::Task<void> Worker::serve(Listener& listener, LivePartner& live) {
  if (live.connection.peer) {
    shared_.metrics.partner_accepted(live.connection.peer->identity().organisation.text());
    shared_.sightings.note(live.connection.peer->certificate().fingerprint());
  }
  const ConnectionContext context{
      *loop_,          now_,          shared_.knowledge, upstreams_, shared_.metrics, shared_.clock,
      shared_.log,     listener,      listener.server(), policy_,    tokens_,         authority_calls_,
      shared_.signing, shared_.spans, records_};
  return serve_connection(context, live);
}

std::optional<trust::Refusal> Worker::rejudge(const trust::AdmittedChain& chain) const {
  return trust::reconsider(chain, shared_.knowledge.registry(), shared_.clock.now());
}

/// Live connections on both sides, and sessions that clients could come back on.
void Worker::reconsider_everyone() {
  for (const auto& listener : listeners_)
    listener->server().reconsider(shared_.knowledge.registry(), shared_.clock.now());
  for (const auto& listener : retiring_)
    listener->server().reconsider(shared_.knowledge.registry(), shared_.clock.now());
  upstreams_.reconsider();
  sessions_->sweep([this](const trust::AdmittedChain& chain) { return rejudge(chain).has_value(); });
}

void Worker::knowledge_changed() {
  loop_->post([this] {
    for (const auto& listener : listeners_)
      listener->renew_if_trust_changed(own_);
    reconsider_everyone();
  });
}

void Worker::use_credential(std::uint64_t generation, std::size_t place, OwnCertificate own) {
  loop_->post([this, generation, place, own = std::move(own)] {
    if (now_->number() != generation) return;
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

void Worker::drain(tls::Drain how, std::function<void()> ended) {
  loop_->post([this, how, ended = std::move(ended)] {
    draining_ = true;
    net::spawn(*loop_, drain_until(how, ended), "gateway.drain", shared_.log);
  });
}

net::Task<void> Worker::drain_until(tls::Drain how, std::function<void()> ended) {
  net::TaskGroup draining(*loop_, shared_.log);
  for (const auto& listener : listeners_)
    draining.spawn(drain_one(*listener, how), "gateway.drain_listener");
  (void)co_await draining.wait_until_empty(net::Deadline::after(kLongestDrain));
  (void)co_await retirements_.wait_until_empty(how.deadline);
  ended();
  loop_->stop();
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace countersign::gateway
