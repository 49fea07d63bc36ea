// Child: one program of ours, started so that it cannot outlive us.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace countersign::cli {

struct Program {
  std::string name;  ///< as people call it: "gateway"
  std::filesystem::path file;
  std::vector<std::string> arguments;  ///< without the program's own name and --ready-file
  std::filesystem::path log;           ///< standard output and error are appended here
  std::filesystem::path ready_file;    ///< the program writes it when it serves; removed before each start
  bool may_know_passphrase = false;    ///< else our environment is passed on without where that of the CA keys is
};

/// Starts it in a process group of its own, so that Ctrl-C reaches only us; the kernel kills it if we die first.
/// Fails: `program.start`.
base::Result<pid_t> start(const Program& program);

/// "ended with exit code 3" or "was killed by signal 9 (Killed)", from waitpid's status.
std::string describe_end(int status);

/// The file of one of our programs: beside the running one, else in PATH. Fails: `program.missing`, naming where it was
/// looked for.
base::Result<std::filesystem::path> find_program(const std::string& name);

}  // namespace countersign::cli
