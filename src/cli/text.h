// Text for terminals: tables, and strings of others made harmless.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace countersign::cli {

using Row = std::vector<std::string>;

/// Columns padded to their widest cell, two spaces apart, each line ended. No rows: empty.
std::string to_table(const Row& header, const std::vector<Row>& rows);
/// Control characters become '?', so that a name from a registry or certificate cannot steer the terminal.
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
