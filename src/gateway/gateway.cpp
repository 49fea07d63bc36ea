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
  BASE_TRY_VOID(gateway->load_policy());
  feed::DataPlane::Options options{.data = checked.data,
                                   .authority = checked.authority,
                                   .trust_chain = checked.trust_chain,
                                   .other_roots = trust_files(checked)};
  options.other_roots.push_back(checked.partner_chain);
  BASE_TRY(gateway->plane_, feed::DataPlane::make(std::move(options), clock, log));
  gateway->token_rings_ = std::make_unique<TokenRings>(gateway->plane_->knowledge(), log);
  gateway->token_rings_->refresh();
  BASE_TRY(gateway->plans_, Plans::make(checked, gateway->plane_->knowledge(), gateway->metrics_, clock, log));
  BASE_TRY_VOID(gateway->load_certificates());
  BASE_TRY_VOID(gateway->bind());
  BASE_TRY_VOID(gateway->keep_upstreams());
  return gateway;
}

/// Broken at start: the gateway does not start (law 4). Later the last good one stays.
base::Result<void> Gateway::load_policy() {
  if (config_.policy.empty()) {
    gate_ = std::make_unique<policy::Gate>(policy::Policy::nothing(), log_);
    return {};
  }
  BASE_TRY(auto loaded, policy::Watch::load(config_.policy));
  policy::announce(*loaded.policy, config_.policy.string(), 1, log_);
  gate_ = std::make_unique<policy::Gate>(std::move(loaded.policy), log_);
  policy_watch_ = std::make_unique<policy::Watch>(*gate_, config_.policy, std::move(loaded.text), log_);
  return {};
}

base::Result<void> Gateway::load_certificates() {
  // For the authority it is read again at each connection.
  const auto show_upstreams = [this](std::shared_ptr<const tls::Credential> own) {
    service_.publish(own);
    for (const auto& state : upstreams_.all())
      if (state->settings().tls && state->settings().tls->proof == UpstreamTls::Proof::service)
        state->use_credential(own);
  };
  BASE_TRY_VOID(plane_->keep({plane_->files("service"), trust::Purpose::service, show_upstreams}));
  BASE_TRY_VOID(load_upstream_certificates());
  own_.resize(plans_->credentials().size());
  for (std::size_t place = 0; place < own_.size(); ++place) {
    const auto& files = plans_->credentials()[place];
    feed::DataPlane::Kept kept{files ? *files : plane_->files("server"),
                               files ? std::nullopt : std::optional(trust::Purpose::server),
                               [this, place](std::shared_ptr<const tls::Credential> own) {
                                 own_[place] = own;
                                 for (const auto& worker : workers_)
                                   worker->use_credential(place, own);
                               }};
    BASE_TRY_VOID(plane_->keep(std::move(kept)));
  }
  return {};
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
  const WorkerShared shared{
      config_, routes_, plane_->knowledge(), *plans_,       plane_->sightings(),      metrics_, clock_,
      log_,    *gate_,  upstreams_,          *token_rings_, plane_->authority_link(), service_};
  std::vector<net::Endpoint> at;
  for (const ListenerConfig& listener : config_.listeners)
    at.push_back(listener.listen);
  for (std::size_t i = 0; i < config_.workers; ++i) {
    BASE_TRY(auto worker, Worker::make(shared, at, own_));
    for (std::size_t one = 0; one < at.size(); ++one)
      at[one] = worker->listeners()[one]->local();
    workers_.push_back(std::move(worker));
  }
  http::Handler status = [this](http::Request request) { return answer_status(std::move(request)); };
  BASE_TRY(status_, http::PlainServer::bind(plane_->loop(), config_.status, std::move(status), log_));
  return {};
}

std::vector<Gateway::ListeningAt> Gateway::listening_at() const {
  std::vector<ListeningAt> all;
  for (const auto& listener : workers_.front()->listeners())
    all.push_back({listener->config().name, listener->local()});
  return all;
}

void Gateway::say_what_is_weak() const {
  const auto say_plain = [this](const std::string& upstream) {
    log_.warning(
        "danger.plain_upstream",
        {{"upstream", upstream}, {"meaning", "partners' requests and identities cross the network in the clear"}});
  };
  for (const Route& route : config_.routes) {
    if (route.access != policy::Access::by_grant)
      log_.info("gateway." + std::string(policy::name(route.access)),
                {{"host", route.host},
                 {"path", route.path},
                 {"meaning", route.access == policy::Access::anyone
                                 ? "whoever a listener lets in may use this route, without a certificate, too"
                                 : "every partner of this environment may use this route"}});
    if (route.danger_plain_upstream) say_plain(route.upstream.to_string());
  }
  for (const UpstreamSettings& upstream : config_.upstreams)
    if (upstream.danger_plain) say_plain(upstream.name);
}

/// What the TLS of each listener is, under each of its names: one record each.
void Gateway::say_who_may_come() const {
  for (const auto& listener : workers_.front()->listeners())
    for (const SiteConfig* site : listener->config().reachable()) {
      std::string names;
      for (const std::string& name : site->names)
        names += (names.empty() ? "" : " ") + name;
      const bool resumes = listener->config().resumption == tls::Resumption::stateful;
      log_.info("gateway.listening", {{"listener", listener->config().name},
                                      {"at", listener->local().to_string()},
                                      {"site", site->name()},
                                      {"names", names.empty() ? "others" : names},
                                      {"tls", tls_word(site->client_certificate)},
                                      {"environment", base::name(site->environment)},
                                      {"trust", site->trust.string()},
                                      {"resumption", resumes ? "stateful" : "off"}});
    }
}

void Gateway::run() {
  say_what_is_weak();
  for (const auto& worker : workers_)
    worker->start();
  say_who_may_come();
  log_.info("gateway.started", {{"listen", listening_at().front().at.to_string()},
                                {"listeners", config_.listeners.size()},
                                {"workers", workers_.size()},
                                {"sequence", plane_->knowledge().sequence()}});
  plane_->start([this] {
    token_rings_->refresh();
    for (const auto& worker : workers_)
      worker->knowledge_changed();
  });
  net::spawn(plane_->loop(), status_->run(), "gateway.status", log_);
  net::spawn(plane_->loop(), stop_on_signal(), "gateway.stop", log_);
  net::spawn(plane_->loop(), reload_on_signal(), "gateway.reload", log_);
  if (policy_watch_) net::spawn(plane_->loop(), policy_watch_->run(), "gateway.policy", log_);
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

net::Task<void> Gateway::reload_on_signal() {
  net::ReloadSignal signal(plane_->loop());
  while (co_await signal.next()) {
    log_.info("gateway.reload");
    if (policy_watch_) policy_watch_->take();
  }
}

std::string Gateway::metrics_text() const {
  const Metrics::Now now{plane_->knowledge().sequence(), plane_->feed_age_seconds(),
                         plane_->knowledge().registry().size(), plans_->chain_counts()};
  std::string text = metrics_.to_text(now) + ListenerCounts::heading();
  for (const ListenerPlan& plan : plans_->listeners())
    text += plan.counts->to_text(*plan.config);
  return text + gate_->metrics() + routes_.metrics() + upstreams_.to_text(std::chrono::steady_clock::now());
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
  co_return text_response(200, metrics_text());
}

}  // namespace countersign::gateway
