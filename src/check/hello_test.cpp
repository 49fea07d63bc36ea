#include "check/hello.h"

#include <set>

#include <gtest/gtest.h>

#include "check/ciphers.h"
#include "testing/seeded_random.h"

namespace countersign::check {
namespace {

using Kind = HelloAnswer::Kind;

/// A ServerHello in its record (RFC 5246 section 7.4.1.3), with a session id of `id_size` octets.
base::Bytes server_hello(std::uint8_t id_size = 0, std::uint8_t compression = 0) {
  base::Bytes body{3, 3};
  body.insert(body.end(), 32, 0xaa);
  body.push_back(id_size);
  body.insert(body.end(), id_size, 0xbb);
  body.insert(body.end(), {0xc0, 0x2f, compression});
  const auto size = static_cast<std::uint8_t>(body.size());
  base::Bytes record{22, 3, 3, 0, static_cast<std::uint8_t>(size + 4), 2, 0, 0, size};
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

TEST(ClientHello, IsOneRecordWithEverythingAskedFor) {
  testing::SeededRandom random(1);
  const HelloSpec spec{.ciphers = {0xc02f, 0x0005}, .offers_compression = true, .server_name = "host.example"};
  const base::Bytes hello = build_client_hello(spec, random).value();
  ASSERT_GT(hello.size(), 9U);
  EXPECT_EQ(hello[0], 22);
  const auto number_at = [&](std::size_t at) { return hello[at] * std::size_t{256} + hello[at + 1]; };
  EXPECT_EQ(number_at(3) + 5, hello.size());  // the record's length
  EXPECT_EQ(number_at(7) + 9, hello.size());  // the message's
  EXPECT_EQ(number_at(9), 0x0303U);
  const std::string text(base::as_text(hello));
  EXPECT_NE(text.find("host.example"), std::string::npos);
  EXPECT_NE(text.find(std::string("\x00\x06\xc0\x2f\x00\x05\x00\xff\x02\x01\x00", 11)), std::string::npos);
}

TEST(ClientHello, OfSsl3HasNoExtensions) {
  testing::SeededRandom random(1);
  const HelloSpec spec{.version = WireVersion::ssl3, .ciphers = {5}, .server_name = "host.example"};
  const base::Bytes hello = build_client_hello(spec, random).value();
  EXPECT_EQ(base::as_text(hello).find("host.example"), std::string::npos);
  EXPECT_EQ(hello.size(), 5U + 4 + 2 + 32 + 1 + 2 + 4 + 2);
}

TEST(Answer, IsReadAsSoonAsItCanBe) {
  for (const std::uint8_t id_size : {std::uint8_t{0}, std::uint8_t{32}}) {
    const base::Bytes whole = server_hello(id_size);
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(read_answer(base::BytesView(whole).first(size))) << size;
    const auto answer = read_answer(whole);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->kind, Kind::server_hello);
    EXPECT_EQ(answer->version, 0x0303);
    EXPECT_EQ(answer->cipher, 0xc02f);
    EXPECT_FALSE(answer->compressed);
  }
  EXPECT_TRUE(read_answer(server_hello(0, 1))->compressed);
  const base::Bytes alert{21, 3, 1, 0, 2, 2, 70};
  EXPECT_EQ(read_answer(alert)->kind, Kind::alert);
  EXPECT_EQ(read_answer(alert)->alert, 70);
  EXPECT_FALSE(read_answer(base::BytesView(alert).first(6)));
}

TEST(Answer, WithoutTlsIsPlaintext) {
  for (const std::string_view text : {"HTTP/1.1 400 Bad Request\r\n", "220 mail ready", "\x16HTTP", "\x80"}) {
    const auto answer = read_answer(base::as_bytes(text));
    ASSERT_TRUE(answer) << text;
    EXPECT_EQ(answer->kind, Kind::plaintext) << text;
  }
  EXPECT_EQ(read_answer(base::as_bytes("HTTP/1.1 4\x1b[2J\r\n"))->words, "HTTP/1.1 4?[2J??");
  const base::Bytes not_a_server_hello{22, 3, 3, 0, 4, 11, 0, 0, 0};
  EXPECT_EQ(read_answer(not_a_server_hello)->kind, Kind::plaintext);
}

TEST(Ciphers, AreListedOnceAndNamed) {
  std::set<std::uint16_t> seen;
  for (const auto list : {broken_ciphers(), ciphers_without_forward_secrecy()})
    for (const Cipher& cipher : list) {
      EXPECT_TRUE(seen.insert(cipher.number).second) << cipher.name;
      EXPECT_EQ(name_of_cipher(cipher.number), cipher.name);
    }
  EXPECT_EQ(name_of_cipher(0xc02f), "cipher 0xc02f");
}

}  // namespace
}  // namespace countersign::check
