#include "x509/serial.h"

#include <algorithm>
#include <array>

namespace countersign::x509 {
namespace {

constexpr std::size_t kSerialLimit = 20;
constexpr std::size_t kRandomLength = 1 + 16;

}  // namespace

base::Result<Serial> Serial::generate(crypto::Random& random) {
  std::array<std::uint8_t, kRandomLength> bytes{};
  BASE_TRY_VOID(random.fill(bytes));
  bytes[0] = static_cast<std::uint8_t>(1 + bytes[0] % 0x7f);
  return from_magnitude(bytes);
}

base::Result<Serial> Serial::parse(std::string_view hex) {
  const auto refuse = [] {
    return base::fail(base::Kind::invalid, "serial.invalid",
                      "a serial number is 1 to 20 octets in hexadecimal, not zero, such as 0f3a:91");
  };
  std::string digits;
  for (const char c : hex.substr(0, 4 * kSerialLimit))
    if (c != ':') digits += c;
  if (digits.size() % 2 != 0) digits.insert(digits.begin(), '0');
  const auto bytes = base::from_hex(digits);
  if (!bytes || hex.size() > 4 * kSerialLimit) return refuse();
  const Serial serial = from_magnitude(*bytes);
  if (serial.hex_ == "00" || serial.hex_.size() > 2 * kSerialLimit) return refuse();
  return serial;
}

Serial Serial::from_magnitude(base::BytesView magnitude) {
  const auto first = std::ranges::find_if(magnitude, [](std::uint8_t byte) { return byte != 0; });
  std::string hex = base::to_hex(magnitude.subspan(static_cast<std::size_t>(first - magnitude.begin())));
  return Serial(hex.empty() ? "00" : std::move(hex));
}

base::Bytes Serial::magnitude() const { return base::from_hex(hex_).value_or(base::Bytes{}); }

}  // namespace countersign::x509
