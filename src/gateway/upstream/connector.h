// UpstreamConnector: opens connections to the addresses of one upstream: TCP, then the PROXY header where one is
// wanted, then TLS with the upstream's certificate verified for its name. Not a byte of a request goes to one that is
// not.
//
// Belongs to one loop's thread; the workers and the prober have one each.
#pragma once

#include <functional>

#include "gateway/upstream/state.h"
#include "net/proxy_protocol.h"
#include "net/socket.h"
#include "tls/handshake.h"

namespace countersign::gateway {

/// For a PROXY header: between whom the connection is that requests come from, and what else may be said of it.
struct ClientAddresses {
  net::Endpoint source = {};
  net::Endpoint destination = {};
  std::vector<net::ProxyTlv> more = {};
  /// Is the client gone? Asked before it is told of; then nothing is. Empty: never.
  std::function<bool()> is_gone = {};
};

/// Of what was given up because its client is gone.
inline constexpr const char* kGivenUp = "gateway.given_up";

class UpstreamConnector {
 public:
  /// What connections need besides the upstream; borrowed.
  struct Needs {
    net::Loop& loop;
    const base::Clock& clock;
    const trust::RegistryView&
        registry;  ///< certificates of our own that were revoked are not believed of servers either
    const base::Log& log;
  };
  struct Opened {
    std::unique_ptr<net::Stream> stream;
    std::optional<trust::VerifiedChain> chain = {};  ///< that it was verified by; nothing without TLS
    tls::Protocol protocol = tls::Protocol::http_1_1;
  };

  UpstreamConnector(Needs needs, std::shared_ptr<UpstreamState> state);

  /// Fails: `net.*`, `tls.*`, `gateway.upstream_untrusted` naming the reason, `gateway.no_credential`,
  /// `gateway.upstream_protocol`, `gateway.given_up` where the client that was to be told of is gone.
  net::Task<base::Result<Opened>> open(std::shared_ptr<const UpstreamAddress> address, ClientAddresses client,
                                       net::Deadline deadline);
  const std::shared_ptr<UpstreamState>& state() const { return state_; }

 private:
  base::Result<std::shared_ptr<const tls::ClientContext>> context();

  Needs needs_;
  std::shared_ptr<UpstreamState> state_;
  std::shared_ptr<const tls::Credential> shown_;  ///< what context_ was made with
  std::shared_ptr<const tls::ClientContext> context_;
};

}  // namespace countersign::gateway
