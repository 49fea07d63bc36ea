// Service: the authority's two listeners, from the first connection to the last.
//
// `api`: TLS, a client certificate is verified when sent. `internal`: mutual TLS only. Lives on one loop; the registry
// is worked on by one worker.
#pragma once

#include "authority/doors/internal_api.h"
#include "http/server.h"
#include "tls/server.h"

namespace countersign::authority {

/// Connections live at once on each listener, and handshakes under way. Of those on the API's, callers without a
/// certificate, partners and handshakes have a quarter each at most: the rest is for operators.
inline constexpr std::size_t kConnectionLimit = 1024;
inline constexpr std::size_t kHandshakeLimit = kConnectionLimit / 4;
inline constexpr std::size_t kAnonymousLimit = kConnectionLimit / 4;
inline constexpr std::size_t kPartnerLimit = kConnectionLimit / 4;
/// Between two calls of a partner or of one without a certificate; operators have http::ServerOptions::idle_time.
inline constexpr base::Duration kAnonymousIdleTime = std::chrono::seconds(10);
inline constexpr base::Duration kHandshakeTime = std::chrono::seconds(10);
/// A request body; a CSR may be 64 KiB.
inline constexpr std::size_t kBodyLimit = 256 * 1024;
inline constexpr base::Duration kDrainTime = std::chrono::seconds(10);

/// The places of each listener where the process may have `files` open: an equal share for each, so that none can
/// take what the other needs, and some for everything else.
std::size_t connections_within(std::size_t files);

/// Places of the API for those of whom there may be many.
struct Places {
  std::size_t anonymous = kAnonymousLimit;
  std::size_t partners = kPartnerLimit;
};

class Service {
 public:
  /// Binds both listeners. Fails: `net.listen`, and as tls::load_credential and tls::ServerContext::make.
  static base::Result<std::unique_ptr<Service>> make(const Settings& settings, const Api::Parts& parts, FeedBell& bell,
                                                     Places places = {});

  ~Service();

  const net::Endpoint& api_at() const { return api_listener_.local(); }
  const net::Endpoint& internal_at() const { return internal_listener_.local(); }

  /// Starts accepting, and looking after the server certificate.
  void start();
  /// Takes no more connections, lets requests under way end within kDrainTime, then cuts what is left.
  net::Task<void> drain();

 private:
  using ApiServer = tls::Server<std::optional<tls::VerifiedPeer>>;
  using InternalServer = tls::Server<tls::VerifiedPeer>;
  class Observer;

  struct Listeners {
    net::Listener api;
    net::Listener internal;
  };
  Service(const Api::Parts& parts, FeedBell& bell, Listeners listeners, Places places);
  base::Result<void> load_contexts();
  net::Task<void> look_after_certificate();
  /// Cuts the connections of those who are no longer admitted (law 6): at every publication, and as time passes.
  void reconsider_everyone();
  net::Task<void> look_after_connections();
  /// At every publication: who is trusted may be others now.
  void take_news();
  net::Task<void> renew_certificate();
  net::Task<void> forget_refusals();
  net::Task<void> keep_up_with_registry();
  net::Task<void> serve_api(ApiServer::Live& live);
  net::Task<void> serve_limited(ApiServer::Live& live, std::shared_ptr<std::size_t> places, std::size_t limit);
  net::Task<void> answer_api(ApiServer::Live& live, const http::ServerOptions& options);
  net::Task<void> serve_internal(InternalServer::Live& live);
  template <class Live>
  http::ServerOptions http_options(Live& live) const;

  Api::Parts parts_;
  FeedBell& bell_;
  const Places limits_;
  Gate api_gate_;
  Gate internal_gate_;
  Api api_;
  InternalApi internal_api_;
  net::Listener api_listener_;
  net::Listener internal_listener_;
  std::shared_ptr<const tls::ServerContext> api_context_;
  std::shared_ptr<const tls::ServerContext> internal_context_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<ApiServer> api_server_;
  std::unique_ptr<InternalServer> internal_server_;
  std::shared_ptr<std::size_t> anonymous_ = std::make_shared<std::size_t>(0);
  std::shared_ptr<std::size_t> partners_ = std::make_shared<std::size_t>(0);
  std::shared_ptr<const trust::TrustSet> trust_;  ///< whose names the contexts send
  bool draining_ = false;
};

}  // namespace countersign::authority
