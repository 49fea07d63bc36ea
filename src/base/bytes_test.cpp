// Hexadecimal and base64: one spelling in, one spelling out.
#include "base/bytes.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::base {
namespace {

using testing::code_of;

TEST(Hex, RoundTripAndStrictness) {
  const Bytes bytes = {0x00, 0x7f, 0x80, 0xff};
  EXPECT_EQ(to_hex(bytes), "007f80ff");
  EXPECT_EQ(from_hex("007F80fF"), bytes);
  EXPECT_EQ(from_hex(""), Bytes{});

  const struct {
    const char* name;
    std::string_view text;
    const char* code;
  } rows[] = {
      {"two digits", "0a", "ok"},
      {"one digit", "0", "hex.invalid"},
      {"not a digit", "0g", "hex.invalid"},
      {"white space", " a", "hex.invalid"},
      {"prefix", "0x", "hex.invalid"},
      {"sign", "+1", "hex.invalid"},
      {"zero byte", std::string_view("a\0", 2), "hex.invalid"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(from_hex(row.text)), row.code) << row.name;
}

TEST(Base64, VectorsOfRfc4648) {
  const struct {
    std::string_view plain, standard;
  } rows[] = {{"", ""},
              {"f", "Zg=="},
              {"fo", "Zm8="},
              {"foo", "Zm9v"},
              {"foob", "Zm9vYg=="},
              {"fooba", "Zm9vYmE="},
              {"foobar", "Zm9vYmFy"}};
  for (const auto& row : rows) {
    EXPECT_EQ(to_base64(as_bytes(row.plain)), row.standard);
    EXPECT_EQ(from_base64(row.standard), to_bytes(as_bytes(row.plain))) << row.standard;
    const std::string url(row.standard.substr(0, row.standard.find('=')));
    EXPECT_EQ(to_base64url(as_bytes(row.plain)), url);
    EXPECT_EQ(from_base64url(url), to_bytes(as_bytes(row.plain))) << url;
  }
  const Bytes high = {0xfb, 0xff, 0xbf};
  EXPECT_EQ(to_base64(high), "+/+/");
  EXPECT_EQ(to_base64url(high), "-_-_");
  EXPECT_EQ(from_base64("+/+/"), high);
  EXPECT_EQ(from_base64url("-_-_"), high);
}

TEST(Base64, RefusesEveryOtherSpelling) {
  const struct {
    const char* name;
    std::string_view text;
    const char* standard;
    const char* url;
  } rows[] = {
      {"padded", "Zg==", "ok", "base64.invalid"},
      {"not padded", "Zg", "base64.invalid", "ok"},
      {"half padded", "Zg=", "base64.invalid", "base64.invalid"},
      {"too much padding", "Zm8==", "base64.invalid", "base64.invalid"},
      {"three of padding", "Z===", "base64.invalid", "base64.invalid"},
      {"padding alone", "====", "base64.invalid", "base64.invalid"},
      {"padding inside", "Zg==Zg==", "base64.invalid", "base64.invalid"},
      {"stray bits", "Zh==", "base64.invalid", "base64.invalid"},
      {"stray bits, not padded", "Zh", "base64.invalid", "base64.invalid"},
      {"lone character", "Zm9vY", "base64.invalid", "base64.invalid"},
      {"line break", "Zm9v\nYg==", "base64.invalid", "base64.invalid"},
      {"space", "Zm9 ", "base64.invalid", "base64.invalid"},
      {"the other alphabet", "-_-_", "base64.invalid", "ok"},
      {"the standard alphabet", "+/+/", "ok", "base64.invalid"},
      {"high byte", "Zm9\xe9", "base64.invalid", "base64.invalid"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(code_of(from_base64(row.text)), row.standard) << row.name;
    EXPECT_EQ(code_of(from_base64url(row.text)), row.url) << row.name;
  }
}

TEST(Base64, LongInputKeepsEveryByte) {
  Bytes bytes(1000);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 7);
  for (std::size_t size = 990; size <= 1000; ++size) {
    const BytesView view = BytesView(bytes).first(size);
    EXPECT_EQ(from_base64(to_base64(view)), to_bytes(view));
    EXPECT_EQ(from_base64url(to_base64url(view)), to_bytes(view));
  }
}

}  // namespace
}  // namespace countersign::base
