// Routes of EST (RFC 7030 section 3.2.2), with and without a label: without one it is `transport`.
#include <array>

#include "authority/api/redemption_call.h"
#include "authority/api/renewal_call.h"
#include "authority/est/est.h"

namespace countersign::authority {
namespace {

base::Result<trust::Purpose> purpose_of(const Call& call) {
  if (call.arguments.empty()) return trust::Purpose::transport;
  return parse_est_label(call.arguments.front());
}

Answer cacerts(Authority& authority, const Call& call) {
  BASE_TRY(const trust::Purpose purpose, purpose_of(call));
  return to_cacerts(authority.hierarchy(), purpose);
}

Answer csrattrs(Authority&, const Call& call) {
  BASE_TRY_VOID(purpose_of(call));
  return to_csrattrs();
}

/// RFC 7030 section 4.2.1. The credential is asked for before anything else is said.
base::Result<Asked> simpleenroll(Authority& authority, const Call& call) {
  BASE_TRY(const trust::Purpose purpose, purpose_of(call));
  BASE_TRY(base::Secret code, basic_password(call.request));
  BASE_TRY(std::string csr, read_est_csr(call.request));
  return to_redeem(authority, {std::move(code), purpose, std::move(csr)}, to_est_response);
}

/// RFC 7030 section 4.2.2.
base::Result<Asked> simplereenroll(Authority& authority, const tls::VerifiedPeer& peer, const Call& call) {
  BASE_TRY(const trust::Purpose purpose, purpose_of(call));
  BASE_TRY(std::string csr, read_est_csr(call.request));
  return to_renew(authority, peer, {purpose, std::move(csr)}, to_est_response);
}

}  // namespace

std::span<const Route> est_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/.well-known/est/cacerts", OpenHandler{cacerts}},
      Route{"GET", "/.well-known/est/{label}/cacerts", OpenHandler{cacerts}},
      Route{"GET", "/.well-known/est/csrattrs", OpenHandler{csrattrs}},
      Route{"GET", "/.well-known/est/{label}/csrattrs", OpenHandler{csrattrs}},
      Route{"POST", "/.well-known/est/simpleenroll", OpenAskHandler{simpleenroll}},
      Route{"POST", "/.well-known/est/{label}/simpleenroll", OpenAskHandler{simpleenroll}},
      Route{"POST", "/.well-known/est/simplereenroll", PeerAskHandler{simplereenroll}},
      Route{"POST", "/.well-known/est/{label}/simplereenroll", PeerAskHandler{simplereenroll}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
