#include "cli/child.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;

tl::unexpected<base::Error> not_started(const Program& program, const std::string& why) {
  return base::fail(base::Kind::internal, "program.start", "cannot start '" + program.file.string() + "': " + why);
}

/// Our environment, for execve: the passphrase of the CA keys and the PIN of their token are nobody's business but the
/// authority's.
std::vector<char*> environment_for(const Program& program) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const bool leads_to_secret = text.starts_with("COUNTERSIGN_PASSPHRASE=") ||
                                 text.starts_with("COUNTERSIGN_TOKEN_PIN=") ||
                                 text.starts_with("CREDENTIALS_DIRECTORY=");
    if (program.may_know_passphrase || !leads_to_secret) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

struct Exec {
  const char* file;
  char* const* arguments;
  char* const* environment;
};

/// Between fork and exec: only async-signal-safe calls. Comes back only when exec failed.
void become(const Exec& exec, int log, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execve(exec.file, exec.arguments, exec.environment);
}

/// What went wrong in the child before or in exec; 0 when the program runs (the pipe was closed by exec).
int exec_error(int pipe) {
  int error = 0;
  ssize_t count = 0;
  do
    count = ::read(pipe, &error, sizeof error);
  while (count < 0 && errno == EINTR);
  return count == sizeof error ? error : 0;
}

bool is_executable_file(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

}  // namespace

base::Result<pid_t> start(const Program& program) {
  std::error_code ignored;
  fs::remove(program.ready_file, ignored);
  const std::string file = program.file.string();
  std::vector<std::string> words{file};
  words.insert(words.end(), program.arguments.begin(), program.arguments.end());
  words.insert(words.end(), {"--ready-file", program.ready_file.string()});
  std::vector<char*> arguments;
  for (std::string& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::vector<char*> environment = environment_for(program);

  const int log = ::open(program.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return not_started(program, "no log at '" + program.log.string() + "': " + std::strerror(errno));
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    ::close(log);
    return not_started(program, std::strerror(errno));
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become({file.c_str(), arguments.data(), environment.data()}, log, parent);
    const int error = errno;
    [[maybe_unused]] const ssize_t told = ::write(pipe[1], &error, sizeof error);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::close(log);
  ::close(pipe[1]);
  const int error = pid < 0 ? fork_error : exec_error(pipe[0]);
  ::close(pipe[0]);
  if (error == 0) return pid;
  if (pid > 0) ::waitpid(pid, nullptr, 0);
  return not_started(program, std::strerror(error));
}

std::string describe_end(int status) {
  if (WIFEXITED(status)) return "ended with exit code " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status))
    return "was killed by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
  return "ended";
}

base::Result<fs::path> find_program(const std::string& name) {
  std::error_code unknown;
  const fs::path own = fs::read_symlink("/proc/self/exe", unknown);
  const fs::path beside = own.parent_path() / name;
  if (!unknown && is_executable_file(beside)) return beside;
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  while (!folders.empty()) {
    const std::size_t end = folders.find(':');
    const fs::path candidate = fs::path(folders.substr(0, end)) / name;
    if (is_executable_file(candidate)) return candidate;
    folders = end == std::string::npos ? "" : folders.substr(end + 1);
  }
  return base::fail(base::Kind::unavailable, "program.missing",
                    "the program '" + name + "' is neither at '" + beside.string() +
                        "' nor in PATH: install all of Countersign together");
}

}  // namespace countersign::cli
