// Reason -> TLS alert: one of the three outward tables. The peer learns the alert and nothing more (law 7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trust/reason.h"

namespace countersign::tls {

/// The alerts a refusal can become, with their numbers (RFC 8446 section 6.2). access_denied (49) would say more of a
/// suspended application, but OpenSSL's verifier cannot send it: certificate_unknown stands in.
enum class Alert : std::uint8_t {
  handshake_failure = 40,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_revoked = 44,
  certificate_expired = 45,
  certificate_unknown = 46,
  unknown_ca = 48,
  decrypt_error = 51,
  certificate_required = 116,
};

std::string_view name(Alert alert);
Alert to_alert(trust::Reason reason);

/// The name of any alert a peer may send (RFC 8446 section 6 and the TLS 1.2 ones), or "alert NUMBER".
std::string name_of_received(int number);

}  // namespace countersign::tls
