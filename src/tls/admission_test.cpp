#include "tls/admission.h"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace countersign::tls {
namespace {

constexpr Admission::Limits kLimits{
    .connections = 8, .connections_per_address = 5, .handshakes = 4, .handshakes_per_address = 3};

/// Connections come; who is given up for whom?
class House {
 public:
  /// The number of the newcomer, or nothing when it is refused.
  std::optional<std::size_t> come(const std::string& address) {
    const std::size_t number = places_.size();
    auto place = admission_->admit({address, 1}, [this, number] { given_up_.push_back(number); });
    if (place == nullptr) return std::nullopt;
    places_.push_back(std::move(place));
    return number;
  }
  void come(const std::string& address, int times) {
    for (int i = 0; i < times; ++i)
      come(address);
  }
  void end_handshakes() {
    for (auto& place : places_)
      if (place != nullptr) place->end_handshake();
  }
  void end_handshake(std::size_t number) { places_[number]->end_handshake(); }
  void leave(std::size_t number) { places_[number].reset(); }

  const std::vector<std::size_t>& given_up() const { return given_up_; }
  const Admission& admission() const { return *admission_; }
  bool was_given_up(std::size_t number) const { return places_[number]->was_given_up(); }

 private:
  std::shared_ptr<Admission> admission_ = Admission::make(kLimits);
  std::vector<std::unique_ptr<Admission::Place>> places_;
  std::vector<std::size_t> given_up_;
};

using Numbers = std::vector<std::size_t>;

TEST(Admission, AnAddressWithItsFillOfHandshakesGivesUpItsOwnOldest) {
  House house;
  house.come("192.0.2.1", 3);
  EXPECT_EQ(house.given_up(), Numbers());
  house.come("192.0.2.1", 2);
  EXPECT_EQ(house.given_up(), (Numbers{0, 1}));
  EXPECT_TRUE(house.was_given_up(0));
  EXPECT_FALSE(house.was_given_up(2));
  EXPECT_EQ(house.admission().handshakes(), 3U);
}

TEST(Admission, AFullHouseGivesUpTheOldestOfTheAddressWithMost) {
  House house;
  house.come("192.0.2.1");
  house.come("192.0.2.2", 3);
  house.come("192.0.2.3");
  EXPECT_EQ(house.given_up(), (Numbers{1}));
  EXPECT_EQ(house.admission().handshakes(), 4U);
}

TEST(Admission, AmongEqualsTheOldestIsGivenUp) {
  House house;
  for (const char* address : {"192.0.2.4", "192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.5"})
    house.come(address);
  EXPECT_EQ(house.given_up(), (Numbers{0}));
}

TEST(Admission, AFinishedHandshakeIsInNobodysWay) {
  House house;
  house.come("192.0.2.1", 3);
  house.end_handshake(0);
  house.end_handshake(0);  // once is enough
  house.come("192.0.2.1");
  EXPECT_EQ(house.given_up(), Numbers());
  house.come("192.0.2.1");
  EXPECT_EQ(house.given_up(), (Numbers{1}));
}

TEST(Admission, ConnectionsAreRefusedAtTheCapOfTheirAddress) {
  House house;
  house.come("192.0.2.1", 5);
  house.end_handshakes();
  EXPECT_FALSE(house.come("192.0.2.1"));
  EXPECT_TRUE(house.come("192.0.2.2"));
  house.leave(0);
  EXPECT_TRUE(house.come("192.0.2.1"));
}

TEST(Admission, ConnectionsAreRefusedAtTheCapOfAll) {
  House house;
  house.come("192.0.2.1", 4);
  house.come("192.0.2.2", 4);
  house.end_handshakes();
  EXPECT_FALSE(house.come("192.0.2.3"));
  house.leave(7);
  EXPECT_TRUE(house.come("192.0.2.3"));
  EXPECT_EQ(house.admission().connections(), 8U);
}

TEST(Admission, NothingIsLeftOfThoseWhoHaveGone) {
  House house;
  house.come("192.0.2.1", 3);
  for (std::size_t i = 0; i < 3; ++i)
    house.leave(i);
  EXPECT_EQ(house.admission().connections(), 0U);
  EXPECT_EQ(house.admission().handshakes(), 0U);
  EXPECT_EQ(house.given_up(), Numbers());
}

TEST(Admission, AnIpv6HostIsItsNetworkOf64Bits) {
  EXPECT_EQ(source_of({"2001:db8::1", 1}), source_of({"2001:db8::ffff:1:2:3", 2}));
  EXPECT_NE(source_of({"2001:db8::1", 1}), source_of({"2001:db8:0:1::1", 1}));
  EXPECT_EQ(source_of({"192.0.2.1", 1}), source_of({"192.0.2.1", 2}));
  EXPECT_NE(source_of({"192.0.2.1", 1}), source_of({"192.0.2.2", 1}));
}

}  // namespace
}  // namespace countersign::tls
