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
    case Reason::issuer_withdrawn: return Alert::certificate_revoked;
    case Reason::proof_failed: return Alert::decrypt_error;
  }
  BASE_UNREACHABLE();
}

std::string name_of_received(int number) {
  struct Known {
    int number;
    std::string_view name;
  };
  static constexpr Known kKnown[] = {{0, "close_notify"},
                                     {10, "unexpected_message"},
                                     {20, "bad_record_mac"},
                                     {22, "record_overflow"},
                                     {40, "handshake_failure"},
                                     {42, "bad_certificate"},
                                     {43, "unsupported_certificate"},
                                     {44, "certificate_revoked"},
                                     {45, "certificate_expired"},
                                     {46, "certificate_unknown"},
                                     {47, "illegal_parameter"},
                                     {48, "unknown_ca"},
                                     {49, "access_denied"},
                                     {50, "decode_error"},
                                     {51, "decrypt_error"},
                                     {70, "protocol_version"},
                                     {71, "insufficient_security"},
                                     {80, "internal_error"},
                                     {86, "inappropriate_fallback"},
                                     {90, "user_canceled"},
                                     {100, "no_renegotiation"},
                                     {109, "missing_extension"},
                                     {110, "unsupported_extension"},
                                     {112, "unrecognized_name"},
                                     {113, "bad_certificate_status_response"},
                                     {115, "unknown_psk_identity"},
                                     {116, "certificate_required"},
                                     {120, "no_application_protocol"}};
  for (const Known& known : kKnown)
    if (known.number == number) return std::string(known.name);
  return "alert " + std::to_string(number);
}

}  // namespace countersign::tls
