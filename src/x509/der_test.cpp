#include "x509/der.h"

#include <gtest/gtest.h>

namespace countersign::x509::der {
namespace {

TEST(Der, IntegerRows) {
  const struct {
    const char* name;
    const char* magnitude;
    const char* encoded;
  } rows[] = {
      {"nothing is zero", "", "020100"},
      {"zero", "00", "020100"},
      {"one octet", "7f", "02017f"},
      {"looks negative", "80", "02020080"},
      {"leading zeros go", "000001", "020101"},
      {"twenty octets", "ff00112233445566778899aabbccddeeff001122", "021500ff00112233445566778899aabbccddeeff001122"}};
  for (const auto& row : rows) {
    base::Bytes out;
    append_integer(out, base::BytesView(base::from_hex(row.magnitude).value()));
    EXPECT_EQ(base::to_hex(out), row.encoded) << row.name;
  }
  base::Bytes number;
  append_integer(number, std::uint64_t{0x8000000000000000});
  EXPECT_EQ(base::to_hex(number), "0209008000000000000000");
}

TEST(Der, TimeRows) {
  const struct {
    const char* at;
    const char* encoded;
  } rows[] = {{"2026-11-25T22:24:57Z",
               "\x17\x0d"
               "261125222457Z"},
              {"2049-12-31T23:59:59Z",
               "\x17\x0d"
               "491231235959Z"},
              {"2050-01-01T00:00:00Z",
               "\x18\x0f"
               "20500101000000Z"},
              {"1950-01-01T00:00:00Z",
               "\x17\x0d"
               "500101000000Z"}};
  for (const auto& row : rows) {
    base::Bytes out;
    append_time(out, base::parse_rfc3339(row.at).value());
    EXPECT_EQ(base::as_text(out), row.encoded) << row.at;
  }
}

TEST(Der, LengthsAreWrittenAndReadInTheFewestOctets) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
    const base::Bytes content(size, 0x5a);
    const base::Bytes whole = element(kOctetString, {content});
    Reader in(whole);
    const auto found = in.next(kOctetString);
    ASSERT_TRUE(found) << size;
    EXPECT_EQ(found->content.size(), size);
    EXPECT_EQ(found->whole.size(), whole.size());
    EXPECT_TRUE(in.at_end());
  }
}

TEST(Der, ReaderRefusesWhatIsNoDer) {
  for (const char* hex : {"", "04", "0401", "0480", "048101", "04820001", "0484ffffffff", "0485000000000100", "1f0100"})
    EXPECT_FALSE(Reader(base::from_hex(hex).value()).next()) << hex;
  const base::Bytes good = base::from_hex("040100").value();
  EXPECT_TRUE(Reader(good).next());
  EXPECT_FALSE(Reader(good).next(kInteger));
}

}  // namespace
}  // namespace countersign::x509::der
