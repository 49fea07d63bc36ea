#include "x509/der.h"

#include <array>
#include <ctime>

namespace countersign::x509::der {
namespace {

constexpr std::uint8_t kUtcTime = 0x17;
constexpr std::uint8_t kGeneralizedTime = 0x18;
constexpr std::uint8_t kLongForm = 0x80;
constexpr std::uint8_t kHighTagNumber = 0x1f;

void append_length(base::Bytes& out, std::size_t length) {
  if (length < kLongForm) {
    out.push_back(static_cast<std::uint8_t>(length));
    return;
  }
  std::array<std::uint8_t, sizeof length> octets{};
  std::size_t first = octets.size();
  for (std::size_t rest = length; rest > 0; rest >>= 8)
    octets[--first] = static_cast<std::uint8_t>(rest);
  out.push_back(static_cast<std::uint8_t>(kLongForm | (octets.size() - first)));
  out.insert(out.end(), octets.begin() + static_cast<std::ptrdiff_t>(first), octets.end());
}

std::tm civil_of(base::Instant at) {
  const std::time_t seconds = at.unix_seconds();
  std::tm civil = {};
  gmtime_r(&seconds, &civil);
  return civil;
}

void append_digits(base::Bytes& out, std::uint8_t tag, std::initializer_list<int> pairs) {
  out.push_back(tag);
  out.push_back(static_cast<std::uint8_t>(pairs.size() * 2 + 1));
  for (const int pair : pairs) {
    out.push_back(static_cast<std::uint8_t>('0' + pair / 10));
    out.push_back(static_cast<std::uint8_t>('0' + pair % 10));
  }
  out.push_back('Z');
}

}  // namespace

void append(base::Bytes& out, std::uint8_t tag, std::initializer_list<base::BytesView> parts) {
  std::size_t length = 0;
  for (const base::BytesView part : parts)
    length += part.size();
  out.push_back(tag);
  append_length(out, length);
  for (const base::BytesView part : parts)
    out.insert(out.end(), part.begin(), part.end());
}

base::Bytes element(std::uint8_t tag, std::initializer_list<base::BytesView> parts) {
  base::Bytes out;
  append(out, tag, parts);
  return out;
}

void append_integer(base::Bytes& out, base::BytesView magnitude) {
  static constexpr std::array<std::uint8_t, 1> kZero = {0};
  while (magnitude.size() > 1 && magnitude.front() == 0)
    magnitude = magnitude.subspan(1);
  if (magnitude.empty()) magnitude = kZero;
  const bool looks_negative = (magnitude.front() & 0x80U) != 0;
  append(out, kInteger, {looks_negative ? base::BytesView(kZero) : base::BytesView(), magnitude});
}

void append_integer(base::Bytes& out, std::uint64_t value) {
  std::array<std::uint8_t, 8> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i)
    octets[octets.size() - 1 - i] = static_cast<std::uint8_t>(value >> (8 * i));
  append_integer(out, base::BytesView(octets));
}

void append_time(base::Bytes& out, base::Instant at) {
  const std::tm civil = civil_of(at);
  constexpr int kFirstGeneralized = 2050 - 1900;
  if (civil.tm_year >= kFirstGeneralized || civil.tm_year < 50) return append_generalized_time(out, at);
  append_digits(out, kUtcTime,
                {civil.tm_year % 100, civil.tm_mon + 1, civil.tm_mday, civil.tm_hour, civil.tm_min, civil.tm_sec});
}

void append_generalized_time(base::Bytes& out, base::Instant at) {
  const std::tm civil = civil_of(at);
  const int year = civil.tm_year + 1900;
  append_digits(out, kGeneralizedTime,
                {year / 100, year % 100, civil.tm_mon + 1, civil.tm_mday, civil.tm_hour, civil.tm_min, civil.tm_sec});
}

void append_bits(base::Bytes& out, base::BytesView bits) {
  static constexpr std::array<std::uint8_t, 1> kNoUnusedBits = {0};
  append(out, kBitString, {kNoUnusedBits, bits});
}

std::optional<Element> Reader::next() {
  if (rest_.size() < 2) return std::nullopt;
  const std::uint8_t tag = rest_[0];
  if ((tag & kHighTagNumber) == kHighTagNumber) return std::nullopt;
  std::size_t length = rest_[1];
  std::size_t head = 2;
  if (length >= kLongForm) {
    const std::size_t octets = length & 0x7fU;
    if (octets == 0 || octets > 4 || rest_.size() < head + octets) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i)
      length = (length << 8) | rest_[head + i];
    const bool needless = rest_[head] == 0 || length < kLongForm;
    if (needless) return std::nullopt;
    head += octets;
  }
  if (length > rest_.size() - head) return std::nullopt;
  const Element found{tag, rest_.subspan(head, length), rest_.first(head + length)};
  rest_ = rest_.subspan(head + length);
  return found;
}

std::optional<Element> Reader::next(std::uint8_t tag) { return sees(tag) ? next() : std::nullopt; }

}  // namespace countersign::x509::der
