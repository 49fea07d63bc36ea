#include "tls/alert.h"

#include "base/check.h"

namespace countersign::tls {

std::string_view name(Alert alert) {
  switch (alert) {
    case Alert::handshake_failure: return "handshake_failure";
    case Alert::bad_certificate: return "bad_certificate";
    case Alert::unsupported_certificate: return "unsupported_certificate";
    case Alert::certificate_revoked: return "certificate_revoked";
    case Alert::certificate_expired: return "certificate_expired";
    case Alert::certificate_unknown: return "certificate_unknown";
    case Alert::unknown_ca: return "unknown_ca";
    case Alert::decrypt_error: return "decrypt_error";
    case Alert::certificate_required: return "certificate_required";
  }
  BASE_UNREACHABLE();
}

Alert to_alert(trust::Reason reason) {
  using trust::Reason;
  switch (reason) {
    case Reason::no_certificate: return Alert::certificate_required;  // TLS 1.2 has handshake_failure instead
    case Reason::malformed: return Alert::bad_certificate;
    case Reason::chain_too_long: return Alert::bad_certificate;
    case Reason::not_yet_valid: return Alert::bad_certificate;
    case Reason::expired: return Alert::certificate_expired;
    case Reason::unknown_issuer: return Alert::unknown_ca;
    case Reason::missing_intermediate: return Alert::unknown_ca;
    case Reason::bad_signature: return Alert::decrypt_error;
    case Reason::self_signed: return Alert::unknown_ca;
    case Reason::wrong_purpose: return Alert::unsupported_certificate;
    case Reason::wrong_environment: return Alert::certificate_unknown;
    case Reason::wrong_name: return Alert::bad_certificate;
    case Reason::revoked: return Alert::certificate_revoked;
    case Reason::suspended: return Alert::certificate_unknown;
    case Reason::not_in_registry: return Alert::certificate_unknown;
    case Reason::weak_key: return Alert::bad_certificate;
    case Reason::weak_signature: return Alert::bad_certificate;
    case Reason::name_constraint: return Alert::bad_certificate;
    case Reason::invalid_issuer: return Alert::unknown_ca;
    case Reason::proof_failed: return Alert::decrypt_error;
  }
  BASE_UNREACHABLE();
}

}  // namespace countersign::tls
