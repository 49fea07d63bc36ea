// Inside of x509 only: the object identifiers of extensions (RFC 5280 section 4.2) and access methods, each as a whole
// DER element.
#pragma once

#include <array>
#include <cstdint>

namespace countersign::x509::oid_der {

/// 2.5.29.n
constexpr std::array<std::uint8_t, 5> of_extension(std::uint8_t n) { return {0x06, 3, 0x55, 0x1d, n}; }

inline constexpr auto kSubjectKeyId = of_extension(14);
inline constexpr auto kKeyUsage = of_extension(15);
inline constexpr auto kSubjectAltName = of_extension(17);
inline constexpr auto kBasicConstraints = of_extension(19);
inline constexpr auto kCrlDistributionPoints = of_extension(31);
inline constexpr auto kAuthorityKeyId = of_extension(35);
inline constexpr auto kExtendedKeyUsage = of_extension(37);

/// 1.3.6.1.5.5.7.1.1
inline constexpr std::array<std::uint8_t, 10> kInformationAccess = {0x06, 8, 0x2b, 6, 1, 5, 5, 7, 1, 1};
/// 1.3.6.1.5.5.7.48.1, .2, .1.5
inline constexpr std::array<std::uint8_t, 10> kOcsp = {0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1};
inline constexpr std::array<std::uint8_t, 10> kCaIssuers = {0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2};
inline constexpr std::array<std::uint8_t, 11> kOcspNoCheck = {0x06, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5};

}  // namespace countersign::x509::oid_der
