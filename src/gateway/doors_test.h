// A worker of the gateway with several listeners and sites, for tests of what is decided by name.
#pragma once

#include <gtest/gtest.h>

#include "base/files.h"
#include "gateway/worker.h"
#include "http/server.h"
#include "testing/folder.h"
#include "testing/run.h"
#include "testing/tls_caller.h"

namespace countersign::gateway {

/// Answers every request with the fields it saw.
class SeeingUpstream {
 public:
  SeeingUpstream() : listener_(net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value()) {
    net::spawn(loop_, accept(), "upstream", log_.log());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~SeeingUpstream() {
    loop_.stop();
    thread_.join();
  }
  const net::Endpoint& at() const { return listener_.local(); }

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      net::spawn(loop_, serve(std::move(*socket)), "upstream.connection", log_.log());
    }
  }
  net::Task<void> serve(net::Socket socket) {
    const http::Handler handler = [](http::Request request) { return answer(std::move(request)); };
    const http::ServerOptions options;
    co_await http::serve(socket, handler, options);
  }
  static net::Task<http::Response> answer(http::Request request) {
    http::Response response;
    for (const http::Field& field : request.head.fields)
      response.body += field.name + ": " + field.value + "\n";
    co_return response;
  }

  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_;
  std::thread thread_;
};

/// What the feed says: both roots, every issuing CA, every certificate issued so far.
inline feed::Snapshot snapshot_of(const testing::Pki& pki) {
  feed::Snapshot snapshot{
      1, {feed::RootFact{pki.partner_root().certificate}, feed::RootFact{pki.provider_root().certificate}}};
  for (const trust::IssuingCa& ca : pki.issuing_cas())
    snapshot.facts.emplace_back(ca);
  for (const trust::CertificateFact& fact : pki.facts())
    snapshot.facts.emplace_back(fact);
  return snapshot;
}

class DoorsTest : public ::testing::Test {
 protected:
  using Caller = testing::TlsCaller;

  /// Each partner's certificate must be issued before.
  void start(std::vector<ListenerConfig> listeners, std::vector<Route> routes) {
    write_roots("roots.pem", {pki_.partner_root().certificate, pki_.provider_root().certificate});
    config_.trust_chain = config_.partner_chain = folder_ / "roots.pem";
    config_.listeners = std::move(listeners);
    config_.routes = std::move(routes);
    for (Route& route : config_.routes)
      route.access = route.certificate_required ? policy::Access::any_partner : policy::Access::anyone;
    routes_.emplace(config_.routes);
    upstreams_.emplace(config_.upstreams, config_.upstream_times());
    feed::Snapshot snapshot = snapshot_of(pki_);
    for (const feed::Fact& fact : more_facts_)
      snapshot.facts.push_back(fact);
    ASSERT_TRUE(knowledge_.replace(snapshot));
    auto plans = Plans::make(config_, knowledge_, metrics_, pki_.clock(), log_.log());
    ASSERT_TRUE(plans) << base::to_string(plans.error());
    plans_.emplace(std::move(*plans));
    for (std::size_t i = 0; i < plans_->credentials().size(); ++i)
      own_.push_back(server_credential());
    worker_ = start_worker();
  }

  std::unique_ptr<Worker> start_worker() {
    const WorkerShared shared{config_,      *routes_,   knowledge_, *plans_,     sightings_, metrics_,
                              pki_.clock(), log_.log(), gate_,      *upstreams_, &signing_};
    const std::vector<net::Endpoint> at(config_.listeners.size(), net::Endpoint{"127.0.0.1", 0});
    auto worker = Worker::make(shared, at, own_);
    EXPECT_TRUE(worker) << base::to_string(worker.error());
    (*worker)->start();
    return std::move(*worker);
  }

  std::shared_ptr<const tls::Credential> server_credential() {
    testing::Issued server = pki_.internal_server().issue();
    return std::make_shared<const tls::Credential>(tls::Credential{std::move(server.chain), std::move(server.key)});
  }

  void write_roots(const std::string& name, const std::vector<x509::Certificate>& roots) {
    std::string pem;
    for (const x509::Certificate& root : roots)
      pem += root.to_pem();
    ASSERT_TRUE(base::write_file(folder_ / name, pem, base::FileMode::owner_only));
  }

  /// Where a listener of the worker is.
  std::uint16_t port(const std::string& listener) const { return port(*worker_, listener); }
  static std::uint16_t port(const Worker& worker, const std::string& listener) {
    for (const auto& one : worker.listeners())
      if (one->config().name == listener) return one->local().port;
    ADD_FAILURE() << listener;
    return 0;
  }

  testing::Pki pki_;
  testing::KeptLog log_;
  testing::Folder folder_;
  SeeingUpstream upstream_;
  GatewayConfig config_;
  std::optional<RouteTable> routes_;
  std::optional<UpstreamStates> upstreams_;
  feed::Knowledge knowledge_;
  MessageSigning signing_{knowledge_, pki_.clock(), log_.log()};
  std::vector<feed::Fact> more_facts_;
  feed::Sightings sightings_;
  Metrics metrics_;
  policy::Gate gate_{policy::Policy::nothing(), log_.log()};
  std::optional<Plans> plans_;
  Credentials own_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace countersign::gateway
