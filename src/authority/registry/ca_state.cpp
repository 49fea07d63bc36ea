#include "authority/registry/ca_state.h"

#include <array>

#include "base/check.h"

namespace countersign::authority {

std::string_view name(CaState state) {
  switch (state) {
    case CaState::prepared: return "prepared";
    case CaState::distributed: return "distributed";
    case CaState::active: return "active";
    case CaState::superseded: return "superseded";
    case CaState::retired: return "retired";
    case CaState::withdrawn: return "withdrawn";
  }
  BASE_UNREACHABLE();
}

base::Result<CaState> parse_ca_state(std::string_view text) {
  constexpr std::array kStates = {CaState::prepared,   CaState::distributed, CaState::active,
                                  CaState::superseded, CaState::retired,     CaState::withdrawn};
  for (const CaState state : kStates)
    if (text == name(state)) return state;
  return base::fail(base::Kind::corrupt, "registry.corrupt",
                    "an issuing CA is in a state that is none of ours; restore a backup of the registry");
}

}  // namespace countersign::authority
