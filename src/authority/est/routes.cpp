// Routes of EST (RFC 7030 section 3.2.2), with and without a label: without one it is `transport`.
#include <array>

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
Answer simpleenroll(Authority& authority, const Call& call) {
  BASE_TRY(const trust::Purpose purpose, purpose_of(call));
  BASE_TRY(const base::Secret code, basic_password(call.request));
  BASE_TRY(const std::string csr, read_est_csr(call.request));
  BASE_TRY(const auto outcome, authority.enrolment().redeem({code.reveal_text(), purpose, csr}));
  return to_est_response(outcome);
}

/// RFC 7030 section 4.2.2.
Answer simplereenroll(Authority& authority, const tls::VerifiedPeer& peer, const Call& call) {
  BASE_TRY(const trust::Purpose purpose, purpose_of(call));
  BASE_TRY(const std::string csr, read_est_csr(call.request));
  BASE_TRY(const auto outcome, renew_held(authority, peer, purpose, csr));
  return to_est_response(outcome);
}

constexpr std::array kRoutes = {
    Route{"GET", "/.well-known/est/cacerts", OpenHandler{cacerts}},
    Route{"GET", "/.well-known/est/{label}/cacerts", OpenHandler{cacerts}},
    Route{"GET", "/.well-known/est/csrattrs", OpenHandler{csrattrs}},
    Route{"GET", "/.well-known/est/{label}/csrattrs", OpenHandler{csrattrs}},
    Route{"POST", "/.well-known/est/simpleenroll", OpenHandler{simpleenroll}},
    Route{"POST", "/.well-known/est/{label}/simpleenroll", OpenHandler{simpleenroll}},
    Route{"POST", "/.well-known/est/simplereenroll", PeerHandler{simplereenroll}},
    Route{"POST", "/.well-known/est/{label}/simplereenroll", PeerHandler{simplereenroll}},
};

}  // namespace

std::span<const Route> est_routes() { return kRoutes; }

}  // namespace countersign::authority
