#include "gateway/gateway.h"

#include "gateway/readiness.h"

namespace countersign::gateway {
namespace {

http::Response text_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.fields.add("Content-Type", "text/plain; version=0.0.4");
  response.body = std::move(body);
  return response;
}

}  // namespace

base::Result<std::unique_ptr<Gateway>> Gateway::make(GatewayConfig config, const base::Clock& clock,
                                                     const base::Log& log) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(config), clock, log));
  const GatewayConfig& checked = gateway->config_;
  feed::DataPlane::Options options{.data = checked.data,
                                   .authority = checked.authority,
                                   .trust_chain = checked.trust_chain,
                                   .other_roots = {checked.partner_chain}};
  BASE_TRY(gateway->plane_, feed::DataPlane::make(std::move(options), clock, log));
  BASE_TRY_VOID(gateway->load_certificates());
  BASE_TRY_VOID(gateway->bind());
  BASE_TRY_VOID(gateway->keep_upstreams());
  return gateway;
}

base::Result<void> Gateway::load_certificates() {
  // For the authority it is read again at each connection.
  const auto show_upstreams = [this](std::shared_ptr<const tls::Credential> own) {
    for (const auto& state : upstreams_.all())
      if (state->settings().tls && state->settings().tls->proof == UpstreamTls::Proof::service)
        state->use_credential(own);
  };
  BASE_TRY_VOID(plane_->keep({plane_->files("service"), trust::Purpose::service, show_upstreams}));
  BASE_TRY_VOID(load_upstream_certificates());
  const bool foreign = !config_.server_certificate.empty();
  feed::DataPlane::Kept server{
      foreign ? feed::CredentialFiles{config_.server_key, config_.server_certificate} : plane_->files("server"),
      foreign ? std::nullopt : std::optional(trust::Purpose::server),
      [this](std::shared_ptr<const tls::Credential> own) {
        server_credential_ = own;
        for (const auto& worker : workers_)
          worker->use_credential(own);
      }};
  return plane_->keep(std::move(server));
}

/// Those that the operator renews; the files are looked at again from time to time.
base::Result<void> Gateway::load_upstream_certificates() {
  for (const auto& state : upstreams_.all()) {
    const auto& tls = state->settings().tls;
    if (!tls || tls->proof != UpstreamTls::Proof::files) continue;
    const auto show = [state](std::shared_ptr<const tls::Credential> own) { state->use_credential(std::move(own)); };
    BASE_TRY_VOID(plane_->keep({tls->credential, std::nullopt, show}));
  }
  return {};
}

base::Result<void> Gateway::keep_upstreams() {
  crypto::SystemRandom random;
  BASE_TRY(const Dice dice, Dice::make(random));
  const UpstreamConnector::Needs needs{plane_->loop(), clock_, plane_->knowledge().registry(), log_};
  keeper_ = std::make_unique<UpstreamKeeper>(needs, dice);
  for (const auto& state : upstreams_.all())
    keeper_->keep(state);
  return {};
}

base::Result<void> Gateway::bind() {
  const WorkerShared shared{config_, routes_, plane_->knowledge(), chains_, plane_->sightings(), metrics_,
                            clock_,  log_,    upstreams_};
  net::Endpoint at = config_.listen;
  for (std::size_t i = 0; i < config_.workers; ++i) {
    BASE_TRY(auto worker, Worker::make(shared, at, server_credential_));
    at = worker->local();
    workers_.push_back(std::move(worker));
  }
  http::Handler status = [this](http::Request request) { return answer_status(std::move(request)); };
  BASE_TRY(status_, http::PlainServer::bind(plane_->loop(), config_.status, std::move(status), log_));
  return {};
}

void Gateway::log_dangers() const {
  const auto say = [this](const std::string& upstream) {
    log_.warning(
        "danger.plain_upstream",
        {{"upstream", upstream}, {"meaning", "partners' requests and identities cross the network in the clear"}});
  };
  for (const Route& route : config_.routes)
    if (route.danger_plain_upstream) say(route.upstream.to_string());
  for (const UpstreamSettings& upstream : config_.upstreams)
    if (upstream.danger_plain) say(upstream.name);
}

void Gateway::run() {
  log_dangers();
  for (const auto& worker : workers_)
    worker->start();
  log_.info("gateway.started", {{"listen", listening_at().to_string()},
                                {"tls", "mutual: a transport certificate is required"},
                                {"environment", base::name(config_.environment)},
                                {"workers", workers_.size()},
                                {"sequence", plane_->knowledge().sequence()}});
  plane_->start([this] {
    for (const auto& worker : workers_)
      worker->knowledge_changed();
  });
  net::spawn(plane_->loop(), status_->run(), "gateway.status", log_);
  net::spawn(plane_->loop(), stop_on_signal(), "gateway.stop", log_);
  plane_->loop().run();
  for (const auto& worker : workers_)
    worker->join();
  log_.info("gateway.stopped");
}

/// The main loop goes on while workers drain: a revocation still acts, and /ready says that we are going.
net::Task<void> Gateway::stop_on_signal() {
  const int signal = co_await net::wait_for_stop_signal(plane_->loop());
  log_.info("gateway.draining", {{"signal", signal}});
  draining_ = true;
  const auto one_ended = [this, left = std::make_shared<std::size_t>(workers_.size())] {
    plane_->loop().post([this, left] {
      if (--*left == 0) plane_->loop().stop();
    });
  };
  for (const auto& worker : workers_)
    worker->drain(net::Deadline::after(config_.drain_time), one_ended);
}

http::Response Gateway::answer_ready() const {
  const std::string_view why_not = why_not_ready(
      {.draining = draining_, .oldest_feed = config_.ready_feed_age, .feed_age_seconds = plane_->feed_age_seconds()});
  if (why_not.empty()) return text_response(200, "ready\n");
  return text_response(503, std::string(why_not) + "\n");
}

net::Task<http::Response> Gateway::answer_status(http::Request request) {
  const std::string& target = request.head.target;
  if (target == "/live") co_return text_response(200, "live\n");
  if (target == "/ready") co_return answer_ready();
  if (target != "/metrics") co_return text_response(404, "ask for /live, /ready or /metrics\n");
  const Metrics::Now now{plane_->knowledge().sequence(), plane_->feed_age_seconds(),
                         plane_->knowledge().registry().size(), chains_.counts()};
  co_return text_response(
      200, metrics_.to_text(now) + routes_.metrics() + upstreams_.to_text(std::chrono::steady_clock::now()));
}

}  // namespace countersign::gateway
