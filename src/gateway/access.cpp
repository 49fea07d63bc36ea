#include "gateway/access.h"

namespace countersign::gateway {

base::Result<void> check_site(const Listener& listener, const tls::Site& site, const std::string& host) {
  const auto of_host = listener.site_of(host);
  if (of_host != nullptr && of_host->name == site.name) return {};
  return base::fail(base::Kind::invalid, "gateway.misdirected",
                    "this connection was not made for '" + host + "'; open another one that asks for it by name (SNI)");
}

base::Result<void> check_certificate(const Route& route, const tls::Site& site,
                                     const std::optional<tls::VerifiedPeer>& peer) {
  if (peer || !route.certificate_required) return {};
  const bool asks = site.mode() != tls::ClientCertificate::none;
  return base::fail(base::Kind::denied, "gateway.certificate_required",
                    asks ? "this needs a Transport Certificate and the connection was made without one: open another "
                           "one with it (curl: --cert and --key)"
                         : "this needs a Transport Certificate, and none is asked for under this name: call by the "
                           "name and port that the provider gave you for it");
}

int status_of_denied(const base::Error& error) {
  if (error.code == "gateway.misdirected") return 421;
  return error.code == "gateway.certificate_required" ? 403 : 400;
}

}  // namespace countersign::gateway
