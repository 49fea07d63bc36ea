// PathIndex: which grants have a path that fits, found segment by segment: the time does not grow with their number.
//
// A tree of segments, made once for each name that grants are given to. It says of a path what PathPattern::matches
// says of each pattern added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/pattern.h"

namespace countersign::policy {

class PathIndex {
 public:
  PathIndex() : nodes_(1) {}
  /// `grant` has this path.
  void add(const PathPattern& pattern, std::uint32_t grant);

  /// Calls `found` with each grant of which a path fits; with one several times when several fit.
  template <class Found>
  void visit(std::string_view path, const Found& found) const {
    visit_from(0, path, found);
  }

 private:
  struct Node {
    std::vector<std::pair<std::string, std::uint32_t>> words = {};  ///< by the next segment, sorted
    std::uint32_t star = 0;                                         ///< any segment that is not empty; 0: none
    std::vector<std::uint32_t> ends = {};                           ///< grants of paths that end here
    std::vector<std::uint32_t> open = {};                           ///< of paths that go on with "**"
  };
  std::uint32_t child(std::uint32_t node, const std::string& segment);
  /// 0: none.
  std::uint32_t find(const Node& node, std::string_view word) const;

  /// As deep as the longest pattern; each node is come to once at most.
  template <class Found>
  void visit_from(std::uint32_t at, std::string_view rest, const Found& found) const {
    const Node& node = nodes_[at];
    for (const std::uint32_t grant : node.open)
      found(grant);
    if (rest.empty()) {
      for (const std::uint32_t grant : node.ends)
        found(grant);
      return;
    }
    rest.remove_prefix(1);  // the '/'
    const std::string_view word = rest.substr(0, rest.find('/'));
    rest.remove_prefix(word.size());
    if (const std::uint32_t next = find(node, word)) visit_from(next, rest, found);
    if (node.star != 0 && !word.empty()) visit_from(node.star, rest, found);
  }

  std::vector<Node> nodes_;  ///< the first is the root
};

}  // namespace countersign::policy
