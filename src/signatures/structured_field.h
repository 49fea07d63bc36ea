// Structured Fields for HTTP (RFC 9651, which includes RFC 8941): dictionaries, lists and items, read strictly and
// written in their one canonical form.
//
// Bounded: so many members, items and parameters, no deeper than an inner list. Values are plain; which field is of
// which shape is the caller's to know.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace countersign::signatures::sf {

/// No field that is read is longer, and none has more members, items of an inner list, or parameters of one item.
inline constexpr std::size_t kFieldLimit = 16 * 1024;
inline constexpr std::size_t kMembers = 128;
inline constexpr std::size_t kInnerItems = 128;
inline constexpr std::size_t kParameters = 32;

struct Token {
  std::string text;
  friend bool operator==(const Token&, const Token&) = default;
};
/// In thousandths: three digits behind the point are all there are (RFC 9651 section 3.3.2).
struct Decimal {
  std::int64_t thousandths;
  friend bool operator==(Decimal, Decimal) = default;
};
struct Date {
  std::int64_t unix_seconds;
  friend bool operator==(Date, Date) = default;
};
/// UTF-8 (RFC 9651 section 3.3.8).
struct DisplayString {
  std::string text;
  friend bool operator==(const DisplayString&, const DisplayString&) = default;
};

using BareItem = std::variant<std::int64_t, Decimal, std::string, Token, base::Bytes, bool, Date, DisplayString>;
/// In order, each key once.
using Parameters = std::vector<std::pair<std::string, BareItem>>;

struct Item {
  BareItem value;
  Parameters parameters = {};
  friend bool operator==(const Item&, const Item&) = default;
};
struct InnerList {
  std::vector<Item> items;
  Parameters parameters = {};
  friend bool operator==(const InnerList&, const InnerList&) = default;
};
using Member = std::variant<Item, InnerList>;
using List = std::vector<Member>;
/// In order, each key once.
using Dictionary = std::vector<std::pair<std::string, Member>>;

/// Several field lines are joined by ", " before (RFC 9651 section 4.2). A key that comes again takes the place of what
/// it was before, as the standard wants. Fails, all three: `sf.malformed`, saying where and what; `sf.too_large`.
base::Result<Dictionary> parse_dictionary(std::string_view text);
base::Result<List> parse_list(std::string_view text);
base::Result<Item> parse_item(std::string_view text);

/// RFC 9651 section 4.1. The value must be one that parse_ could have made.
std::string serialise(const Dictionary& dictionary);
std::string serialise(const List& list);
std::string serialise(const Member& member);
std::string serialise(const Item& item);
std::string serialise(const InnerList& list);
std::string serialise(const BareItem& value);

/// Null where there is none of that key.
const BareItem* find(const Parameters& parameters, std::string_view key);
const Member* find(const Dictionary& dictionary, std::string_view key);
/// Can this stand in a string (RFC 9651 section 3.3.3): printable ASCII?
bool is_string(std::string_view text);

}  // namespace countersign::signatures::sf
