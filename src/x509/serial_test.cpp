#include "x509/serial.h"

#include <set>

#include <gtest/gtest.h>

#include "testing/code_of.h"
#include "testing/seeded_random.h"

namespace countersign::x509 {
namespace {

using testing::code_of;

TEST(Serial, GeneratesPositiveOnesOfOneLength) {
  testing::SeededRandom random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const Serial serial = Serial::generate(random).value();
    ASSERT_EQ(serial.hex().size(), 34U);
    const base::Bytes magnitude = serial.magnitude();
    ASSERT_GE(magnitude.front(), 1);
    ASSERT_LE(magnitude.front(), 0x7f);
    ASSERT_TRUE(seen.insert(serial.hex()).second);
  }
}

TEST(Serial, WithoutRandomnessThereIsNone) {
  testing::BrokenRandom random;
  EXPECT_EQ(code_of(Serial::generate(random)), "random.unavailable");
}

TEST(Serial, ParseRows) {
  const struct {
    const char* name;
    const char* text;
    const char* code;
    const char* hex;
  } rows[] = {
      {"plain", "0f3a91", "ok", "0f3a91"},
      {"upper case", "0F3A91", "ok", "0f3a91"},
      {"colons", "0f:3A:91", "ok", "0f3a91"},
      {"odd number of digits", "f3a", "ok", "0f3a"},
      {"leading zero octets", "00000f3a", "ok", "0f3a"},
      {"20 octets", "7fffffffffffffffffffffffffffffffffffffff", "ok", "7fffffffffffffffffffffffffffffffffffffff"},
      {"21 octets", "017fffffffffffffffffffffffffffffffffffffff", "serial.invalid", ""},
      {"empty", "", "serial.invalid", ""},
      {"zero", "00", "serial.invalid", ""},
      {"another character", "0x12", "serial.invalid", ""},
      {"a sign", "-12", "serial.invalid", ""},
      {"white space", " 12", "serial.invalid", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto serial = Serial::parse(row.text);
    EXPECT_EQ(code_of(serial), row.code);
    EXPECT_EQ(serial ? serial->hex() : "", row.hex);
  }
  EXPECT_EQ(code_of(Serial::parse(std::string(1'000'000, '1'))), "serial.invalid");
}

TEST(Serial, FromMagnitudeTakesWhatForeignCertificatesHold) {
  EXPECT_EQ(Serial::from_magnitude(base::Bytes{0, 0, 0x0a}).hex(), "0a");
  EXPECT_EQ(Serial::from_magnitude(base::Bytes{}).hex(), "00");
  EXPECT_EQ(Serial::from_magnitude(base::Bytes{0}).hex(), "00");
  EXPECT_EQ(Serial::from_magnitude(base::Bytes(30, 0xff)).hex().size(), 60U);
  EXPECT_EQ(Serial::from_magnitude(base::Bytes{0, 0x80}), Serial::parse("80").value());
}

}  // namespace
}  // namespace countersign::x509
