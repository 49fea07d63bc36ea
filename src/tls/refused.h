// The error of a connection whose peer is not to be believed, at its handshake or later.
#pragma once

#include <string>

#include "base/error.h"
#include "trust/refusal.h"

namespace countersign::tls {

/// `tls.refused`, naming the reason.
inline base::Error refused(const trust::Refusal& refusal) {
  return {base::Kind::denied, "tls.refused",
          "refused: " + std::string(trust::name(refusal.reason)) + ": " + refusal.detail};
}

}  // namespace countersign::tls
