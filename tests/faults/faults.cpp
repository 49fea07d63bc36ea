// Faults that no test can make for real: LD_PRELOADed into a program under test, no part of any product. A test writes
// what is to go wrong into the file that COUNTERSIGN_FAULTS names (tests/harness/faults.py), at any time; it acts at
// once. Without that variable nothing changes.
//
//   clock     CLOCK_REALTIME is so far ahead; clocks that only run are left alone
//   sync      fsync and fdatasync fail, all of them or the Nth alone
//   write     write and pwrite fail, or write half of what they are given
//   death     SIGKILL at the Nth durable point: before or after a sync, or a COMMIT that is sent to the database
//
// Files are meant only below one folder: a program's log goes on.
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace {

/// The file, as tests/harness/faults.py writes it.
struct Switches {
  std::atomic<std::int64_t> clock_seconds;  ///< ahead; negative: behind
  std::atomic<std::int32_t> sync_error;     ///< an errno; 0: none
  std::atomic<std::int32_t> write_error;    ///< an errno; 0: none
  std::atomic<std::int32_t> short_writes;   ///< 1: half of each write
  std::atomic<std::int32_t> die_before;     ///< counts down at each durable point; at the last one: SIGKILL
  std::atomic<std::int32_t> die_after;      ///< the same, once the point is passed
  std::atomic<std::int32_t> database_port;  ///< on loopback; 0: the database is a file
  std::atomic<std::int32_t> points;         ///< durable points that were passed
  std::atomic<std::int32_t> failures;       ///< calls that were made to fail or fall short
  std::atomic<std::int32_t> fail_sync;      ///< counts down at each sync; that one alone fails, with EIO
  std::array<char, 256> folder;             ///< files below it are meant; ends with a zero
};

Switches* open_switches() {
  const char* file = std::getenv("COUNTERSIGN_FAULTS");
  if (file == nullptr) return nullptr;
  const int fd = ::open(file, O_RDWR | O_CLOEXEC);  // NOLINT(cppcoreguidelines-pro-type-vararg)
  if (fd < 0) return nullptr;
  void* mapped = ::mmap(nullptr, sizeof(Switches), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return mapped == MAP_FAILED ? nullptr : static_cast<Switches*>(mapped);
}

Switches* switches() {
  static Switches* const kSwitches = open_switches();
  return kSwitches;
}

bool is_below_folder(int fd) {
  std::array<char, 64> link{};
  char* end = link.data();
  for (const char c : std::string_view("/proc/self/fd/"))
    *end++ = c;
  std::array<char, 12> digits{};
  int count = 0;
  for (int rest = fd; count == 0 || rest > 0; rest /= 10)
    digits[static_cast<std::size_t>(count++)] = static_cast<char>('0' + rest % 10);
  while (count > 0)
    *end++ = digits[static_cast<std::size_t>(--count)];
  std::array<char, 512> path{};
  const ssize_t length = ::readlink(link.data(), path.data(), path.size());
  const std::string_view folder(switches()->folder.data());
  return length > 0 && !folder.empty() &&
         std::string_view(path.data(), static_cast<std::size_t>(length)).starts_with(folder);
}

/// Counts down without ever passing zero; true for the one who took the last step.
bool count_down(std::atomic<std::int32_t>& counter) {
  std::int32_t left = counter.load();
  while (left > 0)
    if (counter.compare_exchange_weak(left, left - 1)) return left == 1;
  return false;
}

/// Dies here if it is to.
void pass(std::atomic<std::int32_t>& counter) {
  if (count_down(counter)) ::kill(::getpid(), SIGKILL);
}

template <class Call>
auto pass_durable_point(Call call) {
  pass(switches()->die_before);
  const auto done = call();
  switches()->points.fetch_add(1);
  pass(switches()->die_after);
  return done;
}

int sync_file(int fd, long number) {
  const auto really = [&] { return static_cast<int>(::syscall(number, fd)); };
  if (switches() == nullptr || !is_below_folder(fd)) return really();
  return pass_durable_point([&] {
    const int error = count_down(switches()->fail_sync) ? EIO : switches()->sync_error.load();
    if (error == 0) return really();
    switches()->failures.fetch_add(1);
    errno = error;
    return -1;
  });
}

/// How much of `size` may be written; nothing, with errno set, when it is to fail.
ssize_t allowance(int fd, std::size_t size) {
  const auto all = static_cast<ssize_t>(size);
  if (switches() == nullptr) return all;
  const int error = switches()->write_error.load();
  const bool is_short = switches()->short_writes.load() != 0;
  if ((error == 0 && !is_short) || !is_below_folder(fd)) return all;
  switches()->failures.fetch_add(1);
  errno = error;
  if (error != 0) return -1;
  return size > 1 ? all / 2 : all;
}

bool is_database(int fd) {
  const int wanted = switches()->database_port.load();
  if (wanted == 0) return false;
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;  // NOLINT: what it takes
  return peer.sin_family == AF_INET && ntohs(peer.sin_port) == wanted;
}

}  // namespace

extern "C" {

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

ssize_t write(int fd, const void* data, size_t size) {
  const ssize_t allowed = allowance(fd, size);
  return allowed < 0 ? -1 : ::syscall(SYS_write, fd, data, static_cast<std::size_t>(allowed));
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  const ssize_t allowed = allowance(fd, size);
  return allowed < 0 ? -1 : ::syscall(SYS_pwrite64, fd, data, static_cast<std::size_t>(allowed), offset);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t offset) {
  if (count == 1) return pwrite64(fd, parts->iov_base, parts->iov_len, offset);
  if (allowance(fd, 1) < 0) return -1;
  return ::syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  const auto really = [&] { return ::syscall(SYS_sendto, fd, data, size, flags, nullptr, 0); };
  if (switches() == nullptr || switches()->database_port.load() == 0) return really();
  const std::string_view text(static_cast<const char*>(data), size);
  if (text.find("COMMIT") == std::string_view::npos || !is_database(fd)) return really();
  return pass_durable_point(really);
}

int clock_gettime(clockid_t clock, struct timespec* at) {
  const int done = static_cast<int>(::syscall(SYS_clock_gettime, clock, at));
  const bool is_real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (done == 0 && is_real && switches() != nullptr) at->tv_sec += switches()->clock_seconds.load();
  return done;
}

time_t time(time_t* at) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != nullptr) *at = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval* at, void*) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *at = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

}  // extern "C"
