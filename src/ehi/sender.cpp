#include "ehi/sender.h"

#include <algorithm>

#include "http/problem.h"

namespace countersign::ehi {
namespace {

constexpr std::string_view kPathPrefix = "/v1/endpoints/";
constexpr std::string_view kAdvicesSuffix = "/advices";
constexpr std::chrono::seconds kOwnLook{1};     // at the certificates that calls are made with
constexpr std::chrono::milliseconds kLook{20};  // for the end of advices under way, at a stop
/// Internal systems prove themselves with a service certificate of the platform.
struct JudgeInternal {
  const feed::Knowledge* knowledge;
  const base::Clock* clock;

  base::Result<trust::AdmittedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    const trust::Policy policy{.purposes = {trust::Purpose::service}, .environment = base::Environment::internal};
    auto chain = trust::verify_chain(presented, policy, *knowledge->trust(), clock->now());
    if (!chain) return base::unexpected(std::move(chain).error());
    return trust::admit(std::move(*chain), knowledge->registry());
  }
};

http::Response unknown_endpoint() {
  return http::to_problem(
      {base::Kind::not_found, "ehi.unknown_endpoint",
       "there is no such endpoint: GET /v1/endpoints, POST to /v1/endpoints/NAME or /v1/endpoints/NAME/advices with a"
       " name from [[ehi.endpoints]]"});
}

}  // namespace

base::Result<std::unique_ptr<Sender>> Sender::make(EhiConfig config, const base::Clock& clock, const base::Log& log) {
  std::unique_ptr<Sender> sender(new Sender(std::move(config), clock, log));
  const EhiConfig& checked = sender->config_;
  feed::DataPlane::Options options{
      .data = checked.data, .authority = checked.authority, .trust_chain = checked.trust_chain};
  BASE_TRY(sender->plane_, feed::DataPlane::make(std::move(options), clock, log));
  sender->caller_ = std::make_unique<Caller>(sender->plane_->loop(), checked, clock, log);
  sender->own_.emplace(sender->plane_->knowledge(), clock, log);
  BASE_TRY_VOID(sender->load_certificates());
  BASE_TRY_VOID(sender->open_outbox());
  BASE_TRY_VOID(sender->bind());
  return sender;
}

base::Result<void> Sender::load_certificates() {
  const auto unchanged = [](std::shared_ptr<const tls::Credential>) {};
  BASE_TRY_VOID(plane_->keep({plane_->files("service"), trust::Purpose::service, unchanged}));
  BASE_TRY_VOID(
      plane_->keep({plane_->files("server"), trust::Purpose::server,
                    [this](std::shared_ptr<const tls::Credential> own) { use_server_credential(std::move(own)); }}));
  for (const base::Environment environment : {base::Environment::uat, base::Environment::production})
    BASE_TRY_VOID(load_provider_certificate(environment));
  if (context_ == nullptr)
    return base::fail(base::Kind::invalid, "tls.context", "our server certificate cannot be used");
  return {};
}

/// Only the environments that an endpoint calls for need a certificate.
base::Result<void> Sender::load_provider_certificate(base::Environment environment) {
  const bool needed =
      std::ranges::any_of(config_.endpoints, [&](const Endpoint& e) { return e.environment == environment; });
  if (!needed) return {};
  const OwnCertificates::Kind kind{environment, trust::Purpose::ehi};
  own_->add(kind,
            [this, environment](std::shared_ptr<const tls::Credential> own,
                                const std::string& why_none) -> base::Result<void> {
              if (own != nullptr) return caller_->use_credential(environment, *own);
              caller_->stop_using_credential(environment, why_none);
              return {};
            });
  BASE_TRY_VOID(keep(kind, "ehi-" + std::string(base::name(environment)), std::nullopt));
  const bool signs = std::ranges::any_of(
      config_.endpoints, [&](const Endpoint& e) { return e.environment == environment && e.sign.has_value(); });
  return signs ? load_signing_certificate(environment) : base::Result<void>();
}

