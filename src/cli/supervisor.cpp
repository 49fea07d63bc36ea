#include "cli/supervisor.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exit_code.h"

namespace countersign::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kReadyLook{20};
constexpr milliseconds kLongestWait{1000};
constexpr std::chrono::seconds kSettled{60};
constexpr std::size_t kTailLines = 4;
constexpr std::uintmax_t kTailBytes = 64 * 1024;

/// The last lines that a program wrote since it was started, indented. What it says before it ends is plain text: if
/// there is some, its log records are left out.
std::string tail_of(const std::filesystem::path& log, std::uintmax_t from) {
  std::ifstream file(log, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (size <= 0 || static_cast<std::uintmax_t>(size) <= from) return {};
  std::string text(std::min<std::uintmax_t>(kTailBytes, static_cast<std::uintmax_t>(size) - from), '\0');
  file.seekg(size - static_cast<std::streamoff>(text.size()));
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size()))) return {};
  std::istringstream written(std::move(text));
  std::vector<std::string> plain;
  std::vector<std::string> records;
  for (std::string line; std::getline(written, line);)
    (line.starts_with("{") ? records : plain).push_back(line);
  const std::vector<std::string>& lines = plain.empty() ? records : plain;
  std::string tail;
  for (std::size_t i = lines.size() - std::min(lines.size(), kTailLines); i < lines.size(); ++i)
    tail += "\n    " + lines[i];
  return tail;
}

bool is_hopeless(int status) {
  return WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(base::ExitCode::usage);
}

}  // namespace

std::chrono::seconds Backoff::next() {
  const std::chrono::seconds now = next_;
  next_ = std::min(next_ * 2, kLongest);
  return now;
}

base::Result<Supervisor> Supervisor::make() {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD})
    sigaddset(&ours, signal);
  const int error = ::pthread_sigmask(SIG_BLOCK, &ours, nullptr);
  const int descriptor = error == 0 ? ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
  if (descriptor < 0)
    return base::fail(base::Kind::internal, "supervisor.signals",
                      std::string("cannot take over signals: ") + std::strerror(errno));
  return Supervisor(descriptor);
}

Supervisor::Supervisor(Supervisor&& other) noexcept
    : signals_(std::exchange(other.signals_, -1)),
      stop_asked_(other.stop_asked_),
      may_give_up_(other.may_give_up_),
      kept_(std::move(other.kept_)),
      events_(std::move(other.events_)) {
  other.kept_.clear();
}

Supervisor::~Supervisor() {
  for (Kept& kept : kept_) {
    if (kept.pid == 0) continue;
    ::kill(kept.pid, SIGKILL);
    ::waitpid(kept.pid, nullptr, 0);
  }
  if (signals_ >= 0) ::close(signals_);
}

void Supervisor::keep_running(Program program) {
  std::erase_if(kept_, [&](const Kept& kept) { return kept.program.name == program.name && kept.pid == 0; });
  kept_.push_back(Kept{.program = std::move(program)});
  launch(kept_.back());
}

void Supervisor::launch(Kept& kept) {
  std::error_code absent;
  const std::uintmax_t size = std::filesystem::file_size(kept.program.log, absent);
  kept.log_from = absent ? 0 : size;
  kept.start_at.reset();
  kept.started = steady_clock::now();
  kept.ready = false;
  auto pid = start(kept.program);
  if (pid) {
    kept.pid = *pid;
  } else {
    note_end(kept, pid.error().detail, false);
  }
}

