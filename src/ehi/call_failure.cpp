#include "ehi/call_failure.h"

namespace countersign::ehi {
namespace {

CallFailure failed(base::Error cause, std::string code, std::string detail) {
  return {std::move(cause).under(std::move(code), std::move(detail))};
}

CallFailure no_tls(base::Error cause, const Endpoint& endpoint, const http::Url& url) {
  return failed(std::move(cause), "ehi.no_tls",
                "'" + endpoint.name.text() + "' at " + url.authority.to_string() +
                    " does not speak TLS 1.2 or 1.3 with ciphers that are good, as it must");
}

/// Alerts of a server that has not seen our certificate: handshake_failure, protocol_version, insufficient_security,
/// no_application_protocol (RFC 8446 section 6.2, RFC 7301 section 3.2).
bool is_about_protocol(int alert) { return alert == 40 || alert == 70 || alert == 71 || alert == 120; }

}  // namespace

CallFailure to_failure(base::Error cause, const Endpoint& endpoint, const http::Url& url) {
  const std::string name = "'" + endpoint.name.text() + "'";
  if (cause.kind == base::Kind::timeout)
    return failed(std::move(cause), "ehi.timeout", name + " did not answer within its deadline");
  if (cause.code == "tls.alert_received")
    return failed(std::move(cause), "ehi.refused_by_partner",
                  name + " refused our certificate: has it installed the provider's trust chain?");
  if (cause.code == "tls.protocol") return no_tls(std::move(cause), endpoint, url);
  if (cause.code == "http.unprocessed")  // RFC 9113 section 8.7
    return failed(std::move(cause), "ehi.unreachable", name + " takes no more requests on its connections");
  if (cause.code == "http.cut_off")
    return failed(std::move(cause), "ehi.bad_answer", name + " broke off before its answer was whole");
  if (cause.code.starts_with("http."))
    return failed(std::move(cause), "ehi.bad_answer", name + " answered with something that is not HTTP");
  return failed(std::move(cause), "ehi.unreachable", name + " cannot be reached at " + url.authority.to_string());
}

CallFailure to_failure(tls::HandshakeFailure failure, const Endpoint& endpoint, const http::Url& url) {
  if (failure.alert_received && is_about_protocol(failure.alert_received->first))
    return no_tls(std::move(failure.error), endpoint, url);
  if (!failure.refusal) return to_failure(std::move(failure.error), endpoint, url);
  CallFailure refused = to_failure(std::move(*failure.refusal), endpoint);
  refused.error = std::move(failure.error).under(std::move(refused.error.code), std::move(refused.error.detail));
  return refused;
}

CallFailure to_failure(trust::Refusal refusal, const Endpoint& endpoint) {
  const std::string reason(trust::name(refusal.reason));
  const std::string remedy(trust::explanation(refusal.reason).remedy(trust::Party::server));
  CallFailure refused{
      {base::Kind::denied, "ehi.refused",
       "the server certificate of '" + endpoint.name.text() + "' was refused: " + reason + ": " + remedy}};
  refused.refusal = std::move(refusal);
  return refused;
}

CallFailure too_late(const Endpoint& endpoint, const http::Url& url) {
  return to_failure(base::Error{base::Kind::timeout, "net.timeout", "it was too late to send anything"}, endpoint, url);
}

bool is_our_fault(const CallFailure& failure) {
  return failure.error.code == "ehi.no_certificate" || failure.error.code == "ehi.no_signature";
}

bool is_refusal(const CallFailure& failure) {
  return failure.refusal.has_value() || failure.error.code == "ehi.pin_mismatch" ||
         failure.error.code == "ehi.no_staple";
}

}  // namespace countersign::ehi
