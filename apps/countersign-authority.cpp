// countersign-authority: registry, Certificate Authority, enrolment, trust feed.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <CLI/CLI.hpp>
#include <sys/types.h>

#include "authority/passphrase.h"
#include "authority/service.h"
#include "base/exit_code.h"
#include "daemon.h"

namespace {

using namespace countersign;

struct Options {
  std::string config;
  std::string ready_file;
  std::string crash_at;
};

/// Dies at one step of issuance as if the plug was pulled: no destructor, no flush. For tests of recovery.
class CrashAt final : public authority::StepObserver {
 public:
  explicit CrashAt(authority::Step step) : step_(step) {}
  base::Result<void> reached(authority::Step step) override {
    if (step == step_) ::kill(::getpid(), SIGKILL);
    return {};
  }

 private:
  authority::Step step_;
};

base::Result<std::unique_ptr<authority::StepObserver>> make_observer(const Options& options, const base::Log& log) {
  if (options.crash_at.empty()) return std::make_unique<authority::NoObserver>();
  BASE_TRY(const authority::Step step, authority::parse_step(options.crash_at));
  log.warning("danger.crash_at",
              {{"step", authority::name(step)}, {"meaning", "this process kills itself at that step of issuance"}});
  return std::make_unique<CrashAt>(step);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

base::Result<base::Secret> find_passphrase(const authority::Settings& settings, crypto::Random& random,
                                           const base::Log& log) {
  const authority::DataFolder folder(settings.data);
  authority::PassphraseSources sources;
  if (std::getenv("COUNTERSIGN_PASSPHRASE") != nullptr) sources.environment = environment("COUNTERSIGN_PASSPHRASE");
  sources.credentials_directory = environment("CREDENTIALS_DIRECTORY");
  sources.configured_file = settings.passphrase_file;
  sources.file_beside_keys = folder.passphrase();
  sources.may_make_file = !std::filesystem::exists(folder.keys());
  BASE_TRY(auto found, authority::find_passphrase(sources, random));
  if (found.lies_beside_keys)
    log.warning("passphrase.beside_keys",
                {{"file", folder.passphrase().string()},
                 {"remedy", "set authority.passphrase_file to a file that is kept elsewhere"}});
  return std::move(found.secret);
}

net::Task<void> run_until_stopped(net::Loop& loop, authority::Service& service, const base::Log& log) {
  const int signal = co_await net::wait_for_stop_signal(loop);
  log.info("authority.stopping", {{"signal", signal}});
  co_await service.drain();
  loop.stop();
}

base::Result<void> run(const Options& options, const base::Clock& clock, const base::Log& log) {
  BASE_TRY(const auto settings, authority::Settings::load(options.config));
  crypto::SystemRandom random;
  BASE_TRY(const auto observer, make_observer(options, log));
  BASE_TRY(const auto passphrase, find_passphrase(settings, random, log));

  net::Loop loop;
  authority::FeedBell bell(loop);
  BASE_TRY(const auto authority,
           authority::Authority::open(settings, passphrase, {clock, random, log, *observer, bell}));
  net::Worker worker;
  BASE_TRY(const auto service, authority::Service::make(settings, {*authority, loop, worker, log}, bell));
  service->start();

  const std::string api = service->api_at().to_string();
  const std::string internal = service->internal_at().to_string();
  log.info("authority.listening", {{"api", api}, {"internal", internal}});
  BASE_TRY_VOID(apps::write_ready_file(options.ready_file, {{"api", api}, {"internal", internal}}));
  net::spawn(loop, run_until_stopped(loop, *service, log), "authority.stop", log);
  loop.run();
  log.info("authority.stopped");
  return {};
}

int report(const base::Error& error) {
  std::fprintf(stderr, "countersign-authority: %s\n", base::to_string(error).c_str());
  return static_cast<int>(base::to_exit_code(error.kind));
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App command("Issues, revokes and publishes certificates.", "countersign-authority");
  command.add_option("--config", options.config, "the configuration, countersign.toml")->required();
  command.add_option("--ready-file", options.ready_file, "written once the program listens, with its addresses");
  command.add_option("--danger-crash-at", options.crash_at,
                     "for tests: kill this process at a step of issuance (after_check, after_lint, after_record, "
                     "after_sign, after_publish)");
  command.footer(
      "Exit codes: 0 stopped on request, 2 wrong option or configuration, 3 something needed is not there, 5 failure.");
  try {
    command.parse(argc, argv);
  } catch (const CLI::ParseError& thrown) {
    const bool asked_for_help = thrown.get_exit_code() == 0;
    command.exit(thrown);
    return static_cast<int>(asked_for_help ? base::ExitCode::ok : base::ExitCode::usage);
  }
  const base::SystemClock clock;
  const auto sink = base::stderr_sink();
  const base::Log log({.program = "countersign-authority"}, clock, *sink);
  auto done = run(options, clock, log);
  return done ? static_cast<int>(base::ExitCode::ok) : report(done.error());
} catch (const std::exception& thrown) {
  return report({base::Kind::internal, "unexpected", thrown.what()});
}
