#include "authority/doors/service.h"

#include <algorithm>

#include "authority/registry/follow.h"
#include "authority/registry/refused_certificates.h"
#include "base/check.h"
#include "base/counted.h"
#include "base/process.h"

namespace countersign::authority {
namespace {

/// How often the server certificate is looked at.
constexpr base::Duration kCertificateCheck = std::chrono::hours(1);
/// How often it is looked for refusals that are too old to be kept.
constexpr base::Duration kForgetEvery = std::chrono::hours(1);
/// How often live connections are looked at for certificates that have ended.
constexpr base::Duration kConnectionCheck = std::chrono::seconds(5);
/// When a shared registry is looked at again after it could not be.
constexpr base::Duration kFollowAgain = std::chrono::seconds(1);

/// Operators, people of partners, and partners' applications, which may renew what they have.
trust::Policy api_policy() {
  return {.purposes = {trust::Purpose::service, trust::Purpose::transport, trust::Purpose::person},
          .environment = std::nullopt,
          .server_name = std::nullopt};
}

trust::Policy internal_policy() {
  return {.purposes = {trust::Purpose::service, trust::Purpose::ehi},
          .environment = std::nullopt,
          .server_name = std::nullopt};
}

bool is_of_partners(trust::Purpose purpose) {
  return purpose == trust::Purpose::transport || purpose == trust::Purpose::person;
}

/// Files that are no connections: the registry, listeners, timers, whatever is written now.
constexpr std::size_t kOtherFiles = 64;
/// api, internal, status.
constexpr std::size_t kListeners = 3;

}  // namespace

/// Says when a listener is full, ever more rarely. Refusals and failures are records of tls::Server already.
class Service::Observer final : public tls::ServerObserver {
 public:
  explicit Observer(const base::Log& log) : log_(log) {}
  void accepted() override {}
  void refused(trust::Reason) override {}
  void failed(const std::string&) override {}
  void cut(trust::Reason) override {}
  void shed() override {
    ++shed_;
    if ((shed_ & (shed_ - 1)) == 0)
      log_.warning("listener.full", {{"turned_away", shed_}, {"limit", kConnectionLimit}});
  }

