// CaState: how far an issuing CA is on its way (docs/rotation.md). It only ever goes on, never back.
#pragma once

#include <string_view>

#include "base/result.h"

namespace countersign::authority {

enum class CaState {
  prepared,     ///< it has its certificate; nobody was told
  distributed,  ///< whoever follows the trust feed believes it; it issues nothing but what speaks for its own status
  active,       ///< the one of its line that issues
  superseded,   ///< another one issues; what it issued goes on to be good
  retired,      ///< what it issued is refused: nothing of it should be in use
  withdrawn,    ///< the same at once, since its key may be known to others; what it issued is revoked
};
std::string_view name(CaState state);
/// Fails: `registry.corrupt`.
base::Result<CaState> parse_ca_state(std::string_view text);

/// Is a certificate of it believed?
constexpr bool is_trusted(CaState state) {
  return state == CaState::distributed || state == CaState::active || state == CaState::superseded;
}
/// Was it believed once, and is not any more?
constexpr bool is_over(CaState state) { return state == CaState::retired || state == CaState::withdrawn; }

}  // namespace countersign::authority
