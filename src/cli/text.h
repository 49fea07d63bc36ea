// Text for terminals: lines and tables that are folded to them, and strings of others made harmless.
//
// Only a terminal is folded to. A pipe gets each line and each row of a table whole, so that grep, cut and awk go on
// working; help is prose, and is folded to kHelpColumns there.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace countersign::cli {

/// What help is folded to where nobody says how wide it is shown.
inline constexpr std::size_t kHelpColumns = 80;

/// How wide the terminal is that `stream` (std::cout or std::cerr) writes to; 0 where it is none.
std::size_t columns_of(const std::ostream& stream);

/// Lines that are longer than `columns` broken between words; what continues one stands under its last column, as the
/// text of a list does, or behind its own indentation. A word is never broken. 0 columns: as it is.
std::string folded(std::string_view text, std::size_t columns);

using Row = std::vector<std::string>;

/// What a command answers to a person: lines and tables.
class Shown {
 public:
  Shown(std::string lines) { parts_.emplace_back(std::move(lines)); }  // NOLINT: lines are shown as they are
  Shown(const char* lines) : Shown(std::string(lines)) {}              // NOLINT
  Shown(Row header, std::vector<Row> rows) { parts_.emplace_back(Table{std::move(header), std::move(rows)}); }

  /// Lines that are all folded, the indented ones, too.
  static Shown prose(std::string lines);

  Shown& operator+=(const Shown& more);
  friend Shown operator+(Shown left, const Shown& right) { return left += right, left; }

  /// Folded to `columns`, 0: not at all. Lines that are indented are left whole unless they are prose: they are
  /// commands to be copied. A table that is wider becomes a block for each row, one line for each cell that is not
  /// empty.
  std::string to_text(std::size_t columns) const;

 private:
  struct Table {
    Row header;
    std::vector<Row> rows;
  };
  struct Prose {
    std::string lines;
  };
  Shown() = default;
  std::vector<std::variant<std::string, Prose, Table>> parts_;
};

/// Columns padded to their widest cell, two spaces apart. No rows: empty.
Shown to_table(const Row& header, const std::vector<Row>& rows);
/// Control characters, C1 and those of writing direction too, and what is no UTF-8 become '?', so that a name from a
/// registry or certificate cannot steer the terminal, or look like another one.
std::string printable(std::string_view text);
/// "1 hour", "2 hours".
std::string counted(std::int64_t number, std::string_view one);
/// RFC 3986 section 2.1, for one part of a path or query.
std::string percent_encoded(std::string_view text);
/// `word` as one word of a POSIX shell.
std::string shell_word(std::string_view word);
/// The text member of an answer, printable; "" when it is not there or no text.
std::string member(const base::json::object& object, std::string_view name);
/// The list of texts, joined by ", "; "" when it is not there.
std::string members(const base::json::object& object, std::string_view name);

}  // namespace countersign::cli
