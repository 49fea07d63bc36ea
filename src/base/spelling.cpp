#include "base/spelling.h"

#include <algorithm>
#include <array>
#include <vector>

namespace countersign::base {
namespace {

constexpr std::size_t kShortest = 3;
constexpr std::size_t kLongest = 64;
constexpr std::size_t kOfTwoSlips = 8;

char folded(char c) {
  if (c == '-') return '_';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The distance of Damerau and Levenshtein, each pair of neighbours exchanged at most once.
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::vector<std::size_t>, 3> rows;  // of two letters ago, of the last one, of this one
  rows.fill(std::vector<std::size_t>(b.size() + 1));
  for (std::size_t j = 0; j <= b.size(); ++j)
    rows[1][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    rows[2][0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      rows[2][j] = std::min({rows[1][j] + 1, rows[2][j - 1] + 1, rows[1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]))
        rows[2][j] = std::min(rows[2][j], rows[0][j - 2] + 1);
    }
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
  }
  return rows[1][b.size()];
}

}  // namespace

bool is_nearly(std::string_view written, std::string_view meant) {
  if (written == meant || meant.size() < kShortest || std::max(written.size(), meant.size()) > kLongest) return false;
  return distance(written, meant) <= (meant.size() < kOfTwoSlips ? 1U : 2U);
}

}  // namespace countersign::base
