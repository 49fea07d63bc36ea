#include "process.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

namespace countersign::bench {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The parent of a process, by /proc/PID/stat: the second field behind the name in brackets.
pid_t parent_of(const fs::path& folder) {
  const std::string stat = text_of(folder / "stat");
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos) return -1;
  std::istringstream rest(stat.substr(end + 1));
  char state = 0;
  pid_t parent = -1;
  rest >> state >> parent;
  return parent;
}

sockaddr_in loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* raw(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

Process Process::start(const std::vector<std::string>& arguments, const fs::path& log) {
  const pid_t pid = ::fork();
  BASE_CHECK(pid >= 0);
  if (pid > 0) return Process(pid);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  ::dup2(out, 1);
  ::dup2(out, 2);
  std::vector<char*> words;
  for (const std::string& word : arguments)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words.front(), words.data());
  std::fprintf(stderr, "cannot start %s\n", words.front());
  ::_exit(127);
}

Process::Process(Process&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }

Process::~Process() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  for (int i = 0; i < 100; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Process::runs() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

std::vector<pid_t> Process::family() const {
  std::vector<pid_t> all = {pid_};
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && parent_of(entry.path()) == pid_) all.push_back(pid);
  }
  return all;
}

double Process::cpu_seconds() const {
  double nanoseconds = 0;
  for (const pid_t pid : family())
    for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
      nanoseconds += std::atof(text_of(task.path() / "schedstat").c_str());
  return nanoseconds * 1e-9;
}

double Process::resident_bytes() const {
  double kilobytes = 0;
  for (const pid_t pid : family()) {
    const std::string rollup = text_of("/proc/" + std::to_string(pid) + "/smaps_rollup");
    const std::size_t at = rollup.find("\nPss:");
    if (at != std::string::npos) kilobytes += std::atof(rollup.c_str() + at + 5);
  }
  return kilobytes * 1024;
}

int free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  BASE_CHECK(descriptor >= 0 && ::bind(descriptor, raw(address), size) == 0);
  BASE_CHECK(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(descriptor);
  return ntohs(address.sin_port);
}

void wait_until_listening(const Process& process, int port, const fs::path& log) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (process.runs() && std::chrono::steady_clock::now() < give_up) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool open = ::connect(descriptor, raw(loopback(port)), sizeof(sockaddr_in)) == 0;
    ::close(descriptor);
    if (open) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::fprintf(stderr, "nobody listens on port %d; the program said:\n%s\n", port, text_of(log).c_str());
  std::exit(3);
}

}  // namespace countersign::bench
