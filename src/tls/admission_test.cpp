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
  void our_move(std::size_t number) { places_[number]->our_move(); }
  void its_move(std::size_t number) { places_[number]->its_move(); }
  /// They come, and at once the next move is ours.
  void come_and_ask(const std::string& address, int times = 1) {
    for (int i = 0; i < times; ++i)
      if (const auto number = come(address)) our_move(*number);
  }
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

TEST(Admission, WhoeverWaitsForUsIsNotGivenUpForThoseWhoSayNothing) {
  House house;
  house.come_and_ask("192.0.2.1", 2);
  house.come("192.0.2.1");
  house.come("192.0.2.2");
  house.come("192.0.2.3");
  EXPECT_EQ(house.given_up(), (Numbers{2}));  // of the address with most silent ones; among equals the oldest
  house.come("192.0.2.4");
  EXPECT_EQ(house.given_up(), (Numbers{2, 3}));
}

TEST(Admission, AnAddressWhoseHandshakesAllWaitForUsGetsNoMore) {
  House house;
  house.come_and_ask("192.0.2.1", 3);
  EXPECT_FALSE(house.come("192.0.2.1"));
  house.its_move(1);
  EXPECT_TRUE(house.come("192.0.2.1"));
  EXPECT_EQ(house.given_up(), (Numbers{1}));
}

TEST(Admission, WhereAllWaitForUsTheNewcomerIsRefused) {
  House house;
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"})
    house.come_and_ask(address);
  EXPECT_FALSE(house.come("192.0.2.5"));
  EXPECT_EQ(house.given_up(), Numbers());
  house.its_move(0);
  EXPECT_FALSE(house.come("192.0.2.5"));  // one that was served has time to answer
  house.its_move(1);
  EXPECT_TRUE(house.come("192.0.2.5"));
  EXPECT_EQ(house.given_up(), (Numbers{0}));
}

TEST(Admission, WhereAllWaitForUsAnAddressWithMoreGivesWay) {
  House house;
  house.come_and_ask("192.0.2.1", 3);
  house.come_and_ask("192.0.2.2");
  EXPECT_TRUE(house.come("192.0.2.3"));
  EXPECT_EQ(house.given_up(), (Numbers{2}));  // its newest
  EXPECT_TRUE(house.was_given_up(2));
  house.our_move(4);
  EXPECT_FALSE(house.come("192.0.2.2"));  // that would have as many
}

TEST(Admission, SilenceCountsFromItsBegin) {
  House house;
  house.come_and_ask("192.0.2.1");
  for (const char* address : {"192.0.2.2", "192.0.2.3", "192.0.2.4"})
    house.come(address);
  house.its_move(0);
  house.its_move(0);  // once is enough
  house.come("192.0.2.5");
  EXPECT_EQ(house.given_up(), (Numbers{1}));
  house.end_handshake(0);
  house.our_move(0);  // too late to count
  house.its_move(0);
  EXPECT_EQ(house.admission().handshakes(), 3U);
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
