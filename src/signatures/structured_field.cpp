#include "signatures/structured_field.h"

#include <algorithm>

#include "signatures/sf_reader.h"

namespace countersign::signatures::sf {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

/// RFC 9651 section 4.1.5: at least one digit behind the point, no zeros at the end.
std::string decimal(std::int64_t thousandths) {
  const bool negative = thousandths < 0;
  const std::int64_t size = negative ? -thousandths : thousandths;
  std::string fraction = number(1000 + size % 1000).substr(1);
  while (fraction.size() > 1 && fraction.back() == '0')
    fraction.pop_back();
  return (negative ? "-" : "") + number(size / 1000) + "." + fraction;
}

/// RFC 9651 section 4.1.11.
std::string display(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result = "%\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '%' || c == '"') {
      result += '%';
      result += kDigits[byte >> 4U];
      result += kDigits[byte & 15U];
    } else {
      result += c;
    }
  }
  return result + "\"";
}

struct Write {
  std::string operator()(std::int64_t value) const { return number(value); }
  std::string operator()(Decimal value) const { return decimal(value.thousandths); }
  std::string operator()(const std::string& value) const { return in_quotes(value); }
  std::string operator()(const Token& value) const { return value.text; }
  std::string operator()(const base::Bytes& value) const { return ":" + base::to_base64(value) + ":"; }
  std::string operator()(bool value) const { return value ? "?1" : "?0"; }
  std::string operator()(Date value) const { return "@" + number(value.unix_seconds); }
  std::string operator()(const DisplayString& value) const { return display(value.text); }
};

std::string write_parameters(const Parameters& parameters) {
  std::string text;
  for (const auto& [key, value] : parameters) {
    text += ";" + key;
    if (value != BareItem(true)) text += "=" + serialise(value);
  }
  return text;
}

template <class Named>
auto find_in(const Named& list, std::string_view key) -> decltype(&list.front().second) {
  const auto found = std::ranges::find_if(list, [&](const auto& one) { return one.first == key; });
  return found == list.end() ? nullptr : &found->second;
}

}  // namespace

std::string serialise(const BareItem& value) { return std::visit(Write{}, value); }

std::string serialise(const Item& item) { return serialise(item.value) + write_parameters(item.parameters); }

std::string serialise(const InnerList& list) {
  std::string text = "(";
  for (const Item& item : list.items)
    text += (text.size() > 1 ? " " : "") + serialise(item);
  return text + ")" + write_parameters(list.parameters);
}

std::string serialise(const Member& member) {
  const auto* item = std::get_if<Item>(&member);
  return item != nullptr ? serialise(*item) : serialise(std::get<InnerList>(member));
}

std::string serialise(const List& list) {
  std::string text;
  for (const Member& member : list)
    text += (text.empty() ? "" : ", ") + serialise(member);
  return text;
}

std::string serialise(const Dictionary& dictionary) {
  std::string text;
  for (const auto& [key, member] : dictionary) {
    text += (text.empty() ? "" : ", ") + key;
    const auto* item = std::get_if<Item>(&member);
    const bool is_true = item != nullptr && item->value == BareItem(true);
    text += is_true ? write_parameters(item->parameters) : "=" + serialise(member);
  }
  return text;
}

const BareItem* find(const Parameters& parameters, std::string_view key) { return find_in(parameters, key); }
const Member* find(const Dictionary& dictionary, std::string_view key) { return find_in(dictionary, key); }

bool is_string(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

base::Result<Dictionary> parse_dictionary(std::string_view text) {
  BASE_TRY(Reader reader, Reader::of(text));
  return reader.dictionary();
}
base::Result<List> parse_list(std::string_view text) {
  BASE_TRY(Reader reader, Reader::of(text));
  return reader.list();
}
base::Result<Item> parse_item(std::string_view text) {
  BASE_TRY(Reader reader, Reader::of(text));
  return reader.whole_item();
}

}  // namespace countersign::signatures::sf
