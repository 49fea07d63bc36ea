#include "gateway/upstream/connector.h"

#include "gateway/upstream/peer.h"

namespace countersign::gateway {
namespace {

/// Believes a server certificate under the upstream's anchors that carries the name asked for, unless it or an issuer
/// of it is known to be revoked: an upstream may well have a certificate of our own authority.
struct JudgeUpstream {
  std::shared_ptr<const trust::TrustSet> anchors;
  std::string name;
  const base::Clock* clock;
  const trust::RegistryView* registry;

  base::Result<trust::VerifiedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = name};
    auto chain = trust::verify_chain(presented, policy, *anchors, clock->now());
    if (!chain) return chain;
    if (auto refusal = trust::reconsider_server(*chain, *registry, clock->now()))
      return base::unexpected(std::move(*refusal));
    return chain;
  }
};

tls::ClientContext::Offer offer_of(UpstreamProtocol protocol) {
  using Offer = tls::ClientContext::Offer;
  switch (protocol) {
    case UpstreamProtocol::http1: return Offer::nothing;
    case UpstreamProtocol::http2: return Offer::http_2;
    case UpstreamProtocol::any: return Offer::http_any;
  }
  return Offer::nothing;  // not reached: the switch is complete
}

base::Error to_error(tls::HandshakeFailure failure, const std::string& upstream) {
  if (!failure.refusal) return std::move(failure.error);
  return upstream_untrusted(std::move(failure.error), *failure.refusal, upstream);
}

}  // namespace

UpstreamConnector::UpstreamConnector(Needs needs, std::shared_ptr<UpstreamState> state)
    : needs_(needs), state_(std::move(state)) {}

/// Made anew when the credential is another one; where that cannot be used, the one of before goes on (law 4).
base::Result<std::shared_ptr<const tls::ClientContext>> UpstreamConnector::context() {
  const UpstreamTls& tls = *state_->settings().tls;
  std::shared_ptr<const tls::Credential> own = state_->credential();
  if (context_ != nullptr && own == shown_) return context_;
  if (tls.proof != UpstreamTls::Proof::none && own == nullptr)
    return base::fail(base::Kind::unavailable, "gateway.no_credential",
                      "there is no certificate yet to show to upstream '" + state_->settings().name + "'");
  auto made = tls::ClientContext::make(own.get(), offer_of(state_->settings().protocol));
  if (!made && context_ == nullptr) return made;
  if (made) context_ = std::move(*made);
  else
    needs_.log.error("upstream.credential_kept",
                     {{"upstream", state_->settings().name}, {"error", base::to_string(made.error())}});
  shown_ = std::move(own);
  return context_;
}

net::Task<base::Result<UpstreamConnector::Opened>> UpstreamConnector::open(
    std::shared_ptr<const UpstreamAddress> address, ClientAddresses client, net::Deadline deadline) {
  net::Endpoint to = address->endpoint;
  auto socket = co_await net::Socket::connect(needs_.loop, std::move(to), deadline);
  if (!socket) co_return base::unexpected(std::move(socket).error());
  const UpstreamSettings& settings = state_->settings();
  if (settings.send_proxy_header) {
    if (client.is_gone && client.is_gone())
      co_return base::fail(base::Kind::unavailable, kGivenUp, "its client was gone before it was told of");
    const base::Bytes header = net::write_proxy_header(client.source, client.destination, client.more);
    BASE_CO_TRY_VOID(co_await socket->write_all(header, deadline));
  }
  const bool only_http2 = settings.protocol == UpstreamProtocol::http2;
  const tls::Protocol prior_knowledge = only_http2 ? tls::Protocol::http_2 : tls::Protocol::http_1_1;
  if (!settings.tls) {
    Opened plain{std::make_unique<net::Socket>(std::move(*socket)), std::nullopt, prior_knowledge};
    co_return std::move(plain);
  }
  BASE_CO_TRY(std::shared_ptr<const tls::ClientContext> own, context());
  std::string name = settings.tls->server_name.empty() ? address->host : settings.tls->server_name;
  tls::JudgeServer judge = JudgeUpstream{settings.tls->anchors, name, &needs_.clock, &needs_.registry};
  auto connection =
      co_await tls::Handshake::connect(std::move(*socket), std::move(own), std::move(name), std::move(judge), deadline);
  if (!connection) co_return base::unexpected(to_error(std::move(connection).error(), settings.name));
  if (only_http2 && connection->protocol != tls::Protocol::http_2)
    co_return base::fail(base::Kind::unavailable, "gateway.upstream_protocol",
                         "upstream '" + settings.name + "' does not choose HTTP/2 (ALPN h2)");
  Opened opened{std::move(connection->stream), connection->peer.chain(), connection->protocol};
  co_return std::move(opened);
}

}  // namespace countersign::gateway
