// A certificate's serial number: positive, at most 20 octets (RFC 5280 section 4.1.2.2).
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/random.h"

namespace countersign::x509 {

class Serial {
 public:
  /// 128 random bits behind a leading octet 01..7f, so that every serial has the same length and is positive.
  static base::Result<Serial> generate(crypto::Random& random);
  /// Hexadecimal, upper or lower case, colons allowed. Fails: `serial.invalid`.
  static base::Result<Serial> parse(std::string_view hex);
  /// Big-endian magnitude; leading zero octets are dropped.
  static Serial from_magnitude(base::BytesView magnitude);

  /// Lower-case hexadecimal without separators: the one spelling in logs, SQL, the API and the trust feed.
  const std::string& hex() const { return hex_; }
  base::Bytes magnitude() const;
  friend auto operator<=>(const Serial&, const Serial&) = default;

 private:
  explicit Serial(std::string hex) : hex_(std::move(hex)) {}
  std::string hex_;
};

}  // namespace countersign::x509
