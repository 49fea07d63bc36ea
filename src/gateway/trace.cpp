#include "gateway/trace.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace countersign::gateway {
namespace {

constexpr std::size_t kLength = 55;  // "00-" 32 "-" 16 "-" 2
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kFlagsAt = 53;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

/// The two digits of each byte.
constexpr std::array<std::array<char, 2>, 256> kPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t byte = 0; byte < pairs.size(); ++byte)
    pairs[byte] = {kDigits[byte >> 4], kDigits[byte & 15]};
  return pairs;
}();

/// 16 digits, not all zero.
std::array<char, 16> random_digits(Dice& dice) {
  std::uint64_t number = dice.next();
  if (number == 0) number = 1;
  std::array<char, 16> digits;
  for (std::size_t i = 0; i < digits.size(); i += 2, number >>= 8)
    std::memcpy(digits.data() + i, kPairs[number & 255].data(), 2);
  return digits;
}

void append(std::string& text, const std::array<char, 16>& digits) { text.append(digits.data(), digits.size()); }

bool says_sampled(std::string_view flags) {
  const char low = flags[1];
  const int value = low <= '9' ? low - '0' : low - 'a' + 10;
  return (value & 1) != 0;
}

}  // namespace

bool is_tracestate(std::string_view name) {
  constexpr std::string_view kName = "tracestate";
  return std::ranges::equal(name, kName, [](char a, char b) { return (a | 0x20) == b; });
}

bool is_traceparent(std::string_view text) {
  if (text.size() < kLength) return false;
  const std::string_view version = text.substr(0, 2);
  if (!is_hex(version) || version == "ff") return false;
  // The first version ends here; a later one may go on behind another '-'.
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return false;
  if (text[2] != '-' || text[kParentAt - 1] != '-' || text[kFlagsAt - 1] != '-') return false;
  const std::string_view trace = text.substr(kTraceAt, 32);
  const std::string_view parent = text.substr(kParentAt, 16);
  return is_hex(trace) && is_hex(parent) && is_hex(text.substr(kFlagsAt, 2)) && !is_zero(trace) && !is_zero(parent);
}

TraceContext TraceContext::continue_or_begin(const http::Fields& fields, Sampling sampling, Dice& dice) {
  const auto said = fields.find("traceparent");
  const bool continued = said && is_traceparent(*said) && fields.count("traceparent") == 1;
  std::string field = "00-";
  field.reserve(kLength);
  if (continued) field += said->substr(kTraceAt, 32);
  else {
    append(field, random_digits(dice));
    append(field, random_digits(dice));
  }
  field += '-';
  append(field, random_digits(dice));
  const bool sampled = continued ? says_sampled(said->substr(kFlagsAt, 2)) : dice.roll(100) < sampling.percent;
  field += sampled ? "-01" : "-00";
  return {std::move(field), continued};
}

}  // namespace countersign::gateway
