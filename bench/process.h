// Process: a server under measurement: started, its CPU time and memory as the operating system accounts them, stopped.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace countersign::bench {

/// A program and its children; stopped when this dies.
class Process {
 public:
  /// Starts `arguments`, standard output and error into `log`. The program's failure shows when nobody listens.
  static Process start(const std::vector<std::string>& arguments, const std::filesystem::path& log);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  /// Seconds of CPU of the program, its children and all their threads, in nanoseconds' resolution (schedstat).
  double cpu_seconds() const;
  /// Resident memory that belongs to it (Pss), in bytes.
  double resident_bytes() const;
  bool runs() const;

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  std::vector<pid_t> family() const;
  pid_t pid_;
};

/// A free port of 127.0.0.1, as far as anybody can say beforehand.
int free_port();
/// Waits until somebody accepts on 127.0.0.1:`port`, or ends this program, telling what `log` holds.
void wait_until_listening(const Process& process, int port, const std::filesystem::path& log);

}  // namespace countersign::bench
