// Purpose: what a certificate is for. One word decides profile, issuing CA, EKU and KU, and where it is accepted.
#pragma once

#include <string_view>

#include "base/result.h"

namespace countersign::trust {

enum class Purpose {
  transport,  ///< a partner's application sets up connections to the gateway: EKU exactly clientAuth
  signing,    ///< a partner's application signs messages: no EKU for TLS
  ehi,        ///< the provider calls partners' servers: EKU exactly clientAuth
  service,    ///< one of the platform's own programs, or an operator, as a client: EKU exactly clientAuth
  server,     ///< one of the platform's own programs, or any TLS server: EKU serverAuth
  person,     ///< somebody of a partner's organisation at the API, nowhere else: EKU exactly clientAuth
  ocsp,       ///< signs OCSP responses for the CA that issued it, accepted at no listener: EKU exactly OCSPSigning
};

std::string_view name(Purpose purpose);
/// Fails: `purpose.unknown`.
base::Result<Purpose> parse_purpose(std::string_view text);

}  // namespace countersign::trust
