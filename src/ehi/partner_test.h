// A partner's server for tests: its certificate from a public CA, believing only the provider's trust chain. What it
// says is for who derives from it.
#pragma once

#include <optional>

#include "http/url.h"
#include "testing/pki.h"
#include "tls/server.h"

namespace countersign::ehi {

class PartnerServer : public tls::ServerObserver {
 public:
  PartnerServer(const PartnerServer&) = delete;

  std::uint16_t port() const { return listener_.local().port; }
  http::Url url() const { return *http::Url::parse("https://localhost:" + std::to_string(port()) + "/decide"); }
  void stop() { listener_.close(); }
  int connections = 0;

  void accepted() override { ++connections; }
  void refused(trust::Reason) override {}
  void failed(const std::string&) override {}
  void shed() override {}
  void cut(trust::Reason) override {}

 protected:
  struct Settings {
    testing::Issued certificate;
    bool http2 = false;
    bool knows_provider = true;  ///< false: it installed somebody else's trust chain
  };
  /// Borrows loop, pki and log. Serves from the next turn of the loop.
  PartnerServer(net::Loop& loop, const testing::Pki& pki, Settings settings, const base::Log& log)
      : listener_(*net::Listener::bind(loop, at_any_port())) {
    const tls::Credential own{std::move(settings.certificate.chain), std::move(settings.certificate.key)};
    context_ = *tls::ServerContext::make(own, tls::ServerContext::Options{.http2 = settings.http2});
    const trust::TrustSet trust = settings.knows_provider ? pki.provider_trust() : pki.partner_trust();
    tls::JudgeClient judge =
        [&pki, trust, registry = std::shared_ptr<trust::RegistryView>(pki.registry())](
            const trust::PresentedChain& presented) -> base::Result<trust::AdmittedChain, trust::Refusal> {
      auto chain = trust::verify_chain(presented, {.purposes = {trust::Purpose::ehi}}, trust, pki.now());
      if (!chain) return base::unexpected(std::move(chain).error());
      return trust::admit(std::move(*chain), *registry);
    };
    server_.emplace(
        loop, listener_, tls::ServerOptions{.name = "partner"}, [this] { return context_; }, std::move(judge),
        [this](tls::LiveConnection<tls::VerifiedPeer>& live) { return serve(live.connection); }, *this, log);
    net::spawn(loop, server_->run(), "partner", log);
  }
  ~PartnerServer() override = default;

  virtual net::Task<void> serve(tls::Connection<tls::VerifiedPeer>& connection) = 0;

 private:
  static net::Listener::Options at_any_port() {
    net::Listener::Options options;
    options.at = {"127.0.0.1", 0};
    return options;
  }

  net::Listener listener_;
  std::shared_ptr<const tls::ServerContext> context_;
  std::optional<tls::Server<tls::VerifiedPeer>> server_;
};

}  // namespace countersign::ehi