void Supervisor::note_end(Kept& kept, const std::string& how, bool hopeless) {
  const bool was_ready = std::exchange(kept.ready, false);
  kept.pid = 0;
  if (was_ready && steady_clock::now() - kept.started > kSettled) kept.backoff.reset();
  kept.failed_starts = was_ready ? 0 : kept.failed_starts + 1;
  const std::string tail = was_ready ? "" : tail_of(kept.program.log, kept.log_from);
  const bool cannot_start = !was_ready && (hopeless || kept.failed_starts >= kStartsAtMost);
  if (cannot_start && may_give_up_) {
    const std::string tried = hopeless ? "" : " (tried " + std::to_string(kStartsAtMost) + " times)";
    const auto kind = hopeless ? Event::Kind::wrong_configuration : Event::Kind::gave_up;
    events_.push_back({kind, kept.program.name, how + " before it was ready" + tried + tail});
    return;
  }
  const std::chrono::seconds pause = cannot_start ? Backoff::kLongest : kept.backoff.next();
  kept.start_at = steady_clock::now() + pause;
  const std::string seconds = std::to_string(pause.count()) + " s";
  if (cannot_start)
    events_.push_back(
        {Event::Kind::failing, kept.program.name,
         how + " before it was ready; it is DOWN, the others go on, and it is tried again each " + seconds + tail});
  else events_.push_back({Event::Kind::ended, kept.program.name, how + "; it is started again in " + seconds + tail});
}

void Supervisor::reap() {
  for (Kept& kept : kept_) {
    int status = 0;
    if (kept.pid == 0 || ::waitpid(kept.pid, &status, WNOHANG) != kept.pid) continue;
    note_end(kept, describe_end(status), is_hopeless(status));
  }
}

void Supervisor::look_after(Kept& kept, Steady now) {
  if (kept.pid == 0) {
    if (kept.start_at && *kept.start_at <= now) launch(kept);
    return;
  }
  if (kept.ready) return;
  std::error_code ignored;
  if (std::filesystem::exists(kept.program.ready_file, ignored)) {
    kept.ready = true;
    kept.failed_starts = 0;
    events_.push_back({Event::Kind::ready, kept.program.name, ""});
  } else if (now - kept.started > kReadyTime) {
    ::kill(kept.pid, SIGKILL);  // counted as a failed start when it is reaped
  }
}

milliseconds Supervisor::until_next_look(Steady now) const {
  milliseconds wait = kLongestWait;
  for (const Kept& kept : kept_) {
    if (kept.pid != 0 && !kept.ready) wait = std::min(wait, kReadyLook);
    if (kept.start_at)
      wait = std::min(wait, std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*kept.start_at - now)));
  }
  return wait;
}

void Supervisor::wait_for_signal(milliseconds patience) {
  pollfd waiting{.fd = signals_, .events = POLLIN, .revents = 0};
  ::poll(&waiting, 1, static_cast<int>(patience.count()));
  signalfd_siginfo info{};
  while (::read(signals_, &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD) stop_asked_ = true;
}

Supervisor::Event Supervisor::next() {
  for (;;) {
    if (std::exchange(stop_asked_, false)) return {Event::Kind::stop, "", ""};
    if (!events_.empty()) {
      Event event = std::move(events_.front());
      events_.pop_front();
      return event;
    }
    const Steady now = steady_clock::now();
    for (Kept& kept : kept_)
      look_after(kept, now);
    if (!events_.empty()) continue;
    wait_for_signal(until_next_look(now));
    reap();
  }
}

void Supervisor::stop(const std::vector<std::string>& names) {
  const auto is_asked = [&](const Kept& kept) { return std::ranges::find(names, kept.program.name) != names.end(); };
  for (const Kept& kept : kept_)
    if (is_asked(kept) && kept.pid != 0) ::kill(kept.pid, SIGTERM);
  const Steady end = steady_clock::now() + kStopTime;
  bool killed = false;
  for (Kept& kept : kept_) {
    while (is_asked(kept) && kept.pid != 0) {
      if (::waitpid(kept.pid, nullptr, WNOHANG) == kept.pid) {
        kept.pid = 0;
        break;
      }
      wait_for_signal(kReadyLook);
      if (!killed && (stop_asked_ || steady_clock::now() >= end)) {
        killed = true;
        for (const Kept& late : kept_)
          if (is_asked(late) && late.pid != 0) ::kill(late.pid, SIGKILL);
      }
    }
  }
  std::erase_if(kept_, is_asked);
}

}  // namespace countersign::cli
