// Inside of x509 only: DER (X.690) written and read by hand, for what libcrypto would do slowly or not strictly.
#pragma once

#include <initializer_list>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"

namespace countersign::x509::der {

inline constexpr std::uint8_t kBoolean = 0x01;
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kObjectId = 0x06;
inline constexpr std::uint8_t kEnumerated = 0x0a;
inline constexpr std::uint8_t kSequence = 0x30;
/// [n] around something constructed, and [n] instead of a primitive's own tag.
constexpr std::uint8_t constructed(unsigned n) { return static_cast<std::uint8_t>(0xa0U | n); }
constexpr std::uint8_t primitive(unsigned n) { return static_cast<std::uint8_t>(0x80U | n); }

/// One element whose content is `parts`, one after the other.
void append(base::Bytes& out, std::uint8_t tag, std::initializer_list<base::BytesView> parts);
base::Bytes element(std::uint8_t tag, std::initializer_list<base::BytesView> parts);
/// A positive INTEGER from its big-endian magnitude.
void append_integer(base::Bytes& out, base::BytesView magnitude);
void append_integer(base::Bytes& out, std::uint64_t value);
/// UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5); and GeneralizedTime always (RFC 6960).
void append_time(base::Bytes& out, base::Instant at);
void append_generalized_time(base::Bytes& out, base::Instant at);
/// BIT STRING without unused bits.
void append_bits(base::Bytes& out, base::BytesView bits);

struct Element {
  std::uint8_t tag;
  base::BytesView content;
  base::BytesView whole;
};

/// Walks the elements of a content. Strict: tags of one octet, definite lengths in the fewest octets.
class Reader {
 public:
  explicit Reader(base::BytesView content) : rest_(content) {}
  bool at_end() const { return rest_.empty(); }
  /// Is the next element of that tag?
  bool sees(std::uint8_t tag) const { return !rest_.empty() && rest_.front() == tag; }
  /// The next element whatever it is, or the next if it is of that tag. Nothing where there is none, or it is no DER;
  /// the reader then stays where it is.
  std::optional<Element> next();
  std::optional<Element> next(std::uint8_t tag);

 private:
  base::BytesView rest_;
};

}  // namespace countersign::x509::der
