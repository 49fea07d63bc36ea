#include "base/own_command.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace countersign::base {

Result<OwnCommand> OwnCommand::of_this_process() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    words.emplace_back(text.c_str() + at);
    at += words.back().size() + 1;
  }
  if (!error && !words.empty()) return OwnCommand(program.string(), std::move(words));
  return fail(Kind::internal, "process.unknown", "/proc does not say how this process was started");
}

Result<int> OwnCommand::start() const {
  std::vector<char*> arguments;
  std::vector<std::string> words = words_;
  for (std::string& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed = posix_spawn(&child, program_.c_str(), nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0) return child;
  return fail(Kind::unavailable, "process.not_started", "'" + program_ + "': " + std::strerror(failed));
}

void forget_if_ended(int process) { (void)waitpid(process, nullptr, WNOHANG); }

}  // namespace countersign::base
