#include "gateway/tcp_visit.h"

#include <algorithm>

#include "gateway/upstream/call.h"
#include "gateway/upstream/tunnel.h"
#include "net/alarm.h"

namespace countersign::gateway {
namespace {

/// How often what lasts is looked at, and the longest that anything waits unseen.
constexpr base::Duration kLook = std::chrono::seconds(1);
constexpr base::Duration kGoodbye = std::chrono::seconds(1);

policy::Now now_of(const base::Clock& clock) {
  const std::chrono::nanoseconds steady = std::chrono::steady_clock::now().time_since_epoch();
  return {steady.count(), clock.now().unix_seconds()};
}

/// Has `then` called when somebody aborts `stream`, until somebody else sets another one or this dies.
class WhenAborted {
 public:
  WhenAborted(net::Stream& stream, std::function<void()> then) : stream_(stream) {
    stream.when_aborted(std::move(then));
  }
  ~WhenAborted() { stream_.when_aborted({}); }
  WhenAborted(const WhenAborted&) = delete;

 private:
  net::Stream& stream_;
};

class TcpVisit final : public TunnelMeter {
 public:
  TcpVisit(ConnectionContext context, LivePartner& live, const TcpRoute& route)
      : context_(context),
        live_(live),
        route_(route),
        path_("/" + route_.upstream),
        standing_(context.policy, policy::Caller::of(*live.connection.peer), live.connection.stream->peer().host),
        alarm_(context.loop, [this] { look(); }),
        up_goes_on_(context.loop),
        down_goes_on_(context.loop) {
    context_.metrics.connection_opened();
  }
  ~TcpVisit() override { context_.metrics.connection_closed(); }

  net::Task<void> run() {
    live_.idle = false;
    const auto done = co_await carry();
    alarm_.cancel();
    if (!why_ && !done) why_ = done.error();
    record();
    co_await live_.connection.stream->finish(net::Deadline::after(kGoodbye));
    live_.connection.stream->abort();
  }

  net::Task<base::Result<void>> passed(TunnelWay way, std::uint64_t bytes) override {
    if (!over_) charge(way, bytes);
    while (!over_) {
      const auto excess = permit_->go_on(now_of(context_.clock));
      if (!excess) break;
      if (excess->reason == policy::Reason::day_used_up)
        co_return base::fail(base::Kind::denied, std::string(policy::explanation(excess->reason).code),
                             "the bytes of this day are used up");
      const auto wait = std::chrono::duration_cast<base::Duration>(std::chrono::nanoseconds(excess->wait_nanos));
      net::Signal& goes_on = way == TunnelWay::up ? up_goes_on_ : down_goes_on_;
      (void)co_await goes_on.wait(net::Deadline::after(std::clamp(wait, base::Duration(1), kLook)));
    }
    co_return base::Result<void>();
  }
  void end() noexcept override {
    over_ = true;
    up_goes_on_.raise();
    down_goes_on_.raise();
  }

 private:
  base::Result<void> ask_policy() {
    const policy::Request asked{.access = route_.access,
                                .api_key = false,
                                .host = host(),
                                .method = policy::MethodSet::kConnect,
                                .path = path_,
                                .fields = none_};
    permit_.reset();  // so that this connection does not count twice; nothing passes without one
    auto permit = standing_.decide(asked, now_of(context_.clock));
    if (!permit) {
      return base::fail(base::Kind::denied, std::string(policy::explanation(permit.error().reason).code),
                        permit.error().detail);
    }
    permit_.emplace(std::move(*permit));
    return {};
  }

  /// By the name that was asked for; by the site's where none was.
  std::string_view host() const {
    const std::string& asked = live_.connection.server_name;
    return asked.empty() ? std::string_view(live_.connection.site->name) : std::string_view(asked);
  }

  net::Task<base::Result<void>> carry() {
    BASE_CO_TRY_VOID(ask_policy());
    auto upstream = context_.upstreams.find(route_.upstream, {});
    if (upstream == nullptr)
      co_return base::fail(base::Kind::internal, "gateway.no_upstream", "the site names an upstream that is not there");
    ClientAddresses addresses{live_.connection.stream->peer(), live_.connection.stream->local()};
    if (upstream->settings().send_proxy_identity)
      addresses.more = identity_tlvs(*live_.connection.peer, live_.connection.server_name);
    UpstreamCall call(std::move(upstream), std::move(addresses));
    const WhenAborted gone(*live_.connection.stream, [&call] { call.give_up(); });
    auto connected = co_await call.connect();
    if (!connected && connected.error().code != kGivenUp) call.failed(connected.error());
    if (!connected) co_return connected;
    call.connected();
    alarm_.set(net::Deadline::after(kLook));
    TunnelEnds ends{*live_.connection.stream, *call.connection()->stream, {}, {}, this};
    const TunnelOutcome outcome = co_await run_tunnel(context_.loop, context_.log, std::move(ends), route_.idle_time);
    if (outcome.failure) co_return base::unexpected(call.explain(*outcome.failure));
    co_return base::Result<void>();
  }

