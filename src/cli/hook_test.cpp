// Hooks as real processes: how they end, what they are told, and that none outlives whoever waits for it.
#include "cli/hook.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/run.h"

namespace countersign::cli {
namespace {

using namespace std::chrono_literals;
using testing::code_of;

base::Result<void> run_hook(std::vector<std::string> words, base::Duration time = 20s) {
  net::Loop loop;
  ProcessHooks hooks;
  HookCall call{.words = std::move(words), .environment = {"COUNTERSIGN_SERIAL=0c55"}, .time = time};
  return testing::run(loop, hooks.run(std::move(call)));
}

TEST(Hook, EndsWithACodeForEachEnd) {
  const struct {
    const char* row;
    std::vector<std::string> words;
    base::Duration time;
    const char* code;
  } rows[] = {
      {"good", {"true"}, 20s, "ok"},
      {"exit code", {"sh", "-c", "echo broken; exit 3"}, 20s, "hook.failed"},
      {"signal", {"sh", "-c", "kill -9 $$"}, 20s, "hook.failed"},
      {"no such program", {"/nonexistent/program"}, 20s, "hook.start"},
      {"too slow", {"sleep", "60"}, 100ms, "hook.timeout"},
      {"prints more than a pipe holds", {"sh", "-c", "head -c 300000 /dev/zero"}, 20s, "ok"},
      {"leaves something behind that holds the pipe", {"sh", "-c", "sleep 5 & exit 0"}, 2s, "ok"},
      {"words are no shell's", {"test", "$HOME; false", "=", "$HOME; false"}, 20s, "ok"},
      {"is told the certificate", {"sh", "-c", "test \"$COUNTERSIGN_SERIAL\" = 0c55"}, 20s, "ok"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(run_hook(row.words, row.time)), row.code) << row.row;
}

TEST(Hook, TellsWhatItPrintedMadeHarmless) {
  const auto failed = run_hook({"sh", "-c", "printf 'bad \\033[2J config'; exit 3"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().detail, "the hook 'sh' ended with exit code 3; it printed: bad ?[2J config");
}

net::Task<void> run_two(net::Loop& loop, ProcessHooks& hooks, HookCall call, int& left) {
  const auto ended = co_await hooks.run(std::move(call));
  EXPECT_EQ(code_of(ended), "ok");
  if (--left == 0) loop.stop();
}

TEST(Hook, RunsOneAtATime) {
  const testing::Folder folder;
  const testing::KeptLog log;
  const std::string file = folder / "order";
  net::Loop loop;
  ProcessHooks hooks;
  int left = 2;
  for (int i = 0; i < 2; ++i) {
    HookCall call{.words = {"sh", "-c", "echo begin >> \"$0\"; sleep 0.1; echo end >> \"$0\"", file},
                  .environment = {},
                  .time = 20s};
    net::spawn(loop, run_two(loop, hooks, std::move(call), left), "hook", log.log());
  }
  loop.run();
  EXPECT_EQ(base::read_file(file), "begin\nend\nbegin\nend\n");
}

TEST(Hook, DiesWithWhoeverWaitsForIt) {
  const testing::Folder folder;
  const std::string pid_file = folder / "pid";
  const testing::KeptLog log;
  ProcessHooks hooks;
  {
    net::Loop loop;
    HookCall call{.words = {"sh", "-c", "echo $$ > \"$0\"; sleep 60", pid_file}, .environment = {}, .time = 50s};
    std::optional<base::Result<void>> never;
    net::spawn(loop, testing::keep_result(loop, hooks.run(std::move(call)), never), "hook", log.log());
    const auto until_started = [](net::Loop& l, std::string file) -> net::Task<void> {
      while (!base::read_file(file) || base::read_file(file)->empty())
        co_await net::sleep_until(net::Deadline::after(5ms));
      l.stop();
    };
    net::spawn(loop, until_started(loop, pid_file), "wait", log.log());
    loop.run();
  }
  const pid_t pid = std::stoi(base::read_file(pid_file).value());
  EXPECT_NE(::kill(pid, 0), 0) << "it has ended, and was waited for";
}

}  // namespace
}  // namespace countersign::cli
