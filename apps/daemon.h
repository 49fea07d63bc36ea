// What the long-running programs share: their command line, their log, their ready file, and how they end.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/exit_code.h"
#include "base/gathering_sink.h"
#include "base/log.h"
#include "base/result.h"

namespace countersign::apps {

struct DaemonOptions {
  std::string config;      ///< path of countersign.toml
  std::string ready_file;  ///< written once the program listens; empty: none
};

struct DaemonContext {
  const DaemonOptions& options;
  const base::Clock& clock;
  const base::Log& log;
  base::GatheringSink& sink;  ///< of the log
};

struct Daemon {
  std::string name;
  std::string purpose;  ///< one sentence for --help
  struct Option {
    std::string flag;
    std::string help;
    std::string* value = nullptr;  ///< filled in before `work` runs; of a flag, with "yes" when it was given
    bool is_flag = false;          ///< takes no value
    std::string type = "VALUE";    ///< of the value, as --help names it
  };
  std::vector<Option> options = {};  ///< beside --config and --ready-file
  std::string more = "";             ///< for --help: what else the program can do
  std::function<base::Result<void>(const DaemonContext&)> work;
};

/// Parses the command line, runs the daemon's work with a log on standard error and turns its error into a message and
/// an exit code. Exceptions that reach it are our own fault and end the program with ExitCode::failed.
int run_daemon(int argc, char** argv, const Daemon& daemon);

/// {"KEY":"HOST:PORT",...}: tells whoever started us that we listen, and where. Fails: `file.unwritable`.
base::Result<void> write_ready_file(const std::string& path, const base::Fields& addresses);

}  // namespace countersign::apps
