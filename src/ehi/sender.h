// Sender: the outbound data plane: internal systems POST to an endpoint's name over mutual TLS, the partner's answer
// comes back as it came, or what the endpoint's mode decides, or a clear failure, within the endpoint's deadline;
// advice messages are kept until the partner has them.
#pragma once

#include <memory>

#include "ehi/config.h"
#include "ehi/decisions.h"
#include "ehi/endpoint_api.h"
#include "ehi/housekeeping.h"
#include "ehi/outbox_api.h"
#include "ehi/own_certificates.h"
#include "feed/data_plane.h"
#include "http/plain_server.h"
#include "tls/server.h"

namespace countersign::ehi {

/// What the sender counts. Lives on the sender's loop.
struct Counts final : tls::ServerObserver {
  std::uint64_t callers_accepted = 0, callers_refused = 0;
  void accepted() override { ++callers_accepted; }
  void refused(trust::Reason) override { ++callers_refused; }
  void failed(const std::string&) override {}
  void shed() override {}
  void cut(trust::Reason) override {}
};

class Sender {
 public:
  /// Borrows clock and log. Fails: `feed.none` (law 4), `credential.*`, `net.listen`, `tls.context`, `outbox.*`.
  static base::Result<std::unique_ptr<Sender>> make(EhiConfig config, const base::Clock& clock, const base::Log& log);

  const net::Endpoint& listening_at() const { return listener_->local(); }
  const net::Endpoint& status_at() const { return status_->local(); }
  /// Serves until SIGTERM or SIGINT, then drains.
  void run();

 private:
  Sender(EhiConfig config, const base::Clock& clock, const base::Log& log)
      : config_(std::move(config)), clock_(clock), log_(log) {}
  base::Result<void> load_certificates();
  base::Result<void> load_provider_certificate(base::Environment environment);
  base::Result<void> load_signing_certificate(base::Environment environment);
  base::Result<void> keep(OwnCertificates::Kind kind, const std::string& name,
                          const std::optional<std::string>& asked_with);
  base::Result<void> open_outbox();
  base::Result<void> bind();
  void use_server_credential(std::shared_ptr<const tls::Credential> own);
  net::Task<void> serve(tls::LiveConnection<tls::VerifiedPeer>& live);
  net::Task<http::Response> answer(tls::LiveConnection<tls::VerifiedPeer>& live, http::Request request);
  net::Task<http::Response> call(const tls::VerifiedPeer& caller, http::Request request, std::string path);
  static bool may_call(const tls::VerifiedPeer& caller, const Endpoint& endpoint);
  http::Response show(const tls::VerifiedPeer& caller, std::string_view path) const;
  net::Task<http::Response> answer_status(http::Request request);
  net::Task<std::string> metrics();
  Lane* find_lane(std::string_view name) const;
  std::int64_t advices_under_way() const;
  net::Task<void> look_at_own_certificates();
  std::string standings() const;
  net::Task<void> stop_on_signal();

  EhiConfig config_;
  const base::Clock& clock_;
  const base::Log& log_;
  Counts counts_;
  std::unique_ptr<feed::DataPlane> plane_;
  std::unique_ptr<Caller> caller_;
  std::optional<OwnCertificates> own_;
  crypto::SystemRandom random_;
  std::unique_ptr<OutboxDesk> desk_;
  Lanes lanes_;
  std::optional<Decisions> decisions_;
  std::optional<OutboxApi> outbox_api_;
  std::optional<Housekeeping> housekeeping_;
  std::shared_ptr<const tls::ServerContext> context_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<tls::Server<tls::VerifiedPeer>> server_;
  std::unique_ptr<http::PlainServer> status_;
};

}  // namespace countersign::ehi
