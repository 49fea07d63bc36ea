// Refusal: why one presented chain was not believed, with all that its owner needs to mend it.
#pragma once

#include <string>

#include "base/log.h"
#include "trust/reason.h"
#include "x509/certificate.h"

namespace countersign::trust {

struct Refusal {
  Reason reason;
  int depth = 0;       ///< 0 is the leaf
  std::string detail;  ///< what exactly, in one sentence; no secrets
  std::string serial;  ///< of the leaf, hexadecimal; empty when none was readable
  std::string subject;
  std::string issuer;
  std::string fingerprint;  ///< SHA-256 of the leaf, hexadecimal
  /// Whose the leaf is, where its path to an issuing CA of ours was verified; empty else: strangers may claim anything.
  std::string organisation = {};
};

/// A Refusal that names `leaf`; long names are cut, so that a stranger's certificate cannot flood the log.
Refusal refuse(Reason reason, const x509::Certificate& leaf, int depth, std::string detail);
/// A Refusal where there was no certificate to name.
Refusal refuse(Reason reason, std::string detail);

/// The fields of the one record that each refusal becomes (names escaped); the caller adds address and SNI.
base::Fields to_fields(const Refusal& refusal);

}  // namespace countersign::trust
