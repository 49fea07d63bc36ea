// Inside of x509 only: contents of the OBJECT IDENTIFIERs that CMP needs.
#pragma once

#include <array>
#include <cstdint>

namespace countersign::x509::cmp_oid {

/// 1.2.840.113533.7.66.13
inline constexpr std::array<std::uint8_t, 9> kPasswordBasedMac = {0x2a, 0x86, 0x48, 0x86, 0xf6, 0x7d, 0x07, 0x42, 0x0d};
/// id-it-implicitConfirm 1.3.6.1.5.5.7.4.13, id-it-caCerts ...17
inline constexpr std::array<std::uint8_t, 8> kImplicitConfirm = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x0d};
inline constexpr std::array<std::uint8_t, 8> kCaCerts = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x11};
/// id-regCtrl-oldCertID 1.3.6.1.5.5.7.5.1.5
inline constexpr std::array<std::uint8_t, 9> kOldCertId = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x05, 0x01, 0x05};
/// id-ce-cRLReasons 2.5.29.21
inline constexpr std::array<std::uint8_t, 3> kReasonCode = {0x55, 0x1d, 0x15};
/// SHA-2 2.16.840.1.101.3.4.2.{1,2,3} without its last octet.
inline constexpr std::array<std::uint8_t, 8> kSha2 = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02};
/// hmacWithSHA* 1.2.840.113549.2.{7,9,10,11} without its last octet, and hMAC-SHA1 1.3.6.1.5.5.8.1.2.
inline constexpr std::array<std::uint8_t, 7> kHmac = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02};
inline constexpr std::array<std::uint8_t, 8> kHmacSha1 = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x08, 0x01, 0x02};

}  // namespace countersign::x509::cmp_oid
