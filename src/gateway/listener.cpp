#include "gateway/listener.h"

#include <algorithm>

#include "gateway/spans.h"

namespace countersign::gateway {
namespace {

/// All connections that an address may have, at once after a restart of its own, at the usual rate.
constexpr double kBurstSeconds = 10;

}  // namespace

Listener::Listener(Place place, ListenerDuty duty, std::deque<net::Listener> sockets)
    : place_(std::move(place)), duty_(std::move(duty)), sockets_(std::move(sockets)), counts_(duty_.plan->counts) {}

base::Result<std::unique_ptr<Listener>> Listener::make(Place place, ListenerDuty duty,
                                                       std::vector<net::ListenSocket> sockets) {
  std::deque<net::Listener> watched;
  for (net::ListenSocket& socket : sockets) {
    BASE_TRY(auto one, net::Listener::watch(place.loop, std::move(socket)));
    watched.push_back(std::move(one));
  }
  return std::unique_ptr<Listener>(new Listener(std::move(place), std::move(duty), std::move(watched)));
}

/// A handshake goes on with the sites of the moment at which it began.
tls::Entrance Listener::entrance() const {
  return {.first = duty_.sites->first(),
          .choose = [sites = duty_.sites](const std::string& name) { return sites->choose(name); }};
}

tls::ServerOptions Listener::options() {
  const GatewayConfig& config = duty_.generation->config();
  const auto rate = static_cast<double>(config.handshakes_per_second);
  return {.name = duty_.plan->config->name,
          .handshakes_per_second = rate,
          .handshake_burst = rate * kBurstSeconds,
          .proxies = config.proxies,
          .refused = [this](const tls::HandshakeFailure& failure, const net::Endpoint& client, base::Duration took) {
            note_refusal(failure);
            export_refusal(failure, client, took);
          }};
}

/// For its owner. The handshake is over by now: nobody waits for this.
void Listener::note_refusal(const tls::HandshakeFailure& failure) const {
  if (place_.refusals != nullptr && failure.refusal) place_.refusals->note(*failure.refusal, place_.spans.clock->now());
}

/// As often as traces that begin with a request.
void Listener::export_refusal(const tls::HandshakeFailure& failure, const net::Endpoint& client, base::Duration took) {
  const Place::Spans& spans = place_.spans;
  if (spans.exporter == nullptr || !spans.exporter->is_on()) return;
  if (spans.dice->roll(100) >= duty_.generation->config().trace_sample_percent) return;
  const RefusedAt at{.client = client, .listener = config().name, .ended = spans.clock->now(), .took = took};
  spans.exporter->take(span_of_refusal(failure, at, *spans.dice));
}

void Listener::start(PartnerServer::Handler handler) {
  server_ = std::make_unique<PartnerServer>(
      place_.loop, sockets_.front(), options(), [this] { return entrance(); }, std::move(handler), *counts_,
      place_.log);
  net::spawn(place_.loop, server_->run(), "gateway.accept", place_.log);
  for (std::size_t i = 1; i < sockets_.size(); ++i)
    net::spawn(place_.loop, server_->run_at(sockets_[i]), "gateway.accept", place_.log);
}

bool Listener::is_welcome(const LivePartner& live) const {
  const auto site = duty_.sites->choose(live.connection.server_name);
  if (site == nullptr || site->name != live.connection.site->name) return false;
  const auto plan =
      std::ranges::find_if(duty_.plan->sites, [&](const SitePlan& one) { return one.config->name() == site->name; });
  if (plan == duty_.plan->sites.end() || plan->config->tcp.upstream != live.connection.site->tunnel) return false;
  if (live.connection.protocol == tls::Protocol::http_2 && duty_.plan->best != tls::Protocol::http_2) return false;
  if (!live.connection.peer) return site->mode() != tls::ClientCertificate::required;
  return plan->view->believes(live.connection.peer->admitted());
}

void Listener::take_over(ListenerDuty duty) {
  duty_ = std::move(duty);
  server_->use(options());
  server_->dismiss([this](const LivePartner& live) { return !is_welcome(live); },
                   net::Deadline::after(duty_.generation->config().drain_time));
}

void Listener::renew(const Credentials& own) {
  auto renewed = SiteTable::make(*duty_.plan, own, place_.means);
  if (renewed) duty_.sites = std::move(*renewed);
  else
    place_.log.error("gateway.context_kept",
                     {{"listener", config().name}, {"error", base::to_string(renewed.error())}});
}

void Listener::renew_if_trust_changed(const Credentials& own) {
  if (!duty_.sites->is_current()) renew(own);
}

net::Task<bool> Listener::drain(tls::Drain how) {
  for (net::Listener& socket : sockets_)
    socket.close();
  return server_->drain(how);
}

}  // namespace countersign::gateway
