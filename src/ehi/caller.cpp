#include "ehi/caller.h"

#include <algorithm>

namespace countersign::ehi {
namespace {

/// Believes a server certificate under the endpoint's anchors that carries the host called.
struct JudgePartner {
  std::shared_ptr<const trust::TrustSet> anchors;
  std::string host;
  const base::Clock* clock;

  base::Result<trust::VerifiedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = host};
    return trust::verify_chain(presented, policy, *anchors, clock->now());
  }
};

CallFailure failed(base::Error cause, std::string code, std::string detail) {
  return {std::move(cause).under(std::move(code), std::move(detail))};
}

/// What went wrong on the way to or from `endpoint`, in the caller's words.
CallFailure to_failure(base::Error cause, const Endpoint& endpoint, const http::Url& url) {
  const std::string name = endpoint.name.text();
  if (cause.kind == base::Kind::timeout)
    return failed(std::move(cause), "ehi.timeout", "'" + name + "' did not answer within its deadline");
  if (cause.code == "tls.alert_received")
    return failed(std::move(cause), "ehi.refused_by_partner",
                  "'" + name + "' refused our certificate: has it installed the provider's trust chain?");
  if (cause.code == "tls.protocol")
    return failed(std::move(cause), "ehi.no_tls",
                  "'" + name + "' at " + url.authority.to_string() + " does not speak TLS 1.2 or 1.3 as it must");
  if (cause.code.starts_with("http."))
    return failed(std::move(cause), "ehi.bad_answer", "'" + name + "' answered with something that is not HTTP");
  return failed(std::move(cause), "ehi.unreachable",
                "'" + name + "' cannot be reached at " + url.authority.to_string());
}

CallFailure to_failure(tls::HandshakeFailure failure, const Endpoint& endpoint, const http::Url& url) {
  if (!failure.refusal) return to_failure(std::move(failure.error), endpoint, url);
  const std::string reason(trust::name(failure.refusal->reason));
  CallFailure refused = failed(std::move(failure.error), "ehi.refused",
                               "the server certificate of '" + endpoint.name.text() + "' was refused: " + reason +
                                   ": " + std::string(trust::explanation(failure.refusal->reason).remedy));
  refused.refusal = std::move(failure.refusal);
  return refused;
}

/// Is the key of somebody on the path one of those that were pinned?
bool is_pinned(const trust::VerifiedChain& chain, const std::vector<crypto::Digest256>& pins) {
  return pins.empty() || std::ranges::any_of(chain.path(), [&](const x509::Certificate& certificate) {
           return std::ranges::find(pins, certificate.public_key().spki_sha256()) != pins.end();
         });
}

/// Warm connections are an endpoint's own: another one may have other anchors and pins.
std::string pool_of(const Endpoint& endpoint, const http::Url& url) {
  return endpoint.name.text() + " " + url.authority.to_string();
}

}  // namespace

/// One connection to a partner.
struct Caller::Line {
  std::string pool;
  base::Environment environment;
  tls::Connection<tls::VerifiedServer> connection;
  http::Client client;
  std::uint64_t generation;  ///< of our certificate

  Line(std::string p, base::Environment e, tls::Connection<tls::VerifiedServer> c, http::ClientOptions options,
       std::uint64_t g)
      : pool(std::move(p)),
        environment(e),
        connection(std::move(c)),
        client(*connection.stream, std::move(options)),
        generation(g) {}
};

Caller::Caller(net::Loop& loop, const EhiConfig& config, const base::Clock& clock)
    : loop_(loop), config_(config), clock_(clock) {}

Caller::~Caller() = default;

base::Result<void> Caller::use_credential(base::Environment environment, const tls::Credential& own) {
  BASE_TRY(auto context, tls::ClientContext::make(&own));
  Own& current = own_[environment];
  current.context = std::move(context);
  ++current.generation;
  return {};
}

std::unique_ptr<Caller::Line> Caller::take_warm(const Endpoint& endpoint, const http::Url& url) {
  const auto found = warm_.find(pool_of(endpoint, url));
  if (found == warm_.end()) return nullptr;
  while (!found->second.empty()) {
    Warm newest = std::move(found->second.back());
    found->second.pop_back();
    const bool good = !newest.until.passed() && is_of_today(*newest.line) && newest.line->client.reusable() &&
                      newest.line->connection.peer.chain().valid_until() > clock_.now() &&
                      !newest.line->connection.stream->has_unexpected_input();
    if (good) return std::move(newest.line);
  }
  return nullptr;
}

/// Was it made with the certificate that we have now?
bool Caller::is_of_today(const Line& line) const {
  const auto own = own_.find(line.environment);
  return own != own_.end() && own->second.generation == line.generation;
}

