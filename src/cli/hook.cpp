#include "cli/hook.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/text.h"
#include "net/loop.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kOutputKept = 1024;
constexpr base::Duration kGlance = std::chrono::milliseconds(20);

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Between fork and exec. Comes back only when exec failed.
void become(char* const* words, char* const* environment, int output, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvpe(words[0], words, environment);
}

/// A hook that runs: killed, with its process group, when this dies first.
class Running {
 public:
  Running(pid_t pid, int output) : pid_(pid), output_(output) {}
  Running(const Running&) = delete;
  ~Running() {
    if (pid_ > 0) end_it();
    ::close(output_);
  }

  /// waitpid's status once it has ended.
  std::optional<int> look() {
    drain();
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    drain();
    pid_ = -1;
    return status;
  }
  void end_it() {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);  // where it has no group of its own yet
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  const std::string& printed() const { return printed_; }

 private:
  /// Reads what is there, so that the hook never waits for us, and keeps the beginning.
  void drain() {
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t count = ::read(output_, buffer.data(), buffer.size());
      if (count <= 0) return;
      const std::size_t room = kOutputKept - printed_.size();
      printed_.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
    }
  }

  pid_t pid_;
  int output_;
  std::string printed_;
};

/// Held while a hook runs; given back even when its task is dropped.
class Turn {
 public:
  explicit Turn(bool& busy) : busy_(busy) { busy_ = true; }
  Turn(const Turn&) = delete;
  ~Turn() { busy_ = false; }

 private:
  bool& busy_;
};

tl::unexpected<base::Error> not_started(const HookCall& call, int error) {
  return base::fail(base::Kind::unavailable, "hook.start",
                    "the hook '" + call.words.front() + "' cannot be started: " + std::strerror(error));
}

base::Result<std::unique_ptr<Running>> start(HookCall& call) {
  std::vector<std::string> variables = call.environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  const std::vector<char*> words = pointers_to(call.words);
  const std::vector<char*> environment = pointers_to(variables);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return not_started(call, errno);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(words.data(), environment.data(), pipe[1], parent);
    ::_exit(127);
  }
  const int error = errno;
  ::close(pipe[1]);
  if (pid < 0) {
    ::close(pipe[0]);
    return not_started(call, error);
  }
  ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  return std::make_unique<Running>(pid, pipe[0]);
}

tl::unexpected<base::Error> failed(const HookCall& call, const std::string& code, const std::string& how,
                                   const std::string& printed) {
  std::string detail = "the hook '" + call.words.front() + "' " + how;
  if (!printed.empty()) detail += "; it printed: " + printable(printed);
  return base::fail(base::Kind::internal, code, std::move(detail));
}

}  // namespace

net::Task<base::Result<void>> ProcessHooks::run(HookCall call) {
  while (busy_)
    co_await net::sleep_until(net::Deadline::after(kGlance));
  const Turn turn(busy_);
  const net::Deadline deadline = net::Deadline::after(call.time);
  auto running = start(call);
  if (!running) co_return base::unexpected(std::move(running).error());
  for (;;) {
    const std::optional<int> status = (*running)->look();
    if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0) co_return base::Result<void>();
    if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == 127)
      co_return failed(call, "hook.start", "could not be started: no such program, or it may not be run", "");
    if (status) co_return failed(call, "hook.failed", describe_end(*status), (*running)->printed());
    if (deadline.passed()) {
      (*running)->end_it();
      co_return failed(call, "hook.timeout", "had not ended in time, and was killed", (*running)->printed());
    }
    co_await net::sleep_until(net::Deadline::after(kGlance));
  }
}

}  // namespace countersign::cli
