#include "cli/text.h"

#include <algorithm>
#include <cctype>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

namespace countersign::cli {
namespace {

bool is_unreserved(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~');
}

/// No terminal is believed to be narrower.
constexpr std::size_t kLeastColumns = 40;

/// Characters of UTF-8 (RFC 3629 section 3): what continues one is not counted.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

struct Character {
  char32_t value;  ///< kNoCharacter: the byte is part of none
  std::size_t bytes;
};
constexpr char32_t kNoCharacter = 0xffffffff;

/// RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF. `text` is not empty.
Character first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {kNoCharacter, 1};
  char32_t value = first & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto more = static_cast<unsigned char>(text[i]);
    if ((more & 0xc0U) != 0x80U) return {kNoCharacter, 1};
    value = value << 6 | (more & 0x3fU);
  }
  const bool is_overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool is_none = is_overlong || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff);
  return is_none ? Character{kNoCharacter, 1} : Character{value, bytes};
}

/// Controls, those of ISO 6429 above U+0080 too (U+009B begins a sequence as ESC [ does); line and paragraph ends; what
/// turns the direction of writing, so that a name looks like another one (Unicode TR 36 section 2.8).
bool steers_terminals(char32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == kNoCharacter) return true;
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/// Where the text of a line begins: behind its last gap of two spaces and more that leaves it room.
std::size_t hanging_indent(std::string_view line, std::size_t columns) {
  const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
  std::size_t indent = first;
  for (std::size_t gap = line.find("  ", first); gap != std::string_view::npos; gap = line.find("  ", indent)) {
    const std::size_t end = line.find_first_not_of(' ', gap);
    if (end == std::string_view::npos || end > columns * 3 / 5) break;
    indent = end;
  }
  return indent;
}

/// Where the word at `at` ends: at the next space, and where it has no `room`, behind the last choice that has.
std::size_t end_of_word(std::string_view line, std::size_t at, std::size_t room) {
  const std::size_t end = std::min(line.find(' ', at), line.size());
  if (end - at <= room) return end;
  const std::size_t bar = line.rfind('|', at + room - 1);
  return bar == std::string_view::npos || bar <= at ? end : bar + 1;
}

std::string folded_line(std::string_view line, std::size_t columns) {
  const std::size_t indent = hanging_indent(line, columns);
  std::string text(line.substr(0, indent));
  std::size_t column = indent;
  bool begun = false;
  for (std::size_t at = indent; at < line.size();) {
    const std::size_t end = end_of_word(line, at, columns - indent);
    const std::string_view word = line.substr(at, end - at);
    const std::size_t width = width_of(word);
    if (begun && column + 1 + width > columns) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
      begun = false;
    }
    if (begun && line[at - 1] == ' ') text += ' ', ++column;
    text += word;
    column += width;
    begun = true;
    at = end < line.size() && line[end] == ' ' ? end + 1 : end;
  }
  return text;
}

enum class Indented { folded, kept };

std::string folded_lines(std::string_view text, std::size_t columns, Indented indented) {
  if (columns == 0) return std::string(text);
  columns = std::max(columns, kLeastColumns);
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const bool whole = width_of(line) <= columns || (indented == Indented::kept && line.starts_with(' '));
    out += whole ? std::string(line) : folded_line(line, columns);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string to_line(const Row& row, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t column = 0; column < row.size(); ++column) {
    line += row[column];
    if (column + 1 < row.size()) line.append(widths[column] - width_of(row[column]) + 2, ' ');
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::vector<std::size_t> widths_of(const Row& header, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(header.size(), 0);
  const auto measure = [&](const Row& row) {
    for (std::size_t column = 0; column < widths.size(); ++column)
      widths[column] = std::max(widths[column], width_of(row[column]));
  };
  measure(header);
  std::ranges::for_each(rows, measure);
  return widths;
}

/// A block for each row, an empty line between two.
std::string to_blocks(const Row& header, const std::vector<Row>& rows, std::size_t columns) {
  std::size_t width = 0;
  for (const std::string& name : header)
    width = std::max(width, width_of(name));
  std::string text;
  for (const Row& row : rows) {
    if (!text.empty()) text += "\n";
    for (std::size_t column = 0; column < header.size(); ++column) {
      if (row[column].empty()) continue;
      const std::string name = header[column].empty() ? "" : header[column] + ":";
      const std::string line = name + std::string(width + 1 - width_of(name), ' ') + "  " + row[column] + "\n";
      text += folded_lines(line, columns, Indented::folded);
    }
  }
  return text;
}

std::string to_text(const Row& header, const std::vector<Row>& rows, std::size_t columns) {
  if (rows.empty()) return {};
  const std::vector<std::size_t> widths = widths_of(header, rows);
  std::string table = to_line(header, widths);
  std::size_t widest = width_of(table) - 1;
  for (const Row& row : rows) {
    const std::string line = to_line(row, widths);
    widest = std::max(widest, width_of(line) - 1);
    table += line;
  }
  return columns == 0 || widest <= columns ? table : to_blocks(header, rows, columns);
}

}  // namespace

std::size_t columns_of(const std::ostream& stream) {
  int descriptor = -1;
  if (&stream == &std::cout) descriptor = STDOUT_FILENO;
  if (&stream == &std::cerr) descriptor = STDERR_FILENO;
  if (descriptor == -1 || ::isatty(descriptor) != 1) return 0;
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kHelpColumns;
  return size.ws_col;
}

std::string folded(std::string_view text, std::size_t columns) { return folded_lines(text, columns, Indented::folded); }

Shown Shown::prose(std::string lines) {
  Shown shown;
  shown.parts_.emplace_back(Prose{std::move(lines)});
  return shown;
}

Shown& Shown::operator+=(const Shown& more) {
  parts_.insert(parts_.end(), more.parts_.begin(), more.parts_.end());
  return *this;
}

std::string Shown::to_text(std::size_t columns) const {
  std::string text;
  for (const auto& part : parts_) {
    if (const auto* table = std::get_if<Table>(&part)) text += cli::to_text(table->header, table->rows, columns);
    if (const auto* prose = std::get_if<Prose>(&part)) text += folded(prose->lines, columns);
    if (const auto* lines = std::get_if<std::string>(&part)) text += folded_lines(*lines, columns, Indented::kept);
  }
  return text;
}

Shown to_table(const Row& header, const std::vector<Row>& rows) { return {header, rows}; }

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_character(text);
    if (steers_terminals(next.value)) safe += '?';
    else safe += text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
  }
  return safe;
}

std::string counted(std::int64_t number, std::string_view one) {
  return std::to_string(number) + " " + std::string(one) + (number == 1 ? "" : "s");
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(byte)) {
      encoded += c;
    } else {
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

std::string shell_word(std::string_view word) {
  static constexpr std::string_view kPlain = "@%+=:,./-_";
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kPlain.find(c) != std::string_view::npos;
  });
  if (plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string member(const base::json::object& object, std::string_view name) {
  const base::json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return {};
  return printable({value->get_string().data(), value->get_string().size()});
}

std::string members(const base::json::object& object, std::string_view name) {
  const base::json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_array()) return {};
  std::string list;
  for (const base::json::value& element : value->get_array()) {
    if (!element.is_string()) continue;
    list += (list.empty() ? "" : ", ") + printable({element.get_string().data(), element.get_string().size()});
  }
  return list;
}

}  // namespace countersign::cli
