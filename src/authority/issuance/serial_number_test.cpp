#include "authority/issuance/serial_number.h"

#include <set>

#include <gtest/gtest.h>

#include "testing/code_of.h"
#include "testing/seeded_random.h"
#include "testing/times.h"

namespace countersign::authority {
namespace {

using testing::kDay;
using testing::kNow;

TEST(SerialNumber, IsPositiveAndOfOneLengthAtAnyTime) {
  testing::SeededRandom random(1);
  std::set<std::string> seen;
  for (int day = -40'000; day < 80'000; day += 7) {
    const x509::Serial serial = make_serial(random, base::Instant{} + kDay * day).value();
    ASSERT_EQ(serial.magnitude().size(), kSerialOctets) << day;
    ASSERT_GE(serial.magnitude().front(), 0x01) << day;
    ASSERT_LE(serial.magnitude().front(), 0x7f) << day;
    ASSERT_TRUE(seen.insert(serial.hex()).second) << day;
  }
}

/// Keeps what it gave.
class Recorded final : public crypto::Random {
 public:
  base::Result<void> fill(std::span<std::uint8_t> out) override {
    BASE_TRY_VOID(random_.fill(out));
    given.insert(given.end(), out.begin(), out.end());
    return {};
  }
  base::Bytes given;

 private:
  testing::SeededRandom random_{1};
};

/// All but four octets are of chance, every bit of them, whatever the clock does.
TEST(SerialNumber, Has128RandomBits) {
  Recorded random;
  for (int day = 0; day < 1000; ++day) {
    random.given.clear();
    const x509::Serial serial = make_serial(random, kNow + kDay * day).value();
    ASSERT_EQ(random.given.size(), 16U);
    ASSERT_EQ(serial.hex().substr(8), base::to_hex(random.given)) << "as they came";
  }
}

TEST(SerialNumber, OfOneMomentAreNeighbours) {
  testing::SeededRandom random(1);
  std::set<std::string> heads;
  for (int i = 0; i < 64; ++i)
    heads.insert(make_serial(random, kNow + std::chrono::microseconds(200) * i).value().hex().substr(0, 8));
  EXPECT_LE(heads.size(), 2U);
  const std::string later = make_serial(random, kNow + std::chrono::minutes(1)).value().hex();
  EXPECT_GT(later.substr(0, 8), *heads.rbegin());
}

TEST(SerialNumber, WithoutRandomnessThereIsNone) {
  testing::BrokenRandom random;
  EXPECT_EQ(testing::code_of(make_serial(random, kNow)), "random.unavailable");
}

}  // namespace
}  // namespace countersign::authority
