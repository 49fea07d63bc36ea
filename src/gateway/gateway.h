// Gateway: the inbound data plane put together: knowledge from the trust feed, workers, status, and a graceful end.
#pragma once

#include <memory>
#include <vector>

#include "feed/data_plane.h"
#include "gateway/upstream/keeper.h"
#include "gateway/worker.h"
#include "http/plain_server.h"

namespace countersign::gateway {

class Gateway {
 public:
  /// Borrows clock and log. Fails: `feed.none` (law 4), `credential.*`, `net.listen`, `tls.context`.
  static base::Result<std::unique_ptr<Gateway>> make(GatewayConfig config, const base::Clock& clock,
                                                     const base::Log& log);

  const net::Endpoint& listening_at() const { return workers_.front()->local(); }
  const net::Endpoint& status_at() const { return status_->local(); }
  /// Serves until SIGTERM or SIGINT, then drains.
  void run();

 private:
  Gateway(GatewayConfig config, const base::Clock& clock, const base::Log& log)
      : config_(std::move(config)),
        clock_(clock),
        log_(log),
        routes_(config_.routes),
        upstreams_(config_.upstreams, config_.upstream_times()),
        chains_({.purposes = {trust::Purpose::transport}, .environment = config_.environment}) {}
  base::Result<void> load_certificates();
  base::Result<void> load_upstream_certificates();
  base::Result<void> keep_upstreams();
  void log_dangers() const;
  base::Result<void> bind();
  net::Task<void> stop_on_signal();
  http::Response answer_ready() const;
  net::Task<http::Response> answer_status(http::Request request);

  GatewayConfig config_;
  const base::Clock& clock_;
  const base::Log& log_;
  RouteTable routes_;
  UpstreamStates upstreams_;
  trust::ChainMemory chains_;
  Metrics metrics_;
  std::unique_ptr<feed::DataPlane> plane_;
  std::unique_ptr<UpstreamKeeper> keeper_;
  std::shared_ptr<const tls::Credential> server_credential_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<http::PlainServer> status_;
  bool draining_ = false;
};

}  // namespace countersign::gateway
