// GatheringSink: few calls, no line lost, torn or out of order.
#include "base/gathering_sink.h"

#include <algorithm>
#include <csignal>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "testing/folder.h"

namespace countersign::base {
namespace {

/// A socket that keeps apart what each call wrote (SOCK_SEQPACKET), and takes only so many packets.
class Calls {
 public:
  Calls() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_), 0); }
  ~Calls() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Calls(const Calls&) = delete;
  int descriptor() const { return ends_[0]; }
  std::vector<std::string> taken() {
    std::vector<std::string> all;
    std::string one(1 << 17, '\0');
    for (ssize_t got = 0; (got = ::recv(ends_[1], one.data(), one.size(), 0)) > 0;)
      all.push_back(one.substr(0, static_cast<std::size_t>(got)));
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
};

using Texts = std::vector<std::string>;

TEST(GatheringSink, WhatIsWrittenIsOneCallALine) {
  Calls calls;
  GatheringSink sink(calls.descriptor());
  sink.write("one");
  sink.write("two");
  EXPECT_EQ(calls.taken(), (Texts{"one\n", "two\n"}));
}

TEST(GatheringSink, WhatIsGatheredWaitsForFlush) {
  Calls calls;
  GatheringSink sink(calls.descriptor());
  sink.gathered().write("one");
  sink.gathered().write("two");
  EXPECT_EQ(calls.taken(), Texts());
  sink.flush();
  EXPECT_EQ(calls.taken(), (Texts{"one\ntwo\n"}));
  sink.flush();
  EXPECT_EQ(calls.taken(), Texts()) << "nothing waits: no call";
}

TEST(GatheringSink, AWarningGoesOutAtOnceBehindWhatWasBeforeIt) {
  Calls calls;
  GatheringSink sink(calls.descriptor());
  sink.gathered().write("request 1");
  sink.write("refused");
  sink.gathered().write("request 2");
  EXPECT_EQ(calls.taken(), (Texts{"request 1\nrefused\n"}));
  sink.flush();
  EXPECT_EQ(calls.taken(), (Texts{"request 2\n"}));
}

TEST(GatheringSink, NothingIsLostAtTheEnd) {
  Calls calls;
  {
    GatheringSink sink(calls.descriptor());
    sink.gathered().write("the last");
  }
  EXPECT_EQ(calls.taken(), (Texts{"the last\n"}));
}

TEST(GatheringSink, AtMostWhatAPipeTakesWholeWaits) {
  constexpr std::size_t kMost = GatheringSink::kMost;
  const struct {
    const char* name;
    std::vector<std::size_t> gathered;  ///< lengths of lines, without their ends
    std::vector<std::size_t> calls;     ///< before flush(): bytes
    std::size_t flushed;                ///< and by it
  } rows[] = {
      {"just fit", {kMost / 2 - 1, kMost / 2 - 1}, {}, kMost},
      {"one byte more", {kMost / 2 - 1, kMost / 2}, {kMost / 2}, kMost / 2 + 1},
      {"one line just fits", {kMost - 1}, {}, kMost},
      {"one line does not", {kMost}, {kMost + 1}, 0},
      {"a long line behind a short one", {10, kMost}, {11, kMost + 1}, 0},
      {"a long line before a short one", {3 * kMost, 10}, {3 * kMost + 1}, 11},
  };
  for (const auto& row : rows) {
    Calls calls;
    GatheringSink sink(calls.descriptor());
    char letter = 'a';
    std::string all;
    for (const std::size_t length : row.gathered) {
      const std::string line(length, letter++);
      sink.gathered().write(line);
      all += line + "\n";
    }
    std::vector<std::size_t> sizes;
    std::string seen;
    for (const std::string& call : calls.taken()) {
      sizes.push_back(call.size());
      seen += call;
    }
    EXPECT_EQ(sizes, row.calls) << row.name;
    sink.flush();
    const Texts rest = calls.taken();
    EXPECT_EQ(rest.empty() ? 0 : rest.front().size(), row.flushed) << row.name;
    for (const std::string& call : rest)
      seen += call;
    EXPECT_EQ(seen, all) << row.name;
  }
}

TEST(GatheringSink, AWarningThatDoesNotFitBehindIsACallOfItsOwn) {
  Calls calls;
  GatheringSink sink(calls.descriptor());
  const std::string line(GatheringSink::kMost - 1, 'r');
  sink.gathered().write(line);
  sink.write("w");
  EXPECT_EQ(calls.taken(), (Texts{line + "\n", "w\n"}));
}

TEST(GatheringSink, AFullPipeLosesWholeLinesAndKeepsNothing) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  ASSERT_EQ(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
  GatheringSink sink(ends[1]);
  const std::string line(999, 'x');
  for (int i = 0; i < 20; ++i)
    sink.gathered().write(line);
  sink.flush();
  std::string seen(1 << 17, '\0');
  seen.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], seen.data(), seen.size()))));
  EXPECT_GT(seen.size(), 0U);
  EXPECT_EQ(seen.size() % 1000, 0U) << "a torn line";
  sink.gathered().write("later");
  sink.flush();
  seen.assign(100, '\0');
  seen.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], seen.data(), seen.size()))));
  EXPECT_EQ(seen, "later\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(GatheringSink, BehindATornLineTheNextBeginsAnew) {
  const testing::Folder folder;
  const std::string path = (folder / "log").string();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  GatheringSink sink(file);
  sink.write("whole");
  ASSERT_EQ(::signal(SIGXFSZ, SIG_IGN) == SIG_ERR, false);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit full = before;
  full.rlim_cur = 10;  // the disk is full behind the tenth byte
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  sink.write("begun and never ended");
  sink.write("lost");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  sink.write("later");
  sink.write("and on");
  ::close(file);
  EXPECT_EQ(*read_file(path), "whole\nbegu\nlater\nand on\n");
}

TEST(GatheringSink, ADescriptorThatFailsDoesNotHoldAnybodyUp) {
  GatheringSink sink(-1);
  sink.gathered().write("nobody is there");
  sink.write("nor for this");
  sink.flush();
}

TEST(GatheringSink, ManyThreadsLoseNothingAndEachKeepsItsOrder) {
  constexpr int kThreads = 4;
  constexpr int kLines = 5'000;
  const testing::Folder folder;
  const std::string path = (folder / "log").string();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  {
    GatheringSink sink(file);
    std::vector<std::thread> threads;
    for (int of = 0; of < kThreads; ++of)
      threads.emplace_back([&sink, of] {
        for (int i = 0; i < kLines; ++i) {
          const std::string line = std::to_string(of) + " " + std::to_string(i);
          if (i % 7 == 0) sink.write(line);
          else sink.gathered().write(line);
          if (i % 5 == 0) sink.flush();
        }
      });
    for (std::thread& thread : threads)
      thread.join();
  }
  ::close(file);
  const std::string text = *read_file(path);
  std::vector<int> next(kThreads, 0);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const auto of = static_cast<std::size_t>(text[at] - '0');
    ASSERT_LT(of, next.size());
    ASSERT_EQ(text.substr(at + 2, end - at - 2), std::to_string(next[of]++));
    at = end + 1;
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kLines));
}

}  // namespace
}  // namespace countersign::base
