// Supervision, with shell scripts as the programs.
#include "cli/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"

namespace countersign::cli {
namespace {

using testing::code_of;
using testing::Folder;
using Kind = Supervisor::Event::Kind;

/// A program that runs `script`, in which $2 is the ready file.
Program shell(const Folder& folder, const std::string& name, const std::string& script) {
  return {.name = name,
          .file = "/bin/sh",
          .arguments = {"-c", script, name},
          .log = folder / (name + ".log"),
          .ready_file = folder / (name + ".ready"),
          .may_know_passphrase = false};
}

constexpr const char* kServe = "echo $$ > $2.new; mv $2.new $2; exec sleep 600";

pid_t pid_in(const std::filesystem::path& file) { return std::stoi(base::read_file(file).value()); }

TEST(Backoff, DoublesToAHalfMinute) {
  Backoff backoff;
  std::vector<int> pauses;
  for (int i = 0; i < 7; ++i)
    pauses.push_back(static_cast<int>(backoff.next().count()));
  EXPECT_EQ(pauses, (std::vector<int>{1, 2, 4, 8, 16, 30, 30}));
  backoff.reset();
  EXPECT_EQ(backoff.next().count(), 1);
}

TEST(Supervisor, SaysReadyRestartsWhatDiesAndStopsWhatRuns) {
  const Folder folder;
  auto supervisor = Supervisor::make();
  ASSERT_TRUE(supervisor);
  supervisor->keep_running(shell(folder, "one", kServe));
  EXPECT_EQ(supervisor->next().kind, Kind::ready);
  const pid_t first = pid_in(folder / "one.ready");
  ::kill(first, SIGKILL);
  const Supervisor::Event ended = supervisor->next();
  EXPECT_EQ(ended.kind, Kind::ended);
  EXPECT_NE(ended.detail.find("killed by signal 9"), std::string::npos) << ended.detail;
  EXPECT_EQ(supervisor->next().kind, Kind::ready);
  const pid_t second = pid_in(folder / "one.ready");
  EXPECT_NE(first, second);
  supervisor->stop({"one"});
  EXPECT_EQ(::kill(second, 0), -1);
}

TEST(Supervisor, GivesUpAtOnceOnAWrongConfiguration) {
  const Folder folder;
  auto supervisor = Supervisor::make();
  ASSERT_TRUE(supervisor);
  supervisor->keep_running(shell(folder, "one", "echo 'no such key' >&2; exit 2"));
  const Supervisor::Event event = supervisor->next();
  EXPECT_EQ(event.kind, Kind::wrong_configuration);
  EXPECT_NE(event.detail.find("exit code 2"), std::string::npos);
  EXPECT_NE(event.detail.find("no such key"), std::string::npos) << event.detail;
}

TEST(Supervisor, OnceItMustNotGiveUpAWrongConfigurationIsTriedForEver) {
  const Folder folder;
  auto supervisor = Supervisor::make();
  ASSERT_TRUE(supervisor);
  supervisor->keep_running(shell(folder, "other", kServe));
  EXPECT_EQ(supervisor->next().kind, Kind::ready);
  supervisor->never_give_up();
  supervisor->keep_running(shell(folder, "one", "echo 'no such key' >&2; exit 2"));
  const Supervisor::Event event = supervisor->next();
  EXPECT_EQ(event.kind, Kind::failing);
  EXPECT_EQ(event.program, "one");
  EXPECT_NE(event.detail.find("again each 30 s"), std::string::npos) << event.detail;
  EXPECT_NE(event.detail.find("no such key"), std::string::npos) << event.detail;
  EXPECT_EQ(::kill(pid_in(folder / "other.ready"), 0), 0) << "the other one does not run any more";
}

TEST(Supervisor, ExplainsAlsoOutOfALongLogAndOnlyWhatThisStartWrote) {
  const Folder folder;
  auto supervisor = Supervisor::make();
  ASSERT_TRUE(supervisor);
  ASSERT_TRUE(base::write_file(folder / "one.log", "said long ago\n", base::FileMode::owner_only));
  std::filesystem::resize_file(folder / "one.log", base::kFileLimit + 1);
  supervisor->keep_running(shell(folder, "one", "head -c 100000 /dev/zero; echo; echo 'no such key'; exit 2"));
  const Supervisor::Event event = supervisor->next();
  EXPECT_NE(event.detail.find("no such key"), std::string::npos);
  EXPECT_EQ(event.detail.find("long ago"), std::string::npos);
  EXPECT_LE(event.detail.size(), 66'000U);
}

TEST(Supervisor, AFailedStartIsTriedAgain) {
  const Folder folder;
  auto supervisor = Supervisor::make();
  ASSERT_TRUE(supervisor);
  supervisor->keep_running(shell(folder, "one", "exit 3"));
  const Supervisor::Event event = supervisor->next();
  EXPECT_EQ(event.kind, Kind::ended);
  EXPECT_NE(event.detail.find("again in 1 s"), std::string::npos) << event.detail;
}

TEST(Supervisor, ASignalToUsIsAnEvent) {
  auto supervisor = Supervisor::make();
  ASSERT_TRUE(supervisor);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(supervisor->next().kind, Kind::stop);
}

TEST(Child, SaysWhyItCannotStart) {
  const Folder folder;
  Program program = shell(folder, "one", "");
  program.file = folder / "absent";
  EXPECT_EQ(code_of(start(program)), "program.start");
  EXPECT_EQ(code_of(find_program("countersign-of-another-kind")), "program.missing");
}

TEST(Child, OnlyTheAuthorityKnowsWhereThePassphraseIs) {
  const Folder folder;
  ::setenv("COUNTERSIGN_PASSPHRASE", "open sesame", 1);
  ::setenv("COUNTERSIGN_TOKEN_PIN", "pin 4711", 1);
  ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
  ::setenv("COUNTERSIGN_OTHER", "kept", 1);
  for (const bool may_know : {false, true}) {
    Program program = shell(folder, may_know ? "authority" : "gateway", "exec env");
    program.may_know_passphrase = may_know;
    const auto pid = start(program);
    ASSERT_TRUE(pid);
    ::waitpid(*pid, nullptr, 0);
    const std::string printed = base::read_file(program.log).value();
    EXPECT_EQ(printed.find("open sesame") != std::string::npos, may_know);
    EXPECT_EQ(printed.find("pin 4711") != std::string::npos, may_know);
    EXPECT_EQ(printed.find("/run/credentials/x") != std::string::npos, may_know);
    EXPECT_NE(printed.find("COUNTERSIGN_OTHER=kept"), std::string::npos);
  }
  for (const char* name :
       {"COUNTERSIGN_PASSPHRASE", "COUNTERSIGN_TOKEN_PIN", "CREDENTIALS_DIRECTORY", "COUNTERSIGN_OTHER"})
    ::unsetenv(name);
}

}  // namespace
}  // namespace countersign::cli
