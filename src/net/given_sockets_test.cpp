// Sockets that a service manager gave: taken by whom they are meant for, and by nobody else.
#include "net/given_sockets.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace countersign::net {
namespace {

template <class T>
std::string code_of(const base::Result<T>& result) {
  return result ? "ok" : result.error().code;
}

constexpr int kUs = 4711;
constexpr int kFirst = 200;  ///< far from what a test has open

/// Two sockets that listen, at kFirst and behind it.
class GivenSockets : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i) {
      auto socket = ListenSocket::open({.at = {"127.0.0.1", 0}}).value();
      ports_.push_back(socket.local().port);
      ASSERT_EQ(::dup2(socket.descriptor(), kFirst + i), kFirst + i);
    }
  }
  void TearDown() override {
    for (int i = 0; i < 3; ++i)
      ::close(kFirst + i);  // where a test left it open
  }
  std::vector<std::uint16_t> ports_;
};

TEST_F(GivenSockets, AreTakenWithTheirNames) {
  const auto given = given_sockets({"4711", "2", "partners:status"}, kUs, kFirst);
  ASSERT_TRUE(given) << base::to_string(given.error());
  ASSERT_EQ(given->size(), 2U);
  EXPECT_EQ((*given)[0].name, "partners");
  EXPECT_EQ((*given)[0].socket.local().port, ports_[0]);
  EXPECT_EQ((*given)[1].name, "status");
  EXPECT_EQ((*given)[1].socket.local().port, ports_[1]);
  EXPECT_NE(::fcntl(kFirst, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(kFirst, F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(GivenSockets, NamesMayBeFewer) {
  const auto given = given_sockets({"4711", "2", "partners"}, kUs, kFirst);
  ASSERT_TRUE(given);
  EXPECT_EQ((*given)[1].name, "");
}

TEST_F(GivenSockets, AreNobodyElses) {
  struct Row {
    const char* name;
    GivenBy said;
    std::size_t taken;
    const char* code;
  };
  for (const Row& row :
       {Row{"ours", {"4711", "1", nullptr}, 1, "ok"}, Row{"nothing said", {}, 0, "ok"},
        Row{"another process's", {"4712", "1", nullptr}, 0, "ok"}, Row{"no process", {nullptr, "1", nullptr}, 0, "ok"},
        Row{"no number of a process", {"4711x", "1", nullptr}, 0, "ok"},
        Row{"no count", {"4711", nullptr, nullptr}, 0, "ok"}, Row{"none", {"4711", "0", nullptr}, 0, "ok"},
        Row{"a count that is none", {"4711", "1x", nullptr}, 0, "net.given_sockets"},
        Row{"fewer than none", {"4711", "-1", nullptr}, 0, "net.given_sockets"},
        Row{"too many", {"4711", "257", nullptr}, 0, "net.given_sockets"},
        Row{"one that is not there", {"4711", "3", nullptr}, 0, "net.not_listening"}}) {
    const auto given = given_sockets(row.said, kUs, kFirst);
    EXPECT_EQ(code_of(given), row.code) << row.name;
    EXPECT_EQ(given ? given->size() : 0, row.taken) << row.name;
    TearDown();
    ports_.clear();
    SetUp();
  }
}

TEST_F(GivenSockets, AreSocketsThatListen) {
  const int file = ::open("/dev/null", O_RDONLY);
  ::dup2(file, kFirst);
  ::close(file);
  EXPECT_EQ(code_of(given_sockets({"4711", "1", nullptr}, kUs, kFirst)), "net.not_listening");
}

}  // namespace
}  // namespace countersign::net
