// OcspSettings: what an operator says of stapling for one of the gateway's certificates.
#pragma once

#include <string>

#include "base/config.h"

namespace countersign::gateway {

struct OcspSettings {
  bool stapling = true;        ///< where there is a responder
  std::string responder = {};  ///< an http URL; empty: the one that the certificate names
  friend bool operator==(const OcspSettings&, const OcspSettings&) = default;
};

/// The keys ocsp_stapling and ocsp_responder of a section, over what `settings` says already. Fails: `gateway.config`.
base::Result<void> read_ocsp(base::ConfigSection& section, OcspSettings& settings);

}  // namespace countersign::gateway
