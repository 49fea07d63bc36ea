// The ceremony itself: every draft is made and linted before the first signature; each signature is announced in the
// journal before it is made, verified behind it, and written where nothing was. What it did is told in a transcript.
//
// Serial numbers are drawn from the digest of the reviewed file, so that who checks it beforehand sees the very bytes
// that will be signed. A ceremony that was cut off is completed by the same file: what was signed stays.
#pragma once

#include <string>

#include "base/secret.h"
#include "ceremony/plan.h"

namespace countersign::ceremony {

/// The machine's clock and the moment that the file names may differ so much.
inline constexpr base::Duration kAroundCeremony = std::chrono::hours(24 * 30);

enum class Mode {
  check,  ///< only says what would be signed; needs no key and makes no file
  sign,
};

struct Act {
  Mode mode;
  std::string_view text;  ///< of the file, as it was read by `plan`
  std::string file;       ///< its name, for the transcript
  std::string programme;  ///< "countersign 0.1.0"
  const base::Clock& clock;
  const base::Secret& secret;  ///< the passphrase, or the token's PIN; not looked at by check
};

/// Returns the transcript, which lies beside what was made then. Fails: `ceremony.done` when this file was carried out
/// before, `ceremony.out_exists`, `ceremony.clock`, `ceremony.no_root`, `ceremony.request`, `ceremony.key`,
/// `ceremony.crl`, `ca.profile`, and as RootKeys, Journal and files. Before the first signature nothing was written but
/// new roots' keys and the journal's first line.
base::Result<std::string> hold(const Plan& plan, const Act& act);

}  // namespace countersign::ceremony
