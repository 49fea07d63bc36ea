// countersign-authority: registry, Certificate Authority, enrolment, trust feed.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <sys/types.h>

#include "authority/doors/ehi_check_desk.h"
#include "authority/doors/notice_desk.h"
#include "authority/doors/service.h"
#include "authority/doors/status_keeper.h"
#include "authority/doors/status_listener.h"
#include "authority/secrets/passphrase.h"
#include "authority/secrets/token_pin.h"
#include "daemon.h"

namespace {

using namespace countersign;

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

base::Result<std::unique_ptr<authority::StepObserver>> make_observer(const std::string& crash_at,
                                                                     const base::Log& log) {
  if (crash_at.empty()) return std::make_unique<authority::NoObserver>();
  BASE_TRY(const authority::Step step, authority::parse_step(crash_at));
  log.warning("danger.crash_at",
              {{"step", authority::name(step)}, {"meaning", "this process kills itself at that step of issuance"}});
  return std::make_unique<CrashAt>(step);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// What the variable says; afterwards neither a child nor /proc/PID/environ can tell it.
base::Secret take_from_environment(const char* name) {
  char* value = std::getenv(name);
  if (value == nullptr) return {};
  base::Secret taken{std::string_view(value)};
  ::explicit_bzero(value, std::strlen(value));
  ::unsetenv(name);
  return taken;
}

base::SecretSources sources_of(const char* variable, const std::filesystem::path& configured_file) {
  base::SecretSources sources;
  if (std::getenv(variable) != nullptr) sources.environment.emplace(take_from_environment(variable).reveal_text());
  sources.credentials_directory = environment("CREDENTIALS_DIRECTORY");
  sources.configured_file = configured_file;
  return sources;
}

void wipe(base::SecretSources& sources) {
  if (sources.environment) ::explicit_bzero(sources.environment->data(), sources.environment->size());
}

base::Result<base::Secret> find_passphrase(const authority::Settings& settings, crypto::Random& random,
                                           const base::Log& log) {
  const authority::DataFolder folder(settings.data);
  authority::PassphraseSources sources;
  sources.given = sources_of("COUNTERSIGN_PASSPHRASE", settings.passphrase_file);
  sources.file_beside_keys = folder.passphrase();
  sources.may_make_file = !std::filesystem::exists(folder.keys());
  auto looked = authority::find_passphrase(sources, random);
  wipe(sources.given);
  BASE_TRY(auto found, std::move(looked));
  if (found.lies_beside_keys)
    log.warning("passphrase.beside_keys",
                {{"file", folder.passphrase().string()},
                 {"remedy", "set authority.passphrase_file to a file that is kept elsewhere"}});
  return std::move(found.secret);
}

/// Empty where no token is configured.
base::Result<base::Secret> find_token_pin(const authority::Settings& settings) {
  auto sources = sources_of("COUNTERSIGN_TOKEN_PIN", settings.token ? settings.token->pin_file : "");
  base::Result<base::Secret> found = base::Secret();
  if (settings.token) found = authority::find_token_pin(sources);
  wipe(sources);
  return found;
}

net::Task<void> run_until_stopped(net::Loop& loop, authority::Service& service, const base::Log& log) {
  const int signal = co_await net::wait_for_stop_signal(loop);
  log.info("authority.stopping", {{"signal", signal}});
  co_await service.drain();
  loop.stop();
}

/// What certificates name as the place of their status: as configured, else the listener's own address.
base::Result<authority::StatusUrls> status_urls(const authority::Settings& settings, const net::Endpoint& at) {
  if (!settings.status_url.empty()) return settings.status_url;
  if (at.port == 0) return authority::StatusUrls();
  return authority::StatusUrls::parse("http://" + at.to_string());
}

struct Options {
  std::string crash_at;
  std::string new_operator;  ///< "yes": make one, and end
};

base::Result<void> run(const apps::DaemonContext& context, const Options& options) {
  const base::Clock& clock = context.clock;
  const base::Log& log = context.log;
  BASE_TRY(const auto settings, authority::Settings::load(context.options.config));
  crypto::SystemRandom random;
  BASE_TRY(const auto observer, make_observer(options.crash_at, log));
  BASE_TRY(const auto passphrase, find_passphrase(settings, random, log));
  BASE_TRY(const auto token_pin, find_token_pin(settings));

  net::Loop loop;
  authority::FeedBell bell(loop);
  if (!options.new_operator.empty()) {
    BASE_TRY(const auto urls, status_urls(settings, settings.status_listen));
    BASE_TRY(const auto authority,
             authority::Authority::open(settings, passphrase, {clock, random, log, *observer, bell, urls, &token_pin}));
    BASE_TRY_VOID(authority->make_new_operator());
    log.warning("operator.recovered", {{"folder", authority->folder().operator_folder().string()}});
    return {};
  }
  // Bound first: certificates name its address, and the first ones are issued when the authority opens.
  BASE_TRY(auto bound, authority::StatusListener::bind(settings.status_listen, log));
  BASE_TRY(const auto urls, status_urls(settings, bound->local()));
  BASE_TRY(const auto authority,
           authority::Authority::open(settings, passphrase, {clock, random, log, *observer, bell, urls, &token_pin}));
  net::keep_back_stop_signals();  // threads that begin from here on have it from this one
  net::Worker worker;
  BASE_TRY(const auto service, authority::Service::make(settings, {*authority, loop, worker, log}, bell));
  authority::StatusKeeper keeper({*authority, loop, worker, bell, log});
  BASE_TRY_VOID(keeper.open(urls));
  BASE_TRY(const auto notices, authority::NoticeDesk::make(settings.notices, {*authority, loop, worker, log}));
  std::optional<authority::EhiCheckDesk> checks;
  if (settings.ehi_checks)
    checks.emplace(authority::EhiCheckDesk::Parts{*authority, loop, worker, log}, *settings.ehi_checks);
  const auto status_listener = std::move(bound);  // ends before the authority that it reads
  status_listener->start(authority->status().published(), clock);
  service->start();
  notices->start();
  if (checks) checks->start();
  net::spawn(loop, keeper.run(), "status.keeper", log);

  const std::string api = service->api_at().to_string();
  const std::string internal = service->internal_at().to_string();
  const std::string status = status_listener->local().to_string();
  log.info("authority.listening",
           {{"api", api}, {"internal", internal}, {"status", status}, {"status_url", urls.base()}});
  BASE_TRY_VOID(apps::write_ready_file(context.options.ready_file,
                                       {{"api", api}, {"internal", internal}, {"authority_status", status}}));
  net::spawn(loop, run_until_stopped(loop, *service, log), "authority.stop", log);
  loop.run();
  status_listener->stop();
  log.info("authority.stopped");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return apps::run_daemon(
      argc, argv,
      {.name = "countersign-authority",
       .purpose = "Issues, revokes and publishes certificates.",
       .options =
           {{"--danger-crash-at",
             "for tests: kill this process at a step of issuance (after_check, after_lint, after_record, "
             "after_sign, after_publish), of making CRLs (after_crl_record, after_crl_sign, "
             "after_crl_publish), or of a rotation (after_ca_claim, after_ca_key, after_ca_record, after_ca_sign, "
             "after_ca_change)",
             &options.crash_at},
            {.flag = "--new-operator",
             .help = "recovery, while the authority is stopped: make operator/admin.key and admin.pem anew in "
                     "its data folder, resume that application if it is suspended, and end. Needs the "
                     "passphrase of the keys; audited. Then revoke the certificate that was lost",
             .value = &options.new_operator,
             .is_flag = true}},
       .work = [&](const apps::DaemonContext& context) { return run(context, options); }});
}
