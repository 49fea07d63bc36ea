// A worker of the gateway with several listeners and sites, for tests of what is decided by name.
#pragma once

#include <gtest/gtest.h>

#include "base/files.h"
#include "gateway/seeing_upstream_test.h"
#include "gateway/worker.h"
#include "testing/folder.h"
#include "testing/run.h"
#include "testing/tls_caller.h"

namespace countersign::gateway {

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
    feed::Snapshot snapshot = snapshot_of(pki_);
    for (const feed::Fact& fact : more_facts_)
      snapshot.facts.push_back(fact);
    ASSERT_TRUE(knowledge_.replace(snapshot));
    generation_ = make_generation();
    ASSERT_NE(generation_, nullptr);
    plans_ = &generation_->plans();
    for (std::size_t i = 0; i < plans_->credentials().size(); ++i)
      own_.push_back({server_credential()});
    worker_ = start_worker();
  }

  std::unique_ptr<Worker> start_worker() {
    const WorkerShared shared{knowledge_, sightings_,   refusals_,  metrics_, pki_.clock(), log_.log(),
                              gate_,      token_rings_, authority_, service_, &signing_};
    auto worker = Worker::make(shared, generation_);
    EXPECT_TRUE(worker) << base::to_string(worker.error());
    EXPECT_TRUE((*worker)->begin(prepare(**worker, generation_, generation_->config().listeners)));
    (*worker)->start();
    return std::move(*worker);
  }

  /// Of config_, following generation_; null where it cannot be.
  GenerationPointer make_generation() {
    auto made = Generation::make(config_, {knowledge_, metrics_, pki_.clock(), log_.log()}, generation_);
    EXPECT_TRUE(made) << base::to_string(made.error());
    return made ? *made : nullptr;
  }

  /// `opened`: the listeners that get a socket.
  Worker::Prepared prepare(const Worker& worker, const GenerationPointer& generation,
                           const std::vector<ListenerConfig>& opened) {
    Worker::Prepared prepared = worker.prepare(generation, own_).value();
    for (const ListenerConfig& listener : opened) {
      std::vector<net::ListenSocket> sockets;
      sockets.push_back(net::ListenSocket::open({.at = {listen_at_, 0}}).value());
      prepared.sockets.push_back({door_of(listener), std::move(sockets)});
    }
    return prepared;
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
  std::string listen_at_ = "127.0.0.1";
  feed::Knowledge knowledge_;
  MessageSigning signing_{knowledge_, pki_.clock(), log_.log()};
  std::vector<feed::Fact> more_facts_;
  feed::Sightings sightings_;
  feed::Refusals refusals_{knowledge_.registry()};
  Metrics metrics_;
  policy::Gate gate_{policy::Policy::nothing(), log_.log()};
  TokenRings token_rings_{knowledge_, log_.log()};
  feed::AuthorityLink::Options authority_ = {};  // nobody: no test of these asks for a token
  base::Published<tls::Credential> service_;
  GenerationPointer generation_;
  const Plans* plans_ = nullptr;  ///< of it
  Credentials own_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace countersign::gateway
