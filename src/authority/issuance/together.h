// Work that several orders share, such as one amendment of the registry: done for all at once, or, where one of them
// cannot be had, for each alone, so that it fails alone.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"

namespace countersign::authority {

/// `work(std::span<const Item>)` gives a base::Result<std::vector<Done>> in the order of the items, and has done
/// nothing when it fails. A registry that is not there, or takes no records, fails for all: nobody waits for it once
/// more.
template <class Done, class Item, class Work>
std::vector<base::Result<Done>> do_together(const std::vector<Item>& items, Work work) {
  std::vector<base::Result<Done>> results;
  if (items.empty()) return results;
  base::Result<std::vector<Done>> all = work(std::span<const Item>(items));
  if (all) {
    for (Done& done : *all)
      results.emplace_back(std::move(done));
    return results;
  }
  const bool is_of_all = all.error().kind == base::Kind::unavailable || all.error().kind == base::Kind::corrupt;
  for (const Item& item : items) {
    if (is_of_all || items.size() == 1) {
      results.push_back(base::unexpected(all.error()));
      continue;
    }
    base::Result<std::vector<Done>> alone = work(std::span<const Item>(&item, 1));
    if (alone) results.emplace_back(std::move(alone->front()));
    else results.push_back(base::unexpected(std::move(alone).error()));
  }
  return results;
}

}  // namespace countersign::authority
