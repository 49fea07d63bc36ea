#include "signatures/sf_reader.h"

#include <algorithm>

#include "http/text.h"

namespace countersign::signatures::sf {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_key_character(char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*'; }

tl::unexpected<base::Error> too_many(std::string_view what) {
  return base::fail(base::Kind::too_large, "sf.too_large", "a structured field has too many " + std::string(what));
}

/// The last one counts, and stands where the key first stood (RFC 9651 section 4.2.2).
template <class Named, class Value>
void put(Named& list, std::string key, Value value) {
  const auto found = std::ranges::find_if(list, [&](const auto& one) { return one.first == key; });
  if (found == list.end()) list.emplace_back(std::move(key), std::move(value));
  else found->second = std::move(value);
}

/// Well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms.
bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : (lead >> 4U) == 14          ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0 || at + length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xc0U) != 0x80) return false;
      point = (point << 6U) | (next & 0x3fU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    at += length;
  }
  return true;
}

}  // namespace

base::Result<Reader> Reader::of(std::string_view text) {
  if (text.size() > kFieldLimit)
    return base::fail(base::Kind::too_large, "sf.too_large", "a structured field has more than 16 KiB");
  return Reader(text);
}

tl::unexpected<base::Error> Reader::malformed(std::string_view what) const {
  return base::fail(base::Kind::invalid, "sf.malformed",
                    "at character " + std::to_string(at_ + 1) + ": " + std::string(what));
}