/// The authority gives the first one to who shows our Transport Certificate: until then nothing that is to be signed is
/// sent.
base::Result<void> Sender::load_signing_certificate(base::Environment environment) {
  const OwnCertificates::Kind kind{environment, trust::Purpose::signing};
  own_->add(kind,
            [this, environment](std::shared_ptr<const tls::Credential> own,
                                const std::string& why_none) -> base::Result<void> {
              if (own != nullptr) return caller_->signer().use_credential(environment, std::move(own));
              caller_->signer().stop_using_credential(environment, why_none);
              return {};
            });
  const std::string place(base::name(environment));
  return keep(kind, "signing-" + place, "ehi-" + place);
}

/// The standby of each is another identity of the provider's, with files of its own beside.
base::Result<void> Sender::keep(OwnCertificates::Kind kind, const std::string& name,
                                const std::optional<std::string>& asked_with) {
  using Rank = OwnCertificates::Rank;
  for (const Rank rank : {Rank::first, Rank::standby}) {
    if (rank == Rank::standby && !config_.standby_certificates) continue;
    const std::string suffix = rank == Rank::standby ? "-standby" : "";
    feed::DataPlane::Kept kept{.files = plane_->files(name + suffix),
                               .purpose = kind.purpose,
                               .replaced = [this, kind, rank](auto own) { own_->offer(kind, rank, std::move(own)); }};
    if (asked_with) kept.asked_with = plane_->files(*asked_with + suffix);
    BASE_TRY_VOID(plane_->keep(std::move(kept)));
  }
  return {};
}

/// Time passes, and what was good ends.
net::Task<void> Sender::look_at_own_certificates() {
  for (;;) {
    const net::Deadline next = net::Deadline::after(kOwnLook);
    co_await net::sleep_until(next);
    own_->look();
  }
}

void Sender::use_server_credential(std::shared_ptr<const tls::Credential> own) {
  std::vector<x509::Certificate> names;
  for (const trust::IssuingCa& ca : plane_->knowledge().trust()->issuing_cas())
    if (ca.purposes.contains(trust::Purpose::service)) names.push_back(ca.certificate);
  auto context = tls::ServerContext::make(*own, tls::ClientCertificate::required, names);
  if (context) context_ = std::move(*context);
  else log_.error("ehi.certificate_kept", {{"error", base::to_string(context.error())}});
}

base::Result<void> Sender::open_outbox() {
  net::Loop& loop = plane_->loop();
  if (config_.danger_unverified_outbox) log_.warning("danger.unverified_outbox");
  outbox::Outbox::Options options{.file = config_.data / "outbox.db",
                                  .shared = config_.outbox,
                                  .messages = config_.outbox_messages,
                                  .clock = &clock_};
  BASE_TRY(desk_, OutboxDesk::open(loop, std::move(options), clock_, log_));
  for (const Endpoint& endpoint : config_.endpoints)
    lanes_.push_back(std::make_unique<Lane>(loop, *caller_, *desk_, endpoint, clock_, log_));
  decisions_.emplace(loop, *desk_, random_, clock_, log_);
  const auto nudge = [this](const std::string& endpoint) {
    if (Lane* lane = find_lane(endpoint)) lane->delivery.nudge();
  };
  outbox_api_.emplace(config_, *desk_, nudge, clock_, log_);
  housekeeping_.emplace(loop, *caller_, *desk_, lanes_, clock_, log_);
  return {};
}

Lane* Sender::find_lane(std::string_view name) const {
  const auto found = std::ranges::find_if(lanes_, [&](const auto& lane) { return lane->endpoint.name.text() == name; });
  return found == lanes_.end() ? nullptr : found->get();
}

