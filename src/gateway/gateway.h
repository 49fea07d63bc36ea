// Gateway: the inbound data plane put together: knowledge from the trust feed, workers, status, and a graceful end.
#pragma once

#include <memory>
#include <vector>

#include "feed/data_plane.h"
#include "gateway/upstream/keeper.h"
#include "gateway/worker.h"
#include "http/plain_server.h"
#include "net/reload_signal.h"
#include "policy/watch.h"

namespace countersign::gateway {

class Gateway {
 public:
  /// Borrows clock and log. Fails: `feed.none` (law 4), `credential.*`, `policy.*`, `net.listen`, `tls.context`.
  static base::Result<std::unique_ptr<Gateway>> make(GatewayConfig config, const base::Clock& clock,
                                                     const base::Log& log);

  /// Of each listener, in the order of the configuration.
  struct ListeningAt {
    std::string name;
    net::Endpoint at;
  };
  std::vector<ListeningAt> listening_at() const;
  const net::Endpoint& status_at() const { return status_->local(); }
  /// Serves until SIGTERM or SIGINT, then drains. SIGHUP reads the policy file again.
  void run();

 private:
  Gateway(GatewayConfig config, const base::Clock& clock, const base::Log& log)
      : config_(std::move(config)),
        clock_(clock),
        log_(log),
        routes_(config_.routes),
        upstreams_(config_.upstreams, config_.upstream_times()) {}
  base::Result<void> load_policy();
  base::Result<void> load_certificates();
  base::Result<void> load_upstream_certificates();
  base::Result<void> keep_upstreams();
  base::Result<void> bind();
  void say_what_is_weak() const;
  void say_who_may_come() const;
  std::string metrics_text() const;
  net::Task<void> stop_on_signal();
  net::Task<void> reload_on_signal();
  http::Response answer_ready() const;
  net::Task<http::Response> answer_status(http::Request request);

  GatewayConfig config_;
  const base::Clock& clock_;
  const base::Log& log_;
  RouteTable routes_;
  UpstreamStates upstreams_;
  Metrics metrics_;
  std::unique_ptr<policy::Gate> gate_;
  std::unique_ptr<policy::Watch> policy_watch_;  ///< null without a policy file
  std::unique_ptr<feed::DataPlane> plane_;
  std::unique_ptr<TokenRings> token_rings_;
  base::Published<tls::Credential> service_;
  std::unique_ptr<UpstreamKeeper> keeper_;
  std::optional<Plans> plans_;
  Credentials own_;  ///< in the places that plans_ names
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<http::PlainServer> status_;
  bool draining_ = false;
};

}  // namespace countersign::gateway
