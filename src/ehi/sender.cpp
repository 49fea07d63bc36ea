#include "ehi/sender.h"

#include <array>

#include "base/json.h"
#include "http/problem.h"

namespace countersign::ehi {
namespace {

constexpr std::string_view kPathPrefix = "/v1/endpoints/";
/// What of an internal system's request goes on to the partner; everything else stays inside.
constexpr std::array<std::string_view, 5> kForwarded = {"Content-Type", "Accept", "SOAPAction", "traceparent",
                                                        "tracestate"};
/// What of a partner's answer goes back.
constexpr std::array<std::string_view, 3> kReturned = {"Content-Type", "traceparent", "tracestate"};

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

template <std::size_t N>
http::Fields select(const http::Fields& from, const std::array<std::string_view, N>& names) {
  http::Fields chosen;
  for (const std::string_view name : names)
    if (const auto value = from.find(name)) chosen.add(std::string(name), std::string(*value));
  return chosen;
}

/// The status with which a failed call is answered: 504 late, 502 everything else that is not the caller's fault.
http::Response to_response(const CallFailure& failure) {
  http::Response response = http::to_problem(failure.error);
  response.status = failure.error.code == "ehi.timeout" ? 504 : 502;
  base::json::object body{{"type", "about:blank"},
                          {"title", http::reason_phrase(response.status)},
                          {"status", response.status},
                          {"code", failure.error.code},
                          {"detail", failure.error.detail}};
  if (failure.refusal) body["reason"] = trust::name(failure.refusal->reason);
  response.body = base::json::serialize(body);
  return response;
}

}  // namespace

base::Result<std::unique_ptr<Sender>> Sender::make(EhiConfig config, const base::Clock& clock, const base::Log& log) {
  std::unique_ptr<Sender> sender(new Sender(std::move(config), clock, log));
  const EhiConfig& checked = sender->config_;
  feed::DataPlane::Options options{
      .data = checked.data, .authority = checked.authority, .trust_chain = checked.trust_chain};
  BASE_TRY(sender->plane_, feed::DataPlane::make(std::move(options), clock, log));
  sender->caller_ = std::make_unique<Caller>(sender->plane_->loop(), checked, clock);
  BASE_TRY_VOID(sender->load_certificates());
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
  const std::string name = "ehi-" + std::string(base::name(environment));
  return plane_->keep(
      {plane_->files(name), trust::Purpose::ehi, [this, environment](std::shared_ptr<const tls::Credential> own) {
         if (auto used = caller_->use_credential(environment, *own); !used)
           log_.error("ehi.certificate_kept", {{"error", base::to_string(used.error())}});
       }});
}

void Sender::use_server_credential(std::shared_ptr<const tls::Credential> own) {
  std::vector<x509::Certificate> names;
  for (const trust::IssuingCa& ca : plane_->knowledge().trust()->issuing_cas())
    if (ca.purposes.contains(trust::Purpose::service)) names.push_back(ca.certificate);
  auto context = tls::ServerContext::make(*own, tls::ClientCertificate::required, names);
  if (context) context_ = std::move(*context);
  else log_.error("ehi.certificate_kept", {{"error", base::to_string(context.error())}});
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
  plane_->start([this] { server_->reconsider(plane_->knowledge().registry(), clock_.now()); });
  net::spawn(loop, server_->run(), "ehi.accept", log_);
  net::spawn(loop, status_->run(), "ehi.status", log_);
  net::spawn(loop, stop_on_signal(), "ehi.stop", log_);
  log_.info("ehi.started", {{"listen", listening_at().to_string()},
                            {"tls", "mutual: a service certificate is required"},
                            {"endpoints", config_.endpoints.size()}});
  loop.run();
  log_.info("ehi.stopped");
}

net::Task<void> Sender::stop_on_signal() {
  const int signal = co_await net::wait_for_stop_signal(plane_->loop());
  log_.info("ehi.draining", {{"signal", signal}});
  (void)co_await server_->drain(net::Deadline::after(config_.drain_time));
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
  const Endpoint* endpoint =
      path->starts_with(kPathPrefix) ? config_.find(std::string_view(*path).substr(kPathPrefix.size())) : nullptr;
  if (endpoint == nullptr)
    co_return http::to_problem(
        {base::Kind::not_found, "ehi.unknown_endpoint",
         "there is no such endpoint: POST to /v1/endpoints/NAME with a name from [[ehi.endpoints]]"});
  if (request.head.method != "POST") {
    http::Response response = http::to_problem({base::Kind::invalid, "ehi.method", "an endpoint is called with POST"});
    response.status = 405;
    response.fields.add("Allow", "POST");
    co_return response;
  }
  co_return co_await call(live.connection.peer, *endpoint, std::move(request));
}

net::Task<http::Response> Sender::call(const tls::VerifiedPeer& caller, const Endpoint& endpoint,
                                       http::Request request) {
  const base::Instant started = clock_.now();
  http::Request onward;
  onward.head.fields = select(request.head.fields, kForwarded);
  onward.body = std::move(request.body);
  auto answered = co_await caller_->call(endpoint, std::move(onward));
  base::Fields record{{"endpoint", endpoint.name.text()},
                      {"caller", caller.identity().to_urn()},
                      {"micros", (clock_.now() - started).count()}};
  if (answered) {
    ++counts_.calls_answered;
    record.emplace_back("status", answered->status);
    log_.info("ehi.call", record);
    http::Response response;
    response.status = answered->status;
    response.fields = select(answered->fields, kReturned);
    response.body = std::move(answered->body);
    co_return response;
  }
  ++counts_.calls_failed;
  record.emplace_back("code", answered.error().error.code);
  record.emplace_back("error", base::to_string(answered.error().error));
  if (answered.error().refusal) {
    ++counts_.partners_refused;
    for (base::Field& field : trust::to_fields(*answered.error().refusal))
      record.push_back(std::move(field));
  }
  log_.warning("ehi.call_failed", record);
  co_return to_response(answered.error());
}

net::Task<http::Response> Sender::answer_status(http::Request request) {
  http::Response response;
  response.fields.add("Content-Type", "text/plain; version=0.0.4");
  if (request.head.target == "/live") response.body = "live\n";
  else if (request.head.target == "/ready") response.body = server_->draining() ? "draining\n" : "ready\n";
  else if (request.head.target == "/metrics")
    response.body =
        "countersign_ehi_calls_total{outcome=\"answered\"} " + std::to_string(counts_.calls_answered) +
        "\ncountersign_ehi_calls_total{outcome=\"failed\"} " + std::to_string(counts_.calls_failed) +
        "\ncountersign_ehi_partner_certificates_refused_total " + std::to_string(counts_.partners_refused) +
        "\ncountersign_ehi_handshakes_total{outcome=\"accepted\"} " + std::to_string(counts_.callers_accepted) +
        "\ncountersign_ehi_handshakes_total{outcome=\"refused\"} " + std::to_string(counts_.callers_refused) +
        "\ncountersign_ehi_feed_age_seconds " + std::to_string(plane_->feed_age_seconds()) + "\n";
  else response.status = 404;
  if (request.head.target == "/ready" && server_->draining()) response.status = 503;
  co_return response;
}

}  // namespace countersign::ehi
