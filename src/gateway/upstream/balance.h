// balance: which address of an upstream is asked next: of two picked at random the one with fewer requests under way
// (the power of two choices, Mitzenmacher 2001), which is as good as looking at all and draws no herd to one.
#pragma once

#include <optional>
#include <span>

#include "gateway/upstream/dice.h"

namespace countersign::gateway {

struct Candidate {
  bool down = false;     ///< its health checks fail
  bool ejected = false;  ///< its answers failed lately
  bool tried = false;    ///< by this very request
  std::size_t load = 0;  ///< requests under way
};

/// The index of the choice; nothing when all are down, or every other one was tried. One that is down is never chosen.
/// Ejection is a guess from few answers: where it would leave less than `panic_below` percent of those that are not
/// down, it is not heeded, so that a fault of ours or of all cannot eject everybody.
std::optional<std::size_t> choose(std::span<const Candidate> candidates, unsigned panic_below, Dice& dice);

}  // namespace countersign::gateway
