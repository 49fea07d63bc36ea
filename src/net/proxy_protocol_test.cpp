#include "net/proxy_protocol.h"

#include <gtest/gtest.h>

namespace countersign::net {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kAddresses4("\xC0\x00\x02\x07\xC6\x33\x64\x01\x9C\x40\x20\xFB",
                              12);  // 192.0.2.7:40000, 198.51.100.1:8443

std::string header(std::string_view version_command, std::string_view family, const std::string& body) {
  std::string text = kSignature + std::string(version_command) + std::string(family);
  text += static_cast<char>(body.size() >> 8);
  text += static_cast<char>(body.size());
  return text + body;
}
std::string tlv(char type, const std::string& value) {
  std::string text(1, type);
  text += static_cast<char>(value.size() >> 8);
  text += static_cast<char>(value.size());
  return text + value;
}

struct Row {
  std::string name;
  std::string bytes;
  std::string said;  ///< "SOURCE DESTINATION", "local", or the code of the error
};
class ProxyHeaders : public ::testing::TestWithParam<Row> {};

TEST_P(ProxyHeaders, AreReadOneWayOrRefused) {
  const auto header = parse_proxy_header(base::as_bytes(GetParam().bytes));
  std::string said;
  if (!header) said = header.error().code;
  else if (header->local) said = "local";
  else said = header->source.to_string() + " " + header->destination.to_string();
  EXPECT_EQ(said, GetParam().said);
}

const std::string kIpv6(16, '\x20');
const std::string kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff\xC0\x00\x02\x07", 16);

INSTANTIATE_TEST_SUITE_P(
    Rows, ProxyHeaders,
    ::testing::Values(
        Row{"ipv4", header("\x21", "\x11", kAddresses4), "192.0.2.7:40000 198.51.100.1:8443"},
        Row{"ipv6", header("\x21", "\x21", kIpv6 + kIpv6 + "\x9C\x40\x20\xFB"),
            "[2020:2020:2020:2020:2020:2020:2020:2020]:40000 [2020:2020:2020:2020:2020:2020:2020:2020]:8443"},
        Row{"ipv4_in_ipv6", header("\x21", "\x21", kMapped + kMapped + "\x9C\x40\x20\xFB"),
            "192.0.2.7:40000 192.0.2.7:8443"},
        Row{"local", header("\x20", std::string_view("\0", 1), ""), "local"},
        Row{"local_with_unknown_address", header("\x20", std::string_view("\0", 1), "whatever"), "local"},
        Row{"with_tlvs", header("\x21", "\x11", kAddresses4 + tlv('\x04', "") + tlv('\x01', "h2")),
            "192.0.2.7:40000 198.51.100.1:8443"},
        Row{"version_1", "PROXY TCP4 192.0.2.7 198.51.100.1 40000 8443\r\n", "proxy.version_1"},
        Row{"no_header", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "proxy.malformed"},
        Row{"short", kSignature, "proxy.malformed"},
        Row{"version_3", header("\x31", "\x11", kAddresses4), "proxy.malformed"},
        Row{"unknown_command", header("\x22", "\x11", kAddresses4), "proxy.malformed"},
        Row{"udp", header("\x21", "\x12", kAddresses4), "proxy.unsupported"},
        Row{"unspecified_family", header("\x21", std::string_view("\0", 1), ""), "proxy.unsupported"},
        Row{"addresses_cut_off", header("\x21", "\x11", kAddresses4.substr(1)), "proxy.malformed"},
        Row{"one_byte_less", header("\x21", "\x11", kAddresses4).substr(0, 27), "proxy.malformed"},
        Row{"one_byte_more", header("\x21", "\x11", kAddresses4) + "x", "proxy.malformed"},
        Row{"tlv_without_length", header("\x21", "\x11", kAddresses4 + "\x04"), "proxy.malformed"},
        Row{"tlv_longer_than_the_rest", header("\x21", "\x11", kAddresses4 + std::string("\x04\x00\x02x", 4)),
            "proxy.malformed"},
        Row{"wrong_checksum", header("\x21", "\x11", kAddresses4 + tlv('\x03', "abcd")), "proxy.checksum"},
        Row{"short_checksum", header("\x21", "\x11", kAddresses4 + tlv('\x03', "abc")), "proxy.malformed"},
        Row{"two_checksums", header("\x21", "\x11", kAddresses4 + tlv('\x03', "abcd") + tlv('\x03', "abcd")),
            "proxy.malformed"},
        Row{"too_large", header("\x21", "\x11", kAddresses4 + tlv('\x04', std::string(5000, 'x'))), "proxy.too_large"}),
    [](const auto& row) { return row.param.name; });

TEST(ProxyHeader, Crc32cIsThatOfTheStandard) {
  // RFC 3720 appendix B.4.
  EXPECT_EQ(crc32c(base::Bytes(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(crc32c(base::Bytes(32, 0xff)), 0x62A8AB43U);
}

TEST(ProxyHeader, WhatIsWrittenIsRead) {
  for (const auto& [from, to] : {std::pair<Endpoint, Endpoint>{{"192.0.2.7", 40000}, {"198.51.100.1", 8443}},
                                 std::pair<Endpoint, Endpoint>{{"2001:db8::7", 1}, {"2001:db8::1", 65535}}}) {
    const base::Bytes written = write_proxy_header(from, to);
    const auto read = parse_proxy_header(written);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->source, from);
    EXPECT_EQ(read->destination, to);
  }
  EXPECT_TRUE(parse_proxy_header(write_proxy_header({"192.0.2.7", 1}, {"localhost", 2}))->local);
}

TEST(ProxyHeader, AddressesOfTwoFamiliesAreBothToldAsIpv6) {
  for (const auto& [from, to] : {std::pair<Endpoint, Endpoint>{{"192.0.2.7", 40000}, {"2001:db8::1", 8443}},
                                 std::pair<Endpoint, Endpoint>{{"2001:db8::7", 40000}, {"198.51.100.1", 8443}}}) {
    const base::Bytes written = write_proxy_header(from, to);
    EXPECT_EQ(written[13], 0x21) << "TCP over IPv6";
    const auto read = parse_proxy_header(written);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_FALSE(read->local);
    EXPECT_EQ(read->source, from);
    EXPECT_EQ(read->destination, to);
  }
}

TEST(ProxyHeader, MoreIsSaidBehindTheAddressesAndWhatDoesNotFitIsLeftOut) {
  const std::vector<ProxyTlv> more = {{0x02, {'a', '.', 'b'}}, {0xE0, base::Bytes(5000, 'x')}, {0xE1, {'y'}}};
  const base::Bytes written = write_proxy_header({"192.0.2.7", 40000}, {"198.51.100.1", 8443}, more);
  ASSERT_TRUE(parse_proxy_header(written));
  const base::Bytes said(written.begin() + 16 + 12, written.begin() + 16 + 12 + 10);
  EXPECT_EQ(said, (base::Bytes{0x02, 0, 3, 'a', '.', 'b', 0xE1, 0, 1, 'y'}));
}

TEST(ProxyHeader, OneFlippedBitIsNoticed) {
  const base::Bytes written = write_proxy_header({"192.0.2.7", 40000}, {"198.51.100.1", 8443});
  const std::size_t type_of_checksum = written.size() - 7;  // another type there, and it is no checksum any more
  for (std::size_t bit = 0; bit < written.size() * 8; ++bit) {
    if (bit / 8 == type_of_checksum) continue;
    base::Bytes flipped = written;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_FALSE(parse_proxy_header(flipped)) << "bit " << bit;
  }
}

}  // namespace
}  // namespace countersign::net
