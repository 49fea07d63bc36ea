#include "gateway/upstream/balance.h"

#include <algorithm>

namespace countersign::gateway {
namespace {

/// The `wanted`-th of those that may be chosen.
std::size_t nth(std::span<const Candidate> candidates, std::size_t wanted, const auto& may) {
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (may(candidates[i]) && wanted-- == 0) return i;
  return candidates.size();
}

}  // namespace

std::optional<std::size_t> choose(std::span<const Candidate> candidates, unsigned panic_below, Dice& dice) {
  const auto alive = std::ranges::count_if(candidates, [](const Candidate& c) { return !c.down; });
  const auto good = std::ranges::count_if(candidates, [](const Candidate& c) { return !c.down && !c.ejected; });
  const bool panic = good == 0 || good * 100 < alive * static_cast<std::int64_t>(panic_below);
  const auto may = [panic](const Candidate& c) { return !c.down && !c.tried && (panic || !c.ejected); };
  const auto left = static_cast<std::size_t>(std::ranges::count_if(candidates, may));
  if (left == 0) return std::nullopt;
  if (left == 1) return nth(candidates, 0, may);
  const std::size_t first = dice.roll(left);
  std::size_t second = dice.roll(left - 1);
  if (second >= first) ++second;
  const std::size_t a = nth(candidates, first, may);
  const std::size_t b = nth(candidates, second, may);
  return candidates[b].load < candidates[a].load ? b : a;
}

}  // namespace countersign::gateway
