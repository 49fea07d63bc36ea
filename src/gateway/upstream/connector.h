// UpstreamConnector: opens connections to the addresses of one upstream: TCP, then the PROXY header where one is
// wanted, then TLS with the upstream's certificate verified for its name. Not a byte of a request goes to one that is
// not.
//
// Belongs to one loop's thread; the workers and the prober have one each.
#pragma once

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
};

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
    base::Instant valid_until;  ///< of the chain it was verified by; far away without TLS
    tls::Protocol protocol = tls::Protocol::http_1_1;
  };

  UpstreamConnector(Needs needs, std::shared_ptr<UpstreamState> state);

  /// Fails: `net.*`, `tls.*`, `gateway.upstream_untrusted` naming the reason, `gateway.no_credential`,
  /// `gateway.upstream_protocol`.
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
