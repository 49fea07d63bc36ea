#include "jose/der.h"

#include <algorithm>
#include <string_view>

namespace countersign::jose {
namespace {

using base::Bytes;
using base::BytesView;

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kSequence = 0x30;

constexpr std::size_t kP256Length = 32;
constexpr std::size_t kP384Length = 48;
/// Up to and with the 04 of an uncompressed point (RFC 5480 section 2.2).
constexpr std::string_view kP256Head = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
constexpr std::string_view kP384Head = "3076301006072a8648ce3d020106052b8104002203620004";
/// RFC 8410 section 4.
constexpr std::string_view kEd25519Head = "302a300506032b6570032100";
/// AlgorithmIdentifier of rsaEncryption with NULL (RFC 8017 appendix A.1).
constexpr std::string_view kRsaAlgorithm = "300d06092a864886f70d0101010500";

Bytes from_constant(std::string_view hex) { return base::from_hex(hex).value_or(Bytes{}); }

void append(Bytes& to, BytesView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes with_head(std::string_view head, std::initializer_list<BytesView> parts) {
  Bytes der = from_constant(head);
  for (const BytesView part : parts)
    append(der, part);
  return der;
}

/// Tag, length (X.690 section 8.1.3, at most two length octets), content.
Bytes tagged(std::uint8_t tag, BytesView content) {
  Bytes der = {tag};
  const std::size_t length = content.size();
  if (length > 0xff) der.push_back(0x82);
  else if (length > 0x7f) der.push_back(0x81);
  if (length > 0xff) der.push_back(static_cast<std::uint8_t>(length >> 8U));
  der.push_back(static_cast<std::uint8_t>(length & 0xffU));
  append(der, content);
  return der;
}

BytesView without_zeros(BytesView number) {
  while (number.size() > 1 && number.front() == 0)
    number = number.subspan(1);
  return number;
}

/// A number that is not negative (X.690 section 8.3).
Bytes integer(BytesView magnitude) {
  const BytesView number = without_zeros(magnitude);
  Bytes content;
  if (number.empty() || (number.front() & 0x80U) != 0) content.push_back(0);
  append(content, number);
  return tagged(kInteger, content);
}

Bytes joined(const Bytes& a, const Bytes& b) {
  Bytes both = a;
  append(both, b);
  return both;
}

/// Takes one element off the front of `der`; its content, or nothing where another is there.
std::optional<BytesView> take(BytesView& der, std::uint8_t tag) {
  if (der.size() < 2 || der[0] != tag) return std::nullopt;
  std::size_t at = 2;
  std::size_t length = der[1];
  if (length > 0x7f) {
    const std::size_t octets = length & 0x7fU;
    if (octets == 0 || octets > 2 || der.size() < at + octets) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i)
      length = (length << 8U) | der[at++];
  }
  if (der.size() - at < length) return std::nullopt;
  const BytesView content = der.subspan(at, length);
  der = der.subspan(at + length);
  return content;
}

std::optional<BytesView> take_integer(BytesView& der) {
  const auto content = take(der, kInteger);
  if (!content || content->empty() || (content->front() & 0x80U) != 0) return std::nullopt;
  return without_zeros(*content);
}

std::optional<BytesView> behind(BytesView der, std::string_view head_hex) {
  const Bytes head = from_constant(head_hex);
  if (der.size() < head.size() || !std::ranges::equal(der.first(head.size()), head)) return std::nullopt;
  return der.subspan(head.size());
}

}  // namespace

Bytes ec_spki(BytesView x, BytesView y) { return with_head(x.size() == kP256Length ? kP256Head : kP384Head, {x, y}); }

Bytes ed25519_spki(BytesView x) { return with_head(kEd25519Head, {x}); }

Bytes rsa_spki(BytesView modulus, BytesView exponent) {
  const Bytes numbers = tagged(kSequence, joined(integer(modulus), integer(exponent)));
  const Bytes bits = tagged(kBitString, joined(Bytes{0}, numbers));
  return tagged(kSequence, joined(from_constant(kRsaAlgorithm), bits));
}

std::optional<EcPoint> read_ec_spki(BytesView spki) {
  for (const auto& [head, length] : {std::pair(kP256Head, kP256Length), std::pair(kP384Head, kP384Length)}) {
    const auto point = behind(spki, head);
    if (point && point->size() == 2 * length)
      return EcPoint{base::to_bytes(point->first(length)), base::to_bytes(point->subspan(length))};
  }
  return std::nullopt;
}

std::optional<Bytes> read_ed25519_spki(BytesView spki) {
  const auto point = behind(spki, kEd25519Head);
  if (!point || point->size() != kP256Length) return std::nullopt;
  return base::to_bytes(*point);
}

std::optional<RsaNumbers> read_rsa_spki(BytesView spki) {
  const auto outer = take(spki, kSequence);
  auto rest = outer ? behind(*outer, kRsaAlgorithm) : std::nullopt;
  const auto bits = rest ? take(*rest, kBitString) : std::nullopt;
  if (!bits || bits->empty() || bits->front() != 0) return std::nullopt;
  BytesView key = bits->subspan(1);
  auto numbers = take(key, kSequence);
  if (!numbers) return std::nullopt;
  const auto modulus = take_integer(*numbers);
  const auto exponent = take_integer(*numbers);
  if (!modulus || !exponent) return std::nullopt;
  return RsaNumbers{base::to_bytes(*modulus), base::to_bytes(*exponent)};
}

Bytes to_ecdsa_der(BytesView r_and_s) {
  const std::size_t half = r_and_s.size() / 2;
  return tagged(kSequence, joined(integer(r_and_s.first(half)), integer(r_and_s.subspan(half))));
}

std::optional<Bytes> from_ecdsa_der(BytesView der, std::size_t number_length) {
  auto numbers = take(der, kSequence);
  if (!numbers) return std::nullopt;
  Bytes r_and_s;
  for (int i = 0; i < 2; ++i) {
    const auto number = take_integer(*numbers);
    if (!number || number->size() > number_length) return std::nullopt;
    r_and_s.insert(r_and_s.end(), number_length - number->size(), 0);
    append(r_and_s, *number);
  }
  return r_and_s;
}

}  // namespace countersign::jose
