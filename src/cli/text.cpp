#include "cli/text.h"

#include <algorithm>
#include <cctype>

namespace countersign::cli {
namespace {

bool is_unreserved(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~');
}

std::string to_line(const Row& row, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t column = 0; column < row.size(); ++column) {
    line += row[column];
    if (column + 1 < row.size()) line.append(widths[column] - row[column].size() + 2, ' ');
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

std::string to_table(const Row& header, const std::vector<Row>& rows) {
  if (rows.empty()) return {};
  std::vector<std::size_t> widths(header.size(), 0);
  const auto measure = [&](const Row& row) {
    for (std::size_t column = 0; column < widths.size(); ++column)
      widths[column] = std::max(widths[column], row[column].size());
  };
  measure(header);
  std::ranges::for_each(rows, measure);
  std::string table = to_line(header, widths);
  for (const Row& row : rows)
    table += to_line(row, widths);
  return table;
}

std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
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
