#include "policy/path_index.h"

#include <algorithm>

namespace countersign::policy {

std::uint32_t PathIndex::find(const Node& node, std::string_view word) const {
  const auto found =
      std::ranges::lower_bound(node.words, word, {}, [](const auto& one) { return std::string_view(one.first); });
  return found != node.words.end() && found->first == word ? found->second : 0;
}

std::uint32_t PathIndex::child(std::uint32_t node, const std::string& segment) {
  const bool star = segment == "*";
  if (const std::uint32_t there = star ? nodes_[node].star : find(nodes_[node], segment)) return there;
  const auto made = static_cast<std::uint32_t>(nodes_.size());
  nodes_.emplace_back();
  if (star) {
    nodes_[node].star = made;
    return made;
  }
  auto& words = nodes_[node].words;
  words.insert(std::ranges::upper_bound(words, segment, {}, [](const auto& one) { return one.first; }),
               {segment, made});
  return made;
}

void PathIndex::add(const PathPattern& pattern, std::uint32_t grant) {
  std::uint32_t node = 0;
  for (const std::string& segment : pattern.segments())
    node = child(node, segment);
  (pattern.is_open() ? nodes_[node].open : nodes_[node].ends).push_back(grant);
}

}  // namespace countersign::policy
