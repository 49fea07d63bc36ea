#include "gateway/listener.h"

namespace countersign::gateway {
namespace {

/// All connections that an address may have, at once after a restart of its own, at the usual rate.
constexpr double kBurstSeconds = 10;

}  // namespace

base::Result<std::unique_ptr<Listener>> Listener::make(Place place, const ListenerPlan& plan, net::Endpoint at,
                                                       const Credentials& own) {
  const net::Listener::Options options{.at = std::move(at), .reuse_port = place.config.workers > 1};
  BASE_TRY(auto socket, net::Listener::bind(place.loop, options));
  BASE_TRY(auto sites, SiteTable::make(plan, own, place.means));
  return std::unique_ptr<Listener>(new Listener(std::move(place), plan, std::move(socket), std::move(sites)));
}

/// A handshake goes on with the sites of the moment at which it began.
tls::Entrance Listener::entrance() const {
  return {.first = sites_->first(),
          .choose = [sites = sites_](const std::string& name) { return sites->choose(name); }};
}

void Listener::start(PartnerServer::Handler handler) {
  const auto rate = static_cast<double>(place_.config.handshakes_per_second);
  const tls::ServerOptions options{.name = config().name,
                                   .handshakes_per_second = rate,
                                   .handshake_burst = rate * kBurstSeconds,
                                   .proxies = place_.config.proxies};
  server_ = std::make_unique<PartnerServer>(
      place_.loop, socket_, options, [this] { return entrance(); }, std::move(handler), *plan_.counts, place_.log);
  net::spawn(place_.loop, server_->run(), "gateway.accept", place_.log);
}

void Listener::renew(const Credentials& own) {
  auto renewed = SiteTable::make(plan_, own, place_.means);
  if (renewed) sites_ = std::move(*renewed);
  else
    place_.log.error("gateway.context_kept",
                     {{"listener", config().name}, {"error", base::to_string(renewed.error())}});
}

void Listener::renew_if_trust_changed(const Credentials& own) {
  if (!sites_->is_current()) renew(own);
}

}  // namespace countersign::gateway