  void charge(TunnelWay way, std::uint64_t bytes) {
    if (way == TunnelWay::up) {
      permit_->received(bytes);
      up_ += bytes;
    } else {
      permit_->sent(bytes);
      down_ += bytes;
    }
  }

  /// Once a second: what nobody sends a byte for is decided here.
  void look() {
    if (over_) return;
    if (permit_->is_outdated(context_.policy)) {
      if (auto still = ask_policy(); !still) return stop(std::move(still).error());
    }
    const auto lasted = std::chrono::steady_clock::now() - begun_;
    if (route_.connection_time > base::Duration::zero() && lasted > route_.connection_time)
      return stop({base::Kind::timeout, "gateway.connection_time", "it has lasted as long as one may"});
    alarm_.set(net::Deadline::after(kLook));
  }

  void stop(base::Error why) {
    why_ = std::move(why);
    over_ = true;
    live_.connection.stream->abort();
  }

  void record() const {
    const auto took = std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - begun_);
    context_.listener.count_tcp({.up = up_, .down = down_, .failed = why_.has_value()});
    if (!context_.now->config().access_log) return;
    const tls::VerifiedPeer& peer = *live_.connection.peer;
    context_.log.info("tcp", {{"upstream", route_.upstream},
                              {"host", host()},
                              {"bytes_up", up_},
                              {"bytes_down", down_},
                              {"micros", took.count()},
                              {"code", live_.cut ? "connection.cut"
                                       : why_    ? why_->code
                                                 : ""},
                              {"detail", why_ ? why_->detail : ""},
                              {"application", peer.identity().to_urn()},
                              {"serial", peer.certificate().serial().hex()},
                              {"listener", context_.listener.config().name},
                              {"site", live_.connection.site->name},
                              {"tls", tls_word(live_.connection.site->mode())},
                              {"address", live_.connection.stream->peer().to_string()}});
  }

  ConnectionContext context_;
  LivePartner& live_;
  const TcpRoute route_;
  const std::string path_;  ///< by which a policy speaks of it
  const http::Fields none_ = {};
  policy::Standing standing_;
  std::optional<policy::Permit> permit_ = {};
  net::Alarm alarm_;
  net::Signal up_goes_on_;  ///< while a limit of bytes holds that way up
  net::Signal down_goes_on_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::uint64_t up_ = 0;
  std::uint64_t down_ = 0;
  bool over_ = false;
  std::optional<base::Error> why_ = {};
};

}  // namespace

net::Task<void> serve_tcp(ConnectionContext context, LivePartner& live) {
  const SiteConfig* const site = context.listener.site_config(live.connection.site->name);
  // A reload may have come in between: then it is another site, or none, and this connection is nobody's.
  if (site == nullptr || site->tcp.upstream != live.connection.site->tunnel || !live.connection.peer) {
    live.connection.stream->abort();
    co_return;
  }
  const TcpRoute route = site->tcp;
  TcpVisit visit(context, live, route);
  if (context.server.still_admitted(live, context.knowledge.registry(), context.clock.now())) co_await visit.run();
}

std::vector<net::ProxyTlv> identity_tlvs(const tls::VerifiedPeer& peer, const std::string& server_name) {
  constexpr std::uint8_t kAuthority = 0x02, kSsl = 0x20, kCommonName = 0x22;
  constexpr std::uint8_t kTlsAndCertificate = 0x01 | 0x02 | 0x04;  // PP2_CLIENT_SSL, _CERT_CONN, _CERT_SESS
  const auto bytes_of = [](std::string_view text) { return base::Bytes(text.begin(), text.end()); };
  std::vector<net::ProxyTlv> all;
  if (!server_name.empty()) all.push_back({kAuthority, bytes_of(server_name)});
  base::Bytes ssl = {kTlsAndCertificate, 0, 0, 0, 0};  // then `verify`: zero, for it was verified
  net::append_tlv(ssl, {kCommonName, bytes_of(peer.identity().application.text())});
  all.push_back({kSsl, std::move(ssl)});
  all.push_back({kIdentityTlv, bytes_of(peer.identity().to_urn())});
  return all;
}

}  // namespace countersign::gateway