 private:
  const base::Log& log_;
  std::size_t shed_ = 0;
};

std::size_t connections_within(std::size_t files) {
  if (files <= kOtherFiles) return 1;
  return std::clamp((files - kOtherFiles) / kListeners, std::size_t{1}, kConnectionLimit);
}

Service::Service(const Api::Parts& parts, FeedBell& bell, Listeners listeners, Places places)
    : parts_(parts),
      bell_(bell),
      limits_(places),
      api_gate_(parts.authority, parts.log, "api", api_policy()),
      internal_gate_(parts.authority, parts.log, "internal", internal_policy()),
      api_(parts, api_gate_),
      internal_api_(parts, internal_gate_, bell),
      api_listener_(std::move(listeners.api)),
      internal_listener_(std::move(listeners.internal)),
      observer_(std::make_unique<Observer>(parts.log)) {}

Service::~Service() { bell_.on_news(nullptr); }

base::Result<std::unique_ptr<Service>> Service::make(const Settings& settings, const Api::Parts& parts, FeedBell& bell,
                                                     Places places) {
  BASE_TRY(auto api, net::Listener::bind(parts.loop, {.at = settings.api}));
  BASE_TRY(auto internal, net::Listener::bind(parts.loop, {.at = settings.internal}));
  std::unique_ptr<Service> service(new Service(parts, bell, {std::move(api), std::move(internal)}, places));
  BASE_TRY_VOID(service->load_contexts());
  return service;
}

base::Result<void> Service::load_contexts() {
  trust_ = parts_.authority.trust();
  BASE_TRY(const auto own, feed::load(server_files(parts_.authority.folder())));
  BASE_TRY(auto api, tls::ServerContext::make(own, tls::ClientCertificate::optional, api_gate_.issuers()));
  BASE_TRY(auto internal, tls::ServerContext::make(own, tls::ClientCertificate::required, internal_gate_.issuers()));
  api_context_ = std::move(api);
  internal_context_ = std::move(internal);
  return {};
}

void Service::start() {
  const std::size_t places = connections_within(base::file_limit());
  if (places < kConnectionLimit) parts_.log.warning("limits.connections", {{"each_listener", places}});
  const auto options = [places](const char* name) {
    return tls::ServerOptions{
        .name = name, .connections = places, .handshakes = kHandshakeLimit, .handshake_time = kHandshakeTime};
  };
  api_server_ = std::make_unique<ApiServer>(
      parts_.loop, api_listener_, options("api"), [this] { return api_context_; }, api_gate_.judge(),
      [this](ApiServer::Live& live) { return serve_api(live); }, *observer_, parts_.log);
  internal_server_ = std::make_unique<InternalServer>(
      parts_.loop, internal_listener_, options("internal"), [this] { return internal_context_; },
      internal_gate_.judge(), [this](InternalServer::Live& live) { return serve_internal(live); }, *observer_,
      parts_.log);
  net::spawn(parts_.loop, api_server_->run(), "api.accept", parts_.log);
  net::spawn(parts_.loop, internal_server_->run(), "internal.accept", parts_.log);
  net::spawn(parts_.loop, look_after_certificate(), "certificate.renewal", parts_.log);
  net::spawn(parts_.loop, look_after_connections(), "connections.check", parts_.log);
  net::spawn(parts_.loop, forget_refusals(), "refusals.forget", parts_.log);
  if (parts_.authority.is_shared()) net::spawn(parts_.loop, keep_up_with_registry(), "registry.follow", parts_.log);
  bell_.on_news([this] { take_news(); });
}

template <class Live>
http::ServerOptions Service::http_options(Live& live) const {
  http::ServerOptions options;
  options.body_bytes = kBodyLimit;
  options.on_busy = [&live](bool busy) { live.idle = !busy; };
  options.draining = [this] { return draining_; };
  return options;
}

net::Task<void> Service::answer_api(ApiServer::Live& live, const http::ServerOptions& options) {
  net::Stream& stream = *live.connection.stream;
  const ApiCaller caller{live.connection.peer, stream.peer(), live.connection.server_name};
  const http::Handler handler = [this, &caller](http::Request request) {
    return api_.respond(std::move(request), caller);
  };
  co_await http::serve(stream, handler, options);
}

net::Task<void> Service::serve_api(ApiServer::Live& live) {
  const http::ServerOptions options = http_options(live);
  const auto& peer = live.connection.peer;
  if (!peer) co_await serve_limited(live, anonymous_, limits_.anonymous);
  else if (is_of_partners(peer->admitted().chain().purpose()))
    co_await serve_limited(live, partners_, limits_.partners);
  else co_await answer_api(live, options);
}

/// Anybody can be one of these, and there are many partners: they have places and patience of their own, and an
/// operator finds one that none of them can take.
net::Task<void> Service::serve_limited(ApiServer::Live& live, std::shared_ptr<std::size_t> places, std::size_t limit) {
  if (*places >= limit) {
    observer_->shed();
    live.connection.stream->abort();
    co_return;
  }
  const base::Counted place(std::move(places));
  http::ServerOptions options = http_options(live);
  options.idle_time = kAnonymousIdleTime;
  co_await answer_api(live, options);
}

net::Task<void> Service::serve_internal(InternalServer::Live& live) {
  net::Stream& stream = *live.connection.stream;
  const InternalCaller caller{live.connection.peer, stream.peer(), live.connection.server_name};
  const http::Handler handler = [this, &caller](http::Request request) {
    return internal_api_.respond(std::move(request), caller);
  };
  const http::ServerOptions options = http_options(live);
  co_await http::serve(stream, handler, options);
}

net::Task<void> Service::look_after_certificate() {
  while (!draining_) {
    const net::Deadline next = net::Deadline::after(kCertificateCheck);
    co_await net::sleep_until(next);
    co_await renew_certificate();
  }
}

net::Task<void> Service::renew_certificate() {
  base::Result<Provision> provided = Provision::was_there;
  std::function<void()> job = [&] { provided = parts_.authority.provide_server_certificate(); };
  co_await parts_.worker.run(parts_.loop, std::move(job));
  if (provided && *provided == Provision::was_there) co_return;
  const base::Result<void> loaded = provided ? load_contexts() : base::Result<void>(base::unexpected(provided.error()));
  if (loaded) parts_.log.info("certificate.renewed", {{"of", "server"}});
  else parts_.log.error("certificate.renewal_failed", {{"error", base::to_string(loaded.error())}});
}

void Service::take_news() {
  reconsider_everyone();
  if (draining_ || parts_.authority.trust() == trust_) return;
  if (const auto loaded = load_contexts(); !loaded)
    parts_.log.error("listener.context_kept", {{"error", base::to_string(loaded.error())}});
  net::spawn(parts_.loop, renew_certificate(), "certificate.renewal", parts_.log);
}

void Service::reconsider_everyone() {
  const base::Instant now = parts_.authority.clock().now();
  api_server_->reconsider(parts_.authority.view(), now);
  internal_server_->reconsider(parts_.authority.view(), now);
}

net::Task<void> Service::look_after_connections() {
  while (!draining_) {
    const net::Deadline next = net::Deadline::after(kConnectionCheck);
    co_await net::sleep_until(next);
    reconsider_everyone();
  }
}

/// Whether gateways report any or not; by portions, and everybody else of the registry's thread has a turn in between.
net::Task<void> Service::forget_refusals() {
  while (!draining_) {
    base::Result<bool> more = true;
    while (more && *more && !draining_) {
      std::function<void()> job = [&] { more = forget_old_refusals(parts_.authority.ledger()); };
      co_await parts_.worker.run(parts_.loop, std::move(job));
    }
    if (!more) parts_.log.error("refusals.not_forgotten", {{"error", base::to_string(more.error())}});
    const net::Deadline next = net::Deadline::after(kForgetEvery);
    co_await net::sleep_until(next);
  }
}

/// What goes wrong is said when it begins, or changes, and when it is over.
net::Task<void> Service::keep_up_with_registry() {
  std::string problem;
  while (!draining_) {
    const net::Deadline next = net::Deadline::after(problem.empty() ? kFollowInterval : kFollowAgain);
    co_await net::sleep_until(next);
    base::Result<void> kept;
    std::function<void()> job = [&] { kept = parts_.authority.keep_up(); };
    co_await parts_.worker.run(parts_.loop, std::move(job));
    const std::string found = kept ? "" : kept.error().code;
    if (found == problem) continue;
    problem = found;
    if (kept) parts_.log.info("registry.followed_again");
    else parts_.log.error("registry.not_followed", {{"error", base::to_string(kept.error())}});
  }
}

net::Task<void> Service::drain() {
  draining_ = true;
  bell_.close();
  const net::Deadline deadline = net::Deadline::after(kDrainTime);
  internal_listener_.close();  // while the other one drains, nobody new comes in here either
  (void)co_await api_server_->drain(deadline);
  (void)co_await internal_server_->drain(deadline);
}

}  // namespace countersign::authority
