#include "daemon.h"

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "base/files.h"
#include "base/process.h"
#include "net/loop.h"

namespace countersign::apps {
namespace {

int report(const std::string& name, const base::Error& error) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), base::to_string(error).c_str());
  return static_cast<int>(base::to_exit_code(error.kind));
}

}  // namespace

int run_daemon(int argc, char** argv, const Daemon& daemon) try {
  DaemonOptions options;
  CLI::App command(daemon.purpose, daemon.name);
  command.get_formatter()->column_width(34);
  command.set_help_flag("-h,--help", "Print this help and exit");
  command.set_version_flag("--version", daemon.name + " " COUNTERSIGN_VERSION, "Print the version and exit");
  command.add_option("--config", options.config, "The configuration, countersign.toml")->required()->type_name("FILE");
  command.add_option("--ready-file", options.ready_file, "Written once the program listens, with its addresses")
      ->type_name("FILE");
  bool core_dumps = false;
  command.add_flag("--danger-core-dumps", core_dumps,
                   "Let the system dump this process's memory, keys included, and let debuggers attach");
  for (const Daemon::Option& own : daemon.options)
    if (own.is_flag)
      command.add_flag_callback(
          own.flag, [&own] { *own.value = "yes"; }, own.help);
    else command.add_option(own.flag, *own.value, own.help)->type_name(own.type);
  command.footer((daemon.more.empty() ? "" : daemon.more + "\n\n") +
                 "Exit codes: 0 stopped on request, 2 wrong option or configuration, 3 something needed is not\n"
                 "there, 5 failure.");
  try {
    command.parse(argc, argv);
  } catch (const CLI::ParseError& thrown) {
    const bool asked_for_help = thrown.get_exit_code() == 0;
    command.exit(thrown);
    return static_cast<int>(asked_for_help ? base::ExitCode::ok : base::ExitCode::usage);
  }
  if (!core_dumps) base::keep_memory_private();
  const base::SystemClock clock;
  base::GatheringSink sink(STDERR_FILENO);
  const base::Log log({.program = daemon.name}, clock, sink);
  if (core_dumps) log.warning("danger.core_dumps", {{"meaning", "this process's memory may be dumped, keys included"}});
  const base::FileLimit files = base::raise_file_limit();
  log.info("limits.files", {{"before", files.before}, {"now", files.now}});
  auto done = daemon.work({options, clock, log, sink});
  return done ? static_cast<int>(base::ExitCode::ok) : report(daemon.name, done.error());
} catch (const std::exception& thrown) {
  return report(daemon.name, {base::Kind::internal, "unexpected", thrown.what()});
}

base::Result<void> write_ready_file(const std::string& path, const base::Fields& addresses) {
  if (path.empty()) return {};
  net::keep_back_stop_signals();  // whoever waits for the file may ask us to stop at once
  std::string json;
  for (const base::Field& field : addresses)
    json += (json.empty() ? "{" : ",") + base::to_json_string(field.key) + ":" +
            base::to_json_string(std::get<std::string>(field.value));
  return base::write_file(path, json + "}\n", base::FileMode::world_readable);
}

}  // namespace countersign::apps
