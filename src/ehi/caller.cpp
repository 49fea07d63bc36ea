#include "ehi/caller.h"

#include <algorithm>

#include "ehi/staple.h"

namespace countersign::ehi {
namespace {

using tls::ClientContext;

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

/// Is the key of somebody on the path one of those that were pinned?
bool is_pinned(const trust::VerifiedChain& chain, const std::vector<crypto::Digest256>& pins) {
  return pins.empty() || std::ranges::any_of(chain.path(), [&](const x509::Certificate& certificate) {
           return std::ranges::find(pins, certificate.public_key().spki_sha256()) != pins.end();
         });
}

/// Connections made in the place of old ones: at once for a pool; the time for one.
constexpr std::size_t kReplacements = 8;
constexpr std::chrono::seconds kReplaceTime{10};
constexpr std::chrono::seconds kReplacePause{5};  // after one that did not come about
/// What is made at one time is not old at one time.
constexpr std::uint64_t kSpread = 10;

CallFailure not_pinned(const Endpoint& endpoint) {
  return {{base::Kind::denied, "ehi.pin_mismatch",
           "the server certificate of '" + endpoint.name.text() +
               "' is good, but none of the keys in 'pins' is on its path: ask the partner whether it has a new key, "
               "and pin that"}};
}

/// Warm connections are an endpoint's own: another one may have other anchors and pins.
std::string pool_of(const Endpoint& endpoint, const http::Url& url) {
  return endpoint.name.text() + " " + url.authority.to_string();
}

}  // namespace

/// A connection that one call makes, and others wait for, since it will have room for them all.
struct Caller::Opening {
  std::vector<std::shared_ptr<net::Wakeup>> waiting = {};
  std::optional<CallFailure> failure = {};
};

Caller::Caller(net::Loop& loop, const EhiConfig& config, const base::Clock& clock, const base::Log& log)
    : loop_(loop), config_(config), clock_(clock), log_(log), signer_(clock), lines_(loop, clock, log) {}

Caller::~Caller() = default;

base::Result<void> Caller::use_credential(base::Environment environment, const tls::Credential& own) {
  using enum ClientContext::Offer;
  using enum ClientContext::Staple;
  Own made;
  BASE_TRY(made.context, ClientContext::make(&own, http_any, asked));
  BASE_TRY(made.h1_context, ClientContext::make(&own, nothing, asked));
  BASE_TRY(made.unstapled, ClientContext::make(&own, http_any, not_asked));
  BASE_TRY(made.h1_unstapled, ClientContext::make(&own, nothing, not_asked));
  made.until = own.chain.front().not_after();
  made.generation = lines_.begin_generation(environment);
  own_[environment] = std::move(made);
  return {};
}

void Caller::stop_using_credential(base::Environment environment, std::string why) {
  Own none;
  none.why_none = std::move(why);
  own_[environment] = std::move(none);
  (void)lines_.begin_generation(environment);
}

bool Caller::has_certificate(const Endpoint& endpoint) const {
  const auto own = own_.find(endpoint.environment);
  return own != own_.end() && own->second.context != nullptr && own->second.until > clock_.now();
}

bool Caller::may_call(const Endpoint& endpoint) const {
  return has_certificate(endpoint) && signer_.may_sign(endpoint);
}

CallFailure Caller::no_certificate(const Endpoint& endpoint) const {
  const auto own = own_.find(endpoint.environment);
  std::string why = own == own_.end() ? "" : own->second.why_none;
  if (why.empty() && own != own_.end() && own->second.context != nullptr) why = "expired";
  return {{base::Kind::unavailable, "ehi.no_certificate",
           "there is no certificate of the provider's for '" + std::string(base::name(endpoint.environment)) +
               "' that may be used" + (why.empty() ? "" : ": " + why)}};
}

std::shared_ptr<const ClientContext> Caller::context_for(const Own& own, const Endpoint& endpoint) {
  if (endpoint.staple == StapleRule::off) return endpoint.http2 ? own.unstapled : own.h1_unstapled;
  return endpoint.http2 ? own.context : own.h1_context;
}

net::Task<base::Result<Caller::Way, CallFailure>> Caller::open(const Endpoint& endpoint, CallPlan plan) {
  const Own own = own_[endpoint.environment];
  if (own.context == nullptr || own.until <= clock_.now()) co_return base::unexpected(no_certificate(endpoint));
  net::Endpoint to = plan.url->authority;
  std::string host = to.host;
  std::string source = endpoint.source;
  auto socket = co_await net::Socket::connect_from(loop_, std::move(source), std::move(to), plan.connected_by);
  if (!socket) co_return base::unexpected(to_failure(std::move(socket).error(), endpoint, *plan.url));
  tls::JudgeServer judge = JudgePartner{endpoint.anchors, host, &clock_};
  std::shared_ptr<const ClientContext> context = context_for(own, endpoint);
  auto connection = co_await tls::Handshake::connect(std::move(*socket), std::move(context), std::move(host),
                                                     std::move(judge), plan.connected_by);
  if (!connection) co_return base::unexpected(to_failure(std::move(connection).error(), endpoint, *plan.url));
  // Our certificate may have been taken back, and another one used in its stead, while this came about.
  if (!lines_.is_newest(endpoint.environment, own.generation)) co_return co_await open(endpoint, plan);
  const trust::VerifiedChain& chain = connection->peer.chain();
  if (!is_pinned(chain, endpoint.pins)) co_return base::unexpected(not_pinned(endpoint));
  auto usable_until = check_staple(endpoint, chain, connection->staple, clock_.now());
  if (!usable_until) co_return base::unexpected(std::move(usable_until).error());
  const auto old_in = config_.connection_age * static_cast<std::int64_t>(100 - opened_++ % kSpread) / 100;
  LineTerms terms{.pool = pool_of(endpoint, *plan.url),
                  .host = plan.url->host_field(),
                  .environment = endpoint.environment,
                  .generation = own.generation,
                  .usable_until = std::min(*usable_until, own.until),
                  .old_from = net::Deadline::after(old_in),
                  .used_until = net::Deadline::after(old_in + LinePool::kReplacing),
                  .response_bytes = config_.body_bytes};
  if (connection->protocol == tls::Protocol::http_2)
    co_return Way(lines_.add(std::move(terms), std::move(connection->stream)));
  co_return Way(std::make_unique<Line>(std::move(terms), std::move(connection->stream)));
}

std::optional<Caller::Way> Caller::find_way(const std::string& pool) {
  if (auto shared = lines_.share(pool)) return Way(std::move(shared));
  if (auto own = lines_.take(pool)) return Way(std::move(own));
  return std::nullopt;
}

/// Where the partner speaks HTTP/2, calls that come at once wait for one connection instead of making one each.
net::Task<base::Result<Caller::Way, CallFailure>> Caller::find_or_open(const Endpoint& endpoint, CallPlan plan) {
  std::string pool = pool_of(endpoint, *plan.url);
  for (;;) {
    if (auto way = find_way(pool)) co_return std::move(*way);
    if (!lines_.is_shared(pool)) co_return co_await open(endpoint, plan);
    const auto under_way = openings_.find(pool);
    if (under_way == openings_.end()) co_return co_await open_for_all(endpoint, plan, std::move(pool));
    const std::shared_ptr<Opening> opening = under_way->second;
    const auto wakeup = std::make_shared<net::Wakeup>(loop_.executor());
    opening->waiting.push_back(wakeup);
    const bool woken = co_await wakeup->wait(plan.connected_by);
    if (!woken) co_return base::unexpected(too_late(endpoint, *plan.url));
    // A timeout was that of whoever opened: others may have more time left.
    if (opening->failure && opening->failure->error.kind != base::Kind::timeout)
      co_return base::unexpected(*opening->failure);
  }
}

net::Task<base::Result<Caller::Way, CallFailure>> Caller::open_for_all(const Endpoint& endpoint, CallPlan plan,
                                                                       std::string pool) {
  const auto opening = std::make_shared<Opening>();
  openings_[pool] = opening;
  auto way = co_await open(endpoint, plan);
  if (!way) opening->failure = way.error();
  openings_.erase(pool);
  for (const auto& waiting : opening->waiting)
    waiting->wake();
  co_return std::move(way);
}

/// A connection in constant use would never see its server judged again.
Caller::Replaced Caller::replace_if_old(const Endpoint& endpoint, const http::Url& url, const LineTerms& terms) {
  if (!terms.old_from.passed()) return Replaced::no;
  std::size_t& under_way = replacing_[terms.pool];
  const std::size_t most = lines_.is_shared(terms.pool) ? 1 : kReplacements;
  if (under_way >= most) return Replaced::no;
  ++under_way;
  net::spawn(loop_, replace(endpoint, url, terms.pool), "ehi.replace", log_);
  return Replaced::under_way;
}

net::Task<void> Caller::replace(const Endpoint& endpoint, const http::Url& url, std::string pool) {
  const net::Deadline deadline = net::Deadline::after(kReplaceTime);
  const CallPlan plan{&url, deadline, deadline};
  const auto made = co_await probe(endpoint, plan);
  if (!made) {
    log_.warning("ehi.connection_not_replaced",
                 {{"endpoint", endpoint.name.text()}, {"error", base::to_string(made.error().error)}});
    const net::Deadline pause = net::Deadline::after(kReplacePause);
    co_await net::sleep_until(pause);
  }
  --replacing_[pool];
}

net::Task<base::Result<http::Response>> Caller::send(const Endpoint& endpoint, Way& way, http::Request& request,
                                                     CallPlan plan) {
  if (auto* shared = std::get_if<std::shared_ptr<SharedLine>>(&way)) {
    std::shared_ptr<SharedLine> line = *shared;
    (void)replace_if_old(endpoint, *plan.url, line->terms());
    co_return co_await SharedLine::send(std::move(line), request, plan.answered_by);
  }
  auto& own = std::get<std::unique_ptr<Line>>(way);
  auto response = co_await own->send(std::move(request), plan.answered_by);
  if (!response || !own->reusable()) co_return std::move(response);
  if (replace_if_old(endpoint, *plan.url, own->terms()) == Replaced::no) lines_.keep(std::move(own));
  co_return std::move(response);
}

net::Task<base::Result<http::Response, CallFailure>> Caller::call(const Endpoint& endpoint, http::Request request,
                                                                  CallPlan plan) {
  if (plan.connected_by.passed()) co_return base::unexpected(too_late(endpoint, *plan.url));
  request.head.method = "POST";
  request.head.target = plan.url->target;
  if (auto signed_well = signer_.sign(endpoint, *plan.url, request); !signed_well)
    co_return base::unexpected(CallFailure{std::move(signed_well).error()});
  for (bool again = false;; again = true) {
    auto way = co_await find_or_open(endpoint, plan);
    if (!way) co_return base::unexpected(std::move(way).error());
    // It may have come to its end while a connection with it came about.
    if (!has_certificate(endpoint)) co_return base::unexpected(no_certificate(endpoint));
    if (plan.connected_by.passed()) {
      if (auto* own = std::get_if<std::unique_ptr<Line>>(&*way)) lines_.keep(std::move(*own));
      co_return base::unexpected(too_late(endpoint, *plan.url));
    }
    // A decision is not idempotent: a call lost on a connection is a failure, not sent again behind the caller's back,
    // unless the partner says that it did not look at it (RFC 9113 section 8.7).
    auto response = co_await send(endpoint, *way, request, plan);
    if (response) co_return std::move(*response);
    const bool unprocessed = response.error().code == "http.unprocessed";
    if (unprocessed && !again) continue;
    CallFailure failure = to_failure(std::move(response).error(), endpoint, *plan.url);
    failure.sent = unprocessed ? CallFailure::Sent::nothing : CallFailure::Sent::maybe;
    co_return base::unexpected(std::move(failure));
  }
}

net::Task<base::Result<http::Response, CallFailure>> Caller::call(const Endpoint& endpoint, http::Request request) {
  const net::Deadline deadline = net::Deadline::after(endpoint.deadline);
  const CallPlan plan{&endpoint.url, deadline, deadline};
  co_return co_await call(endpoint, std::move(request), plan);
}

net::Task<base::Result<void, CallFailure>> Caller::probe(const Endpoint& endpoint, CallPlan plan) {
  auto way = co_await open(endpoint, plan);
  if (!way) co_return base::unexpected(std::move(way).error());
  if (auto* own = std::get_if<std::unique_ptr<Line>>(&*way)) lines_.keep(std::move(*own));
  co_return base::Result<void, CallFailure>();
}

}  // namespace countersign::ehi
