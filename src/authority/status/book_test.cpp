#include "authority/status/book.h"

#include <gtest/gtest.h>

#include "authority/registry/status_urls.h"
#include "testing/code_of.h"
#include "testing/seeded_random.h"
#include "testing/times.h"

namespace countersign::authority {
namespace {

using testing::kDay;
using testing::kNow;

SerialOctets octets(std::string_view hex) { return to_octets(x509::Serial::parse(hex).value().magnitude()).value(); }

CertificateStatus good(std::string_view hex, base::Instant not_after = kNow) {
  return {.serial = octets(hex), .not_after = not_after};
}
CertificateStatus revoked(std::string_view hex) {
  return {.serial = octets(hex),
          .reason = x509::CrlReason::superseded,
          .revoked = true,
          .revoked_at = kNow,
          .not_after = kNow};
}

TEST(StatusBook, FindsWhatIsInItAndNothingElse) {
  const StatusBook book =
      StatusBook().with({good("01"), revoked("0201"), good("7f112233445566778899aabbccddeeff00112233")});
  EXPECT_EQ(book.size(), 3U);
  EXPECT_FALSE(book.find(octets("01"))->revoked);
  EXPECT_TRUE(book.find(octets("0201"))->revoked);
  EXPECT_TRUE(book.find(octets("7f112233445566778899aabbccddeeff00112233")));
  for (const char* hex : {"02", "0101", "7f112233445566778899aabbccddeeff00112234"})
    EXPECT_FALSE(book.find(octets(hex))) << hex;
}

TEST(StatusBook, AChangeLeavesTheOldBookAsItWas) {
  const StatusBook before = StatusBook().with({good("01"), good("02")});
  const StatusBook after = before.with({revoked("01"), good("03")});
  EXPECT_FALSE(before.find(octets("01"))->revoked);
  EXPECT_TRUE(after.find(octets("01"))->revoked);
  EXPECT_EQ(before.size(), 2U);
  EXPECT_EQ(after.size(), 3U);
  EXPECT_TRUE(after.with({good("04"), revoked("04")}).find(octets("04"))->revoked) << "the last word counts";
}

TEST(StatusBook, ForgetsWhatEndedLongAgo) {
  const StatusBook book = StatusBook().with({good("01", kNow - kDay), good("02", kNow)});
  const StatusBook later = book.without_ended(kNow);
  EXPECT_EQ(later.size(), 1U);
  EXPECT_FALSE(later.find(octets("01")));
  EXPECT_TRUE(later.find(octets("02")));
  EXPECT_TRUE(book.find(octets("01")));
}

TEST(StatusBook, HoldsManyInOnePage) {
  std::vector<CertificateStatus> many;
  testing::SeededRandom random(9);
  for (int i = 0; i < 20'000; ++i) {
    const base::Bytes serial = x509::Serial::generate(random).value().magnitude();
    many.push_back({.serial = to_octets(serial).value(), .not_after = kNow});
  }
  StatusBook book;
  for (std::size_t i = 0; i < many.size(); i += 1000)
    book = book.with(
        {many.begin() + static_cast<std::ptrdiff_t>(i), many.begin() + static_cast<std::ptrdiff_t>(i + 1000)});
  EXPECT_EQ(book.size(), many.size());
  for (const CertificateStatus& one : many)
    ASSERT_TRUE(book.find(one.serial));
}

TEST(StatusUrls, NameEveryPlaceBelowOneBase) {
  const StatusUrls urls = StatusUrls::parse("http://pki.example:8080/status/").value();
  EXPECT_EQ(urls.crl("uat-signing", 7), "http://pki.example:8080/status/crl/uat-signing-7.crl");
  EXPECT_EQ(urls.ca("uat-signing"), "http://pki.example:8080/status/ca/uat-signing.cer");
  EXPECT_EQ(urls.ocsp(), "http://pki.example:8080/status/ocsp");
  const std::string bad_ones[] = {"https://pki.example",   "ftp://pki.example", "http://pki.example/?a=b",
                                  "http://pki.example/#x", "http://a b",        "http://" + std::string(200, 'a')};
  for (const std::string& bad : bad_ones)
    EXPECT_EQ(testing::code_of(StatusUrls::parse(bad)), "status_url.invalid") << bad;
}

TEST(CrlShard, IsDecidedByTheSerialAlone) {
  EXPECT_EQ(crl_shard_of(x509::Serial::parse("0100000041").value(), 64), 1U);
  EXPECT_EQ(crl_shard_of(x509::Serial::parse("41").value(), 64), 1U);
  EXPECT_EQ(crl_shard_of(x509::Serial::parse("7f112233445566778899aabbccddffffffff").value(), 4096), 4095U);
  testing::SeededRandom random(3);
  std::array<int, 64> counts{};
  for (int i = 0; i < 64'000; ++i)
    ++counts[crl_shard_of(x509::Serial::generate(random).value(), 64)];
  for (const int count : counts)
    EXPECT_NEAR(count, 1000, 200) << "shards are of about one size";
}

}  // namespace
}  // namespace countersign::authority