base::Result<void> Sender::bind() {
  net::Loop& loop = plane_->loop();
  net::Listener::Options options;
  options.at = config_.listen;
  BASE_TRY(auto listener, net::Listener::bind(loop, options));
  listener_ = std::make_unique<net::Listener>(std::move(listener));
  server_ = std::make_unique<tls::Server<tls::VerifiedPeer>>(
      loop, *listener_, tls::ServerOptions{.name = "ehi"}, [this] { return context_; },
      JudgeInternal{&plane_->knowledge(), &clock_},
      [this](tls::LiveConnection<tls::VerifiedPeer>& live) { return serve(live); }, counts_, log_);
  http::Handler status = [this](http::Request request) { return answer_status(std::move(request)); };
  BASE_TRY(status_, http::PlainServer::bind(loop, config_.status, std::move(status), log_));
  return {};
}

void Sender::run() {
  net::Loop& loop = plane_->loop();
  for (const auto& lane : lanes_)
    lane->report_to(plane_->endpoint_reports(), clock_);
  plane_->start([this] {
    server_->reconsider(plane_->knowledge().registry(), clock_.now());
    own_->look();
  });
  net::spawn(loop, look_at_own_certificates(), "ehi.own_certificates", log_);
  net::spawn(loop, server_->run(), "ehi.accept", log_);
  net::spawn(loop, status_->run(), "ehi.status", log_);
  net::spawn(loop, stop_on_signal(), "ehi.stop", log_);
  for (const auto& lane : lanes_)
    lane->start();
  housekeeping_->start();
  log_.info("ehi.started", {{"listen", listening_at().to_string()},
                            {"tls", "mutual: a service certificate is required"},
                            {"endpoints", config_.endpoints.size()}});
  loop.run();
  log_.info("ehi.stopped");
}

net::Task<void> Sender::stop_on_signal() {
  const int signal = co_await net::wait_for_stop_signal(plane_->loop());
  log_.info("ehi.draining", {{"signal", signal}});
  const net::Deadline deadline = net::Deadline::after(config_.drain_time);
  for (const auto& lane : lanes_)
    lane->delivery.stop();
  (void)co_await server_->drain(deadline);
  while (advices_under_way() > 0 && !deadline.passed()) {
    const net::Deadline look = net::Deadline::after(kLook);
    co_await net::sleep_until(look);
  }
  plane_->loop().stop();
}

net::Task<void> Sender::serve(tls::LiveConnection<tls::VerifiedPeer>& live) {
  plane_->sightings().note(live.connection.peer.admitted().chain().leaf().fingerprint());
  const http::Handler handler = [this, &live](http::Request request) { return answer(live, std::move(request)); };
  http::ServerOptions options;
  options.body_bytes = config_.body_bytes;
  options.on_busy = [&live](bool busy) { live.idle = !busy; };
  options.draining = [this] { return server_->draining(); };
  options.is_cut = [&live] { return live.cut; };
  co_await http::serve(*live.connection.stream, handler, options);
}

net::Task<http::Response> Sender::answer(tls::LiveConnection<tls::VerifiedPeer>& live, http::Request request) {
  if (!server_->still_admitted(live, plane_->knowledge().registry(), clock_.now()))
    co_return http::Response();  // nobody gets it: is_cut
  auto path = request.path();
  if (!path) co_return http::to_problem(path.error());
  if (OutboxApi::is_for(*path))
    co_return co_await outbox_api_->answer(live.connection.peer.identity(), std::move(request));
  co_return co_await call(live.connection.peer, std::move(request), std::move(*path));
}

net::Task<http::Response> Sender::call(const tls::VerifiedPeer& caller, http::Request request, std::string path) {
  std::string_view name = path;
  const bool advice = name.ends_with(kAdvicesSuffix);
  if (advice) name.remove_suffix(kAdvicesSuffix.size());
  if (request.head.method == "GET" && !advice) co_return show(caller, name);
  Lane* const lane = name.starts_with(kPathPrefix) ? find_lane(name.substr(kPathPrefix.size())) : nullptr;
  if (lane == nullptr) co_return unknown_endpoint();
  if (request.head.method != "POST") {
    http::Response response = http::to_problem({base::Kind::invalid, "ehi.method", "an endpoint is called with POST"});
    response.status = 405;
    response.fields.add("Allow", "POST");
    co_return response;
  }
  if (!may_call(caller, lane->endpoint))
    co_return http::to_problem({base::Kind::denied, "ehi.not_permitted",
                                "you are not named in 'callers' of this endpoint in the sender's configuration"});
  std::string who = caller.identity().to_urn();
  if (advice) co_return co_await decisions_->take_advice(*lane, std::move(who), std::move(request));
  co_return co_await decisions_->decide(*lane, std::move(who), std::move(request));
}

