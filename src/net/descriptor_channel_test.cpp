// A listening socket passes from one loop to another, as it does from one process to the next.
#include "net/descriptor_channel.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "testing/run.h"

namespace countersign::net {
namespace {

Deadline far() { return Deadline::after(std::chrono::seconds(60)); }

class Channels : public ::testing::Test {
 protected:
  Channels() {
    char name[] = "/tmp/channels-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~Channels() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path at() const { return folder_ / "door"; }
  std::string receive_code(DescriptorChannel& channel) {
    const auto got = testing::run(loop_, channel.receive(far()));
    return got ? "" : got.error().code;
  }
  base::Result<void> send(DescriptorChannel& channel, std::string text, std::vector<int> descriptors = {}) {
    return testing::run(loop_, channel.send(std::move(text), std::move(descriptors), far()));
  }

  std::filesystem::path folder_;
  Loop loop_;
};

TEST_F(Channels, AConnectionThatWaitsIsTakenByWhoeverGetsTheSocket) {
  auto door = DescriptorDoor::open(loop_, at()).value();
  auto listening = ListenSocket::open({.at = {"127.0.0.1", 0}}).value();
  Socket waiting = testing::run(loop_, Socket::connect(loop_, listening.local(), far())).value();
  auto giver = DescriptorChannel::connect(loop_, at()).value();
  auto taker = testing::run(loop_, door.accept()).value();
  ASSERT_TRUE(send(giver, "here", {listening.descriptor()}));
  auto message = testing::run(loop_, taker.receive(far())).value();
  EXPECT_EQ(message.text, "here");
  ASSERT_EQ(message.descriptors.size(), 1U);
  auto taken = ListenSocket::adopt(message.descriptors.front().release()).value();
  EXPECT_EQ(taken.local(), listening.local());
  { const ListenSocket closed = std::move(listening); }
  auto listener = Listener::watch(loop_, std::move(taken)).value();
  EXPECT_TRUE(testing::run(loop_, listener.accept()));
}

TEST_F(Channels, OnlyTheOwnerMayConnect) {
  const auto door = DescriptorDoor::open(loop_, at()).value();
  struct stat found {};
  ASSERT_EQ(::stat(at().c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777, 0600U);
}

TEST_F(Channels, NobodyIsThere) {
  EXPECT_EQ(DescriptorChannel::connect(loop_, at()).error().code, "net.nobody");
  { const auto door = DescriptorDoor::open(loop_, at()).value(); }
  EXPECT_FALSE(std::filesystem::exists(at()));
  EXPECT_EQ(DescriptorChannel::connect(loop_, folder_ / std::string(200, 'x')).error().code, "net.connect");
}

TEST_F(Channels, ADoorTakesThePlaceOfAnotherAndStaysWhenThatGoes) {
  auto first = DescriptorDoor::open(loop_, at()).value();
  auto second = DescriptorDoor::open(loop_, at()).value();
  first.close();
  auto caller = DescriptorChannel::connect(loop_, at());
  ASSERT_TRUE(caller);
  EXPECT_TRUE(testing::run(loop_, second.accept()));
}

TEST_F(Channels, WhatIsTooLongOrOverIsRefused) {
  auto door = DescriptorDoor::open(loop_, at()).value();
  auto giver = std::optional(DescriptorChannel::connect(loop_, at()).value());
  auto taker = testing::run(loop_, door.accept()).value();
  ASSERT_TRUE(send(*giver, std::string(DescriptorChannel::kMessageBytes, 'x')));
  EXPECT_EQ(receive_code(taker), "");
  ASSERT_TRUE(send(*giver, std::string(DescriptorChannel::kMessageBytes + 1, 'x')));
  EXPECT_EQ(receive_code(taker), "net.malformed");
  giver.reset();
  EXPECT_EQ(receive_code(taker), "net.closed");
  EXPECT_EQ(send(taker, "anybody?").error().code, "net.closed");
}

TEST(ListenSocket, WhatDoesNotListenIsNotAdopted) {
  for (const int kind : {SOCK_STREAM, SOCK_DGRAM})
    EXPECT_EQ(ListenSocket::adopt(::socket(AF_INET, kind, 0)).error().code, "net.not_listening");
  const auto one = ListenSocket::open({.at = {"127.0.0.1", 0}});
  ASSERT_TRUE(one);
  EXPECT_TRUE(ListenSocket::adopt(one->duplicate()->release()));
}

}  // namespace
}  // namespace countersign::net
