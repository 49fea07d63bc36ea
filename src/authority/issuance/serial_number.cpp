#include "authority/issuance/serial_number.h"

#include <array>
#include <span>

namespace countersign::authority {
namespace {

constexpr std::size_t kTickOctets = kSerialOctets - 16;
/// A tick of 16 ms: a group's serials have one or two. They come again after thirteen months, beside those of then.
constexpr int kTickBits = 14;

}  // namespace

base::Result<x509::Serial> make_serial(crypto::Random& random, base::Instant now) {
  std::array<std::uint8_t, kSerialOctets> octets{};
  const auto tick = static_cast<std::uint32_t>(now.micros >> kTickBits);
  octets[0] = static_cast<std::uint8_t>(1 + (tick >> 24) % 0x7f);
  octets[1] = static_cast<std::uint8_t>(tick >> 16);
  octets[2] = static_cast<std::uint8_t>(tick >> 8);
  octets[3] = static_cast<std::uint8_t>(tick);
  BASE_TRY_VOID(random.fill(std::span(octets).subspan(kTickOctets)));
  return x509::Serial::from_magnitude(octets);
}

}  // namespace countersign::authority
