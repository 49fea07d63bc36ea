// Listener: one door of the gateway on one worker: the sockets, the sites behind it, and the server that shakes hands.
//
// It is made of a generation's plan, and takes over those of later ones for the same address. Belongs to its worker's
// thread; make() may be called before that runs.
#pragma once

#include <deque>
#include <memory>

#include "feed/refusals.h"
#include "gateway/generation.h"
#include "gateway/observe/span_exporter.h"
#include "gateway/site_table.h"
#include "gateway/upstream/dice.h"
#include "tls/server.h"

namespace countersign::gateway {

/// Callers are verified where a site requires it; where one does not, there may be none to know.
using PartnerServer = tls::Server<std::optional<tls::VerifiedPeer>>;
using LivePartner = tls::LiveConnection<std::optional<tls::VerifiedPeer>>;

/// What a listener does by one generation.
struct ListenerDuty {
  GenerationPointer generation;  ///< keeps the rest
  const ListenerPlan* plan;
  std::shared_ptr<const SiteTable> sites;
};

class Listener {
 public:
  /// What it needs of its worker; borrowed.
  struct Place {
    net::Loop& loop;
    const base::Log& log;
    SiteTable::Means means;
    /// Of handshakes that are refused.
    struct Spans {
      SpanExporter* exporter = nullptr;  ///< null: there are none
      const base::Clock* clock = nullptr;
      Dice* dice = nullptr;  ///< this thread's
    } spans = {};
    feed::Refusals* refusals = nullptr;  ///< told of them, by the clock of `spans`
  };
  /// Watches the sockets, at least one, all of one address. Fails: `net.listen`.
  static base::Result<std::unique_ptr<Listener>> make(Place place, ListenerDuty duty,
                                                      std::vector<net::ListenSocket> sockets);

  const net::Endpoint& local() const { return sockets_.front().local(); }
  const ListenerConfig& config() const { return *duty_.plan->config; }
  /// The configuration of a site, by its name; null: there is none any more.
  const SiteConfig* site_config(const std::string& name) const { return duty_.plan->find_site(name); }
  PartnerServer& server() { return *server_; }
  void count_tcp(const TcpOutcome& outcome) { counts_->tcp(outcome); }
  bool is_started() const { return server_ != nullptr; }
  void start(PartnerServer::Handler handler);

  /// New handshakes go by it from now on. Live connections that could not be made like this any more - their site is
  /// gone, or asks for more than they showed - end with the request they are at.
  void take_over(ListenerDuty duty);
  /// With trust and certificates of this moment; as before, and said in the log, where that cannot be.
  void renew(const Credentials& own);
  void renew_if_trust_changed(const Credentials& own);
  /// The site that a host belongs to; null: none.
  std::shared_ptr<const tls::Site> site_of(const std::string& host) const { return duty_.sites->choose(host); }

  /// Takes no more connections, and ends those there are.
  net::Task<bool> drain(tls::Drain how);

 private:
  Listener(Place place, ListenerDuty duty, std::deque<net::Listener> sockets);
  tls::ServerOptions options();
  tls::Entrance entrance() const;
  bool is_welcome(const LivePartner& live) const;
  void note_refusal(const tls::HandshakeFailure& failure) const;
  void export_refusal(const tls::HandshakeFailure& failure, const net::Endpoint& client, base::Duration took);

  Place place_;
  ListenerDuty duty_;
  std::deque<net::Listener> sockets_;
  std::shared_ptr<ListenerCounts> counts_;  ///< those the server was made with
  std::unique_ptr<PartnerServer> server_;
};

}  // namespace countersign::gateway
