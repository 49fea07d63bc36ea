// Listener: one door of the gateway on one worker: the port, the sites behind it, and the server that shakes hands.
#pragma once

#include <memory>

#include "gateway/site_table.h"
#include "tls/server.h"

namespace countersign::gateway {

/// Callers are verified where a site requires it; where one does not, there may be none to know.
using PartnerServer = tls::Server<std::optional<tls::VerifiedPeer>>;
using LivePartner = tls::LiveConnection<std::optional<tls::VerifiedPeer>>;

class Listener {
 public:
  /// What it needs of its worker; borrowed.
  struct Place {
    net::Loop& loop;
    const GatewayConfig& config;
    const base::Log& log;
    SiteTable::Means means;
  };
  /// Binds. Fails: `net.listen`, `tls.context`.
  static base::Result<std::unique_ptr<Listener>> make(Place place, const ListenerPlan& plan, net::Endpoint at,
                                                      const Credentials& own);

  const net::Endpoint& local() const { return socket_.local(); }
  const ListenerConfig& config() const { return *plan_.config; }
  PartnerServer& server() { return *server_; }
  void start(PartnerServer::Handler handler);

  /// With trust and certificates of this moment; as before, and said in the log, where that cannot be.
  void renew(const Credentials& own);
  void renew_if_trust_changed(const Credentials& own);
  /// The site that a host belongs to; null: none.
  std::shared_ptr<const tls::Site> site_of(const std::string& host) const { return sites_->choose(host); }

 private:
  Listener(Place place, const ListenerPlan& plan, net::Listener socket, std::shared_ptr<const SiteTable> sites)
      : place_(std::move(place)), plan_(plan), socket_(std::move(socket)), sites_(std::move(sites)) {}
  tls::Entrance entrance() const;

  Place place_;
  const ListenerPlan& plan_;
  net::Listener socket_;
  std::shared_ptr<const SiteTable> sites_;
  std::unique_ptr<PartnerServer> server_;
};

}  // namespace countersign::gateway
