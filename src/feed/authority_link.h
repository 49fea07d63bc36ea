// AuthorityLink: a data plane's mutual-TLS connection to the authority's internal listener.
//
// Believes only the authority itself: a certificate under the provider's trust chain, for the host called, whose
// identity is `urn:countersign:internal:service:authority` - not merely any server certificate of the platform.
#pragma once

#include <filesystem>
#include <memory>

#include "base/time.h"
#include "feed/knowledge.h"
#include "http/client.h"
#include "net/socket.h"
#include "tls/handshake.h"
#include "trust/reconsideration.h"

namespace countersign::feed {

class AuthorityLink {
 public:
  struct Options {
    net::Endpoint authority;
    std::shared_ptr<const trust::TrustSet> provider_trust;
    const trust::RegistryView* registry = nullptr;  ///< what is known of revocations, the authority's own included
    const Knowledge* knowledge = nullptr;           ///< what the feed taught of roots and issuing CAs
  };

  /// Fails: `net.*`, `tls.*`; a refusal's reason is in the detail.
  static net::Task<base::Result<AuthorityLink>> open(net::Loop& loop, const Options& options,
                                                     std::shared_ptr<const tls::ClientContext> own,
                                                     const base::Clock& clock, net::Deadline deadline);

  /// Asks again about the authority at its other end, as far as is known now of revocations. Nothing means: still
  /// believed.
  std::optional<trust::Refusal> reconsider(base::Instant at);
  bool is_believed(base::Instant at) { return !reconsider(at); }
  /// Closes it at once; a call under way fails with `net.reset`.
  void abort() noexcept { stream_->abort(); }

  /// The body of a 2xx answer. Fails: the authority's own code for a problem, and as http::Client::send.
  net::Task<base::Result<std::string>> get(std::string target, net::Deadline deadline);
  net::Task<base::Result<std::string>> post(std::string target, std::string json, net::Deadline deadline);

 private:
  AuthorityLink(tls::Connection<tls::VerifiedServer> connection, std::string host, const trust::RegistryView* registry);
  net::Task<base::Result<std::string>> send(http::Request request, net::Deadline deadline);

  std::unique_ptr<net::Stream> stream_;
  trust::VerifiedChain chain_;
  const trust::RegistryView* registry_;  ///< may be null
  trust::Reconsideration still_believed_;
  std::unique_ptr<http::Client> client_;
};

/// Reads `trust-chain.pem` into a TrustSet for the link. Fails: as files and trust::TrustSet::of_roots.
base::Result<std::shared_ptr<const trust::TrustSet>> load_trust_chain(const std::filesystem::path& path);

}  // namespace countersign::feed
