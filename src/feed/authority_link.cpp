#include "feed/authority_link.h"

#include "base/files.h"
#include "base/json.h"
#include "feed/judge_authority.h"
#include "http/problem.h"

namespace countersign::feed {

AuthorityLink::AuthorityLink(tls::Connection<tls::VerifiedServer> connection, std::string host,
                             const trust::RegistryView* registry)
    : stream_(std::move(connection.stream)), chain_(connection.peer.chain()), registry_(registry) {
  http::ClientOptions options;
  options.host = std::move(host);
  options.response_bytes = std::size_t{1024} * 1024 * 1024;  // a snapshot of millions of certificates
  client_ = std::make_unique<http::Client>(*stream_, std::move(options));
}

net::Task<base::Result<AuthorityLink>> AuthorityLink::open(net::Loop& loop, const Options& options,
                                                           std::shared_ptr<const tls::ClientContext> own,
                                                           const base::Clock& clock, net::Deadline deadline) {
  net::Endpoint to = options.authority;
  const trust::RegistryView* const registry = options.registry;
  std::string host = to.host;
  tls::JudgeServer judge = JudgeAuthority{options.provider_trust, host, &clock, registry,
                                          options.knowledge == nullptr ? nullptr : options.knowledge->trust()};
  auto socket = co_await net::Socket::connect(loop, to, deadline);
  if (!socket) co_return base::unexpected(std::move(socket).error());
  auto connection =
      co_await tls::Handshake::connect(std::move(*socket), std::move(own), host, std::move(judge), deadline);
  if (!connection) co_return base::unexpected(std::move(connection).error().error);
  co_return AuthorityLink(std::move(*connection), to.to_string(), registry);
}

std::optional<trust::Refusal> AuthorityLink::reconsider(base::Instant at) {
  if (registry_ == nullptr) return std::nullopt;
  return still_believed_.of_server(chain_, *registry_, at);
}

net::Task<base::Result<std::string>> AuthorityLink::get(std::string target, net::Deadline deadline) {
  http::Request request;
  request.head.method = "GET";
  request.head.target = std::move(target);
  co_return co_await send(std::move(request), deadline);
}

net::Task<base::Result<std::string>> AuthorityLink::post(std::string target, std::string json, net::Deadline deadline) {
  http::Request request;
  request.head.method = "POST";
  request.head.target = std::move(target);
  request.head.fields.add("Content-Type", "application/json");
  request.body = std::move(json);
  co_return co_await send(std::move(request), deadline);
}

net::Task<base::Result<std::string>> AuthorityLink::send(http::Request request, net::Deadline deadline) {
  auto response = co_await client_->send(std::move(request), deadline);
  if (!response) co_return base::unexpected(std::move(response).error());
  if (response->status / 100 != 2) co_return base::unexpected(http::from_problem(*response));
  co_return std::move(response->body);
}

base::Result<std::shared_ptr<const trust::TrustSet>> load_trust_chain(const std::filesystem::path& path) {
  BASE_TRY(const std::string pem, base::read_file(path));
  auto certificates = x509::Certificate::all_from_pem(pem);
  if (!certificates)
    return base::unexpected(
        std::move(certificates).error().under("trust.malformed", "cannot use '" + path.string() + "'"));
  std::vector<x509::Certificate> roots;
  std::vector<x509::Certificate> intermediates;
  for (const x509::Certificate& certificate : *certificates)
    (certificate.is_self_issued() ? roots : intermediates).push_back(certificate);
  BASE_TRY(auto set, trust::TrustSet::of_roots(std::move(roots), std::move(intermediates)));
  return std::make_shared<const trust::TrustSet>(std::move(set));
}

}  // namespace countersign::feed