bool Sender::may_call(const tls::VerifiedPeer& caller, const Endpoint& endpoint) {
  const std::vector<std::string>& callers = endpoint.callers;
  return callers.empty() || std::ranges::find(callers, short_name(caller.identity())) != callers.end();
}

/// Whoever may call an endpoint, or look at the outbox, may see how it is.
http::Response Sender::show(const tls::VerifiedPeer& caller, std::string_view path) const {
  const bool sees_all = outbox_api_->may_look(caller.identity());
  const MaySee may_see = [&](const Endpoint& endpoint) { return sees_all || may_call(caller, endpoint); };
  if (path == kPathPrefix.substr(0, kPathPrefix.size() - 1)) return show_endpoints(lanes_, may_see);
  return path.starts_with(kPathPrefix) ? show_endpoint(lanes_, path.substr(kPathPrefix.size()), may_see)
                                       : unknown_endpoint();
}

std::int64_t Sender::advices_under_way() const {
  std::int64_t sum = 0;
  for (const auto& lane : lanes_)
    sum += lane->delivery.under_way();
  return sum;
}

net::Task<std::string> Sender::metrics() {
  using ByEndpoint = std::map<std::string, outbox::Outbox::Count>;
  std::function<base::Result<ByEndpoint>(outbox::Outbox&)> work = [](outbox::Outbox& outbox) {
    return outbox.counts();
  };
  const auto outbox = co_await desk_->ask(std::move(work));
  std::string text = outbox ? to_metrics(lanes_, *outbox) : to_metrics(lanes_, ByEndpoint());
  text += "countersign_ehi_outbox_up " + std::to_string(outbox.has_value() ? 1 : 0) + "\n";
  text += to_metrics(own_->standings());
  text += "countersign_ehi_warm_connections " + std::to_string(caller_->warm()) + "\n";
  text += "countersign_ehi_handshakes_total{outcome=\"accepted\"} " + std::to_string(counts_.callers_accepted) +
          "\ncountersign_ehi_handshakes_total{outcome=\"refused\"} " + std::to_string(counts_.callers_refused) +
          "\ncountersign_ehi_feed_age_seconds " + std::to_string(plane_->feed_age_seconds()) + "\n";
  co_return text;
}

/// Without a certificate of ours the modes decide, and advices wait: whoever routes calls had better go on sending them
/// here, so it is said and no more.
std::string Sender::standings() const {
  std::string text;
  for (const OwnCertificates::Standing& one : own_->standings()) {
    if (one.why_not.empty()) continue;
    text += std::string(one.used ? "on standby: " : "not calling: ") + std::string(base::name(one.kind.environment)) +
            " " + std::string(trust::name(one.kind.purpose)) + " certificate: " + one.why_not + "\n";
  }
  return text;
}

net::Task<http::Response> Sender::answer_status(http::Request request) {
  http::Response response;
  response.fields.add("Content-Type", "text/plain; version=0.0.4");
  if (request.head.target == "/live") response.body = "live\n";
  else if (request.head.target == "/ready")
    response.body = server_->draining() ? "draining\n" : "ready\n" + standings();
  else if (request.head.target == "/metrics") response.body = co_await metrics();
  else response.status = 404;
  if (request.head.target == "/ready" && server_->draining()) response.status = 503;
  co_return response;
}

}  // namespace countersign::ehi