void Caller::close_idle() {
  for (auto& [pool, lines] : warm_)
    std::erase_if(lines, [&](const Warm& warm) { return warm.until.passed() || !is_of_today(*warm.line); });
}

std::size_t Caller::warm() const {
  std::size_t sum = 0;
  for (const auto& [pool, lines] : warm_)
    sum += lines.size();
  return sum;
}

void Caller::keep_warm(std::unique_ptr<Line> line) {
  std::deque<Warm>& warm = warm_[line->pool];
  while (!warm.empty() && (warm.size() >= kWarmLimit || warm.front().until.passed()))
    warm.pop_front();
  warm.push_back({std::move(line), net::Deadline::after(kWarmTime)});
}

net::Task<base::Result<std::unique_ptr<Caller::Line>, CallFailure>> Caller::open(const Endpoint& endpoint,
                                                                                 CallPlan plan) {
  const Own own = own_[endpoint.environment];
  if (own.context == nullptr)
    co_return base::unexpected(CallFailure{
        {base::Kind::unavailable, "ehi.no_certificate",
         "there is no certificate of the provider's for '" + std::string(base::name(endpoint.environment)) + "'"}});
  net::Endpoint to = plan.url->authority;
  std::string host = to.host;
  std::string source = endpoint.source;
  auto socket = co_await net::Socket::connect_from(loop_, std::move(source), std::move(to), plan.connected_by);
  if (!socket) co_return base::unexpected(to_failure(std::move(socket).error(), endpoint, *plan.url));
  tls::JudgeServer judge = JudgePartner{endpoint.anchors, host, &clock_};
  std::shared_ptr<const tls::ClientContext> context = own.context;
  auto connection = co_await tls::Handshake::connect(std::move(*socket), std::move(context), std::move(host),
                                                     std::move(judge), plan.connected_by);
  if (!connection) co_return base::unexpected(to_failure(std::move(connection).error(), endpoint, *plan.url));
  if (!is_pinned(connection->peer.chain(), endpoint.pins))
    co_return base::unexpected(CallFailure{{base::Kind::denied, "ehi.pin_mismatch",
                                            "the server certificate of '" + endpoint.name.text() +
                                                "' is good, but none of the keys in 'pins' is on its"
                                                " path: ask the partner whether it has a new key, and pin that"}});
  http::ClientOptions options;
  options.host = plan.url->host_field();
  options.response_bytes = config_.body_bytes;
  co_return std::make_unique<Line>(pool_of(endpoint, *plan.url), endpoint.environment, std::move(*connection),
                                   std::move(options), own.generation);
}

net::Task<base::Result<http::Response, CallFailure>> Caller::send(const Endpoint& endpoint, std::unique_ptr<Line> line,
                                                                  http::Request request, CallPlan plan) {
  auto response = co_await line->client.send(std::move(request), plan.answered_by);
  if (!response) {
    CallFailure failure = to_failure(std::move(response).error(), endpoint, *plan.url);
    failure.sent = CallFailure::Sent::maybe;
    co_return base::unexpected(std::move(failure));
  }
  if (line->client.reusable()) keep_warm(std::move(line));
  co_return std::move(*response);
}

net::Task<base::Result<http::Response, CallFailure>> Caller::call(const Endpoint& endpoint, http::Request request,
                                                                  CallPlan plan) {
  request.head.method = "POST";
  request.head.target = plan.url->target;
  if (auto warm = take_warm(endpoint, *plan.url)) {
    // A decision is not idempotent: a call lost on a warm connection is a failure, not sent again behind the caller's
    // back.
    co_return co_await send(endpoint, std::move(warm), std::move(request), plan);
  }
  auto line = co_await open(endpoint, plan);
  if (!line) co_return base::unexpected(std::move(line).error());
  if (plan.connected_by.passed()) {  // sockets' deadlines are coarse; this one is not: nothing leaves behind it
    keep_warm(std::move(*line));
    base::Error late{base::Kind::timeout, "net.timeout", "the connection came about too late"};
    co_return base::unexpected(to_failure(std::move(late), endpoint, *plan.url));
  }
  co_return co_await send(endpoint, std::move(*line), std::move(request), plan);
}

net::Task<base::Result<http::Response, CallFailure>> Caller::call(const Endpoint& endpoint, http::Request request) {
  const net::Deadline deadline = net::Deadline::after(endpoint.deadline);
  const CallPlan plan{&endpoint.url, deadline, deadline};
  co_return co_await call(endpoint, std::move(request), plan);
}

net::Task<base::Result<void, CallFailure>> Caller::probe(const Endpoint& endpoint, CallPlan plan) {
  auto line = co_await open(endpoint, plan);
  if (!line) co_return base::unexpected(std::move(line).error());
  keep_warm(std::move(*line));
  co_return base::Result<void, CallFailure>();
}

}  // namespace countersign::ehi