bool Reader::take(char c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void Reader::skip_spaces() {
  while (take(' ')) {
  }
}

void Reader::skip_white() {
  while (take(' ') || take('\t')) {
  }
}

/// Between members: false at the end of all.
base::Result<bool> Reader::next_member() {
  skip_white();
  if (at_end()) return false;
  if (!take(',')) return malformed("a comma is wanted between members");
  skip_white();
  if (at_end()) return malformed("nothing follows the comma");
  return true;
}

base::Result<Dictionary> Reader::dictionary() {
  Dictionary all;
  skip_spaces();
  for (bool more = !at_end(); more;) {
    if (all.size() == kMembers) return too_many("members");
    BASE_TRY(std::string name, key());
    Member value = Item{true};
    if (take('=')) {
      BASE_TRY(value, member());
    } else {
      BASE_TRY(std::get<Item>(value).parameters, parameters());
    }
    put(all, std::move(name), std::move(value));
    BASE_TRY(more, next_member());
  }
  return all;
}

base::Result<List> Reader::list() {
  List all;
  skip_spaces();
  for (bool more = !at_end(); more;) {
    if (all.size() == kMembers) return too_many("members");
    BASE_TRY(Member one, member());
    all.push_back(std::move(one));
    BASE_TRY(more, next_member());
  }
  return all;
}

base::Result<Item> Reader::whole_item() {
  skip_spaces();
  BASE_TRY(Item one, item());
  skip_spaces();
  if (!at_end()) return malformed("something stands behind the item");
  return one;
}

base::Result<Member> Reader::member() {
  if (peek() == '(') return inner_list();
  BASE_TRY(Item one, item());
  return Member(std::move(one));
}

base::Result<Member> Reader::inner_list() {
  ++at_;
  InnerList all;
  for (skip_spaces(); !take(')'); skip_spaces()) {
    if (at_end()) return malformed("the inner list does not end");
    if (all.items.size() == kInnerItems) return too_many("items in an inner list");
    BASE_TRY(Item one, item());
    all.items.push_back(std::move(one));
    if (peek() != ' ' && peek() != ')') return malformed("a space or ')' is wanted behind an item");
  }
  BASE_TRY(all.parameters, parameters());
  return Member(std::move(all));
}

base::Result<Item> Reader::item() {
  BASE_TRY(BareItem value, bare_item());
  BASE_TRY(Parameters all, parameters());
  return Item{std::move(value), std::move(all)};
}

base::Result<Parameters> Reader::parameters() {
  Parameters all;
  while (take(';')) {
    skip_spaces();
    if (all.size() == kParameters) return too_many("parameters");
    BASE_TRY(std::string name, key());
    BareItem value = true;
    if (take('=')) {
      BASE_TRY(value, bare_item());
    }
    put(all, std::move(name), std::move(value));
  }
  return all;
}

base::Result<std::string> Reader::key() {
  if (!is_lower(peek()) && peek() != '*') return malformed("a key begins with a lower-case letter or '*'");
  const std::size_t begin = at_;
  while (!at_end() && is_key_character(text_[at_]))
    ++at_;
  return std::string(text_.substr(begin, at_ - begin));
}

base::Result<BareItem> Reader::bare_item() {
  const char c = peek();
  if (c == '-' || is_digit(c)) return number();
  if (c == '"') return string();
  if (c == ':') return byte_sequence();
  if (c == '?') return boolean();
  if (c == '@') return date();
  if (c == '%') return display_string();
  if (c == '*' || is_alpha(c)) return token();
  return malformed("no value begins like that");
}

/// Up to 15 digits, or up to 12 before the point and 3 behind it (RFC 9651 section 4.2.4).
base::Result<BareItem> Reader::number() {
  const bool negative = take('-');
  const auto digits = [this] {
    const std::size_t begin = at_;
    while (!at_end() && is_digit(text_[at_]))
      ++at_;
    return text_.substr(begin, at_ - begin);
  };
  const std::string_view whole = digits();
  if (whole.empty() || whole.size() > 15) return malformed("a number has 1 to 15 digits");
  std::int64_t value = std::stoll(std::string(whole));
  if (!take('.')) return BareItem(negative ? -value : value);
  std::string fraction(digits());
  if (whole.size() > 12 || fraction.empty() || fraction.size() > 3)
    return malformed("a decimal has up to 12 digits before its point and 1 to 3 behind it");
  fraction.resize(3, '0');
  value = value * 1000 + std::stoll(fraction);
  return BareItem(Decimal{negative ? -value : value});
}

base::Result<BareItem> Reader::string() {
  std::string text;
  for (++at_; !take('"'); ++at_) {
    if (at_end()) return malformed("the string does not end");
    if (take('\\') && peek() != '"' && peek() != '\\') return malformed("only '\"' and '\\' are escaped");
    if (peek() < 0x20 || peek() == 0x7f) return malformed("a string is of printable ASCII");
    text += peek();
  }
  return BareItem(std::move(text));
}

/// Stricter than section 4.2.7 asks: padding must be there, and no bit may be left over, so that one value has one
/// spelling.
base::Result<BareItem> Reader::byte_sequence() {
  const std::size_t end = text_.find(':', at_ + 1);
  if (end == std::string_view::npos) return malformed("the byte sequence does not end");
  auto bytes = base::from_base64(text_.substr(at_ + 1, end - at_ - 1));
  if (!bytes) return malformed("a byte sequence is base64 with padding");
  at_ = end + 1;
  return BareItem(std::move(*bytes));
}

base::Result<BareItem> Reader::boolean() {
  ++at_;
  if (take('1')) return BareItem(true);
  if (take('0')) return BareItem(false);
  return malformed("?1 or ?0 is wanted");
}

base::Result<BareItem> Reader::date() {
  ++at_;
  BASE_TRY(const BareItem value, number());
  const auto* seconds = std::get_if<std::int64_t>(&value);
  if (seconds == nullptr) return malformed("a date is in whole seconds");
  return BareItem(Date{*seconds});
}

base::Result<BareItem> Reader::display_string() {
  ++at_;
  if (!take('"')) return malformed("a display string begins with %\"");
  std::string text;
  for (; !take('"'); ++at_) {
    if (at_end()) return malformed("the display string does not end");
    if (peek() < 0x20 || peek() == 0x7f) return malformed("a display string is of printable ASCII");
    if (peek() != '%') {
      text += peek();
      continue;
    }
    const std::string_view hex = text_.substr(at_ + 1, 2);
    const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
    if (hex.size() != 2 || !std::ranges::all_of(hex, is_hex)) return malformed("'%' wants two lower-case digits");
    text += static_cast<char>(http::parse_hexadecimal(hex).value_or(0));
    at_ += 2;
  }
  if (!is_utf8(text)) return malformed("the display string is not UTF-8");
  return BareItem(DisplayString{std::move(text)});
}

base::Result<BareItem> Reader::token() {
  const std::size_t begin = at_;
  while (!at_end() && (http::is_token_character(text_[at_]) || text_[at_] == ':' || text_[at_] == '/'))
    ++at_;
  return BareItem(Token{std::string(text_.substr(begin, at_ - begin))});
}

}  // namespace countersign::signatures::sf
