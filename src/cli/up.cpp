// `countersign up`: the whole platform on one machine, with supervised children and nothing to set up first.
#include <algorithm>
#include <thread>

#include <unistd.h>

#include "base/files.h"
#include "cli/authority_options.h"
#include "cli/command_tree.h"
#include "cli/provision.h"
#include "cli/run.h"
#include "cli/supervisor.h"
#include "cli/text.h"
#include "cli/up_folder.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;
namespace json = base::json;

constexpr const char* kAuthority = "authority";
constexpr const char* kGateway = "gateway";
constexpr const char* kEhi = "ehi";
constexpr int kLooksAtPorts = 10;
constexpr auto kBetweenLooks = std::chrono::milliseconds(200);

struct UpOptions {
  std::string data = "countersign-data";
  UpSettings settings;
  std::vector<std::string> without;
  std::string ready_file;
  bool json = false;
};

class Up {
 public:
  Up(const UpOptions& options, Supervisor supervisor, UpConfig config, std::unique_ptr<base::LogSink> log_file,
     Context& context)
      : options_(options),
        data_(fs::absolute(options.data).lexically_normal()),
        context_(context),
        supervisor_(std::move(supervisor)),
        config_(std::move(config)),
        log_file_(std::move(log_file)),
        running_{{"pid", ::getpid()}, {"data", data_.string()}} {}
  base::Result<base::ExitCode> run();

 private:
  using Kind = Supervisor::Event::Kind;
  bool wanted(const std::string& name) const {
    return std::ranges::find(options_.without, name) == options_.without.end();
  }
  base::Result<Program> program(const std::string& name) const;
  std::optional<base::Error> hopelessness(const Supervisor::Event& event) const;
  /// True when it serves, false when we were asked to stop before.
  base::Result<bool> start_and_wait(const std::string& name);
  base::Result<bool> start_data_planes();
  base::Result<void> check_ports() const;
  base::Result<bool> start_all();
  base::Result<void> serve();
  void watch();
  base::Result<void> after_restart(const std::string& name);
  base::Result<void> restart_data_planes();
  base::Result<void> note_addresses(const std::string& name);
  base::Result<void> announce();
  void print_banner(const json::object& running);
  void tell(const Supervisor::Event& event);
  void stop_all();

  const UpOptions& options_;
  fs::path data_;
  Context& context_;
  Supervisor supervisor_;
  UpConfig config_;
  std::unique_ptr<base::LogSink> log_file_;
  json::object running_;     ///< one flat object of what runs where, out of the programs' ready files
  std::string planes_call_;  ///< the authority's internal address when the data planes were started
};

base::Result<json::object> read_object(const fs::path& file) {
  BASE_TRY(const std::string text, base::read_file(file));
  BASE_TRY(const json::value value, base::parse_json(text));
  if (value.is_object()) return value.get_object();
  return base::fail(base::Kind::corrupt, "ready.malformed", "'" + file.string() + "' holds no JSON object");
}

base::Result<Program> Up::program(const std::string& name) const {
  BASE_TRY(fs::path file, find_program("countersign-" + name));
  Program program{.name = name,
                  .file = std::move(file),
                  .arguments = {"--config", (data_ / "countersign.toml").string()},
                  .log = data_ / "log" / (name + ".log"),
                  .ready_file = data_ / "run" / (name + ".json"),
                  .may_know_passphrase = name == kAuthority};
  if (name == kAuthority || !config_.gateway_authority_host) return program;
  BASE_TRY(const net::Endpoint internal, net::Endpoint::parse(member(running_, "internal")));
  const net::Endpoint called{*config_.gateway_authority_host, internal.port};
  program.arguments.insert(program.arguments.end(), {"--authority", called.to_string()});
  return program;
}

/// On the terminal and in DATA/log/up.log.
void Up::tell(const Supervisor::Event& event) {
  const bool ready = event.kind == Kind::ready;
  context_.err << base::to_rfc3339(context_.clock.now()) << " " << event.program << " "
               << (ready ? "is ready again" : event.detail) << std::endl;
  const base::Log log({.program = "countersign up"}, context_.clock, *log_file_);
  const auto level = ready                         ? base::Level::info
                     : event.kind == Kind::failing ? base::Level::error
                                                   : base::Level::warning;
  log.event(level,
            ready                         ? "up.ready"
            : event.kind == Kind::failing ? "up.failing"
                                          : "up.ended",
            {{"child", event.program}, {"detail", event.detail}});
}

/// Nothing while there is hope that the program will run.
std::optional<base::Error> Up::hopelessness(const Supervisor::Event& event) const {
  if (event.kind != Kind::gave_up && event.kind != Kind::wrong_configuration) return std::nullopt;
  const bool ours_to_mend = event.kind == Kind::wrong_configuration;
  const std::string busy = busy_addresses(config_, {event.program});
  return base::Error{ours_to_mend ? base::Kind::invalid : base::Kind::unavailable, "up.cannot_start",
                     "countersign-" + event.program + " " + event.detail + (busy.empty() ? "" : "\n  " + busy) +
                         "\n  The whole log: " + (data_ / "log" / (event.program + ".log")).string()};
}

base::Result<bool> Up::start_and_wait(const std::string& name) {
  BASE_TRY(Program wanted_program, program(name));
  supervisor_.keep_running(std::move(wanted_program));
  for (;;) {
    const Supervisor::Event event = supervisor_.next();
    if (event.kind == Kind::stop) return false;
    if (auto error = hopelessness(event)) return base::unexpected(std::move(*error));
    if (event.kind == Kind::ready && event.program == name) return true;
    tell(event);
  }
}

base::Result<bool> Up::start_data_planes() {
  for (const char* name : {kGateway, kEhi}) {
    if (!wanted(name)) continue;
    BASE_TRY(const bool ready, start_and_wait(name));
    if (!ready) return false;
    BASE_TRY_VOID(note_addresses(name));
  }
  planes_call_ = member(running_, "internal");
  return true;
}

/// Before anything is started: all that is taken, at once. An `up` that was killed may still be letting go of its
/// ports.
base::Result<void> Up::check_ports() const {
  std::vector<std::string> programs;
  for (const char* name : {kAuthority, kGateway, kEhi})
    if (wanted(name)) programs.emplace_back(name);
  std::string busy = busy_addresses(config_, programs);
  for (int look = 0; look < kLooksAtPorts && !busy.empty(); ++look) {
    std::this_thread::sleep_for(kBetweenLooks);
    busy = busy_addresses(config_, programs);
  }
  if (busy.empty()) return {};
  return base::fail(base::Kind::unavailable, "up.ports_taken", "nothing was started:" + busy);
}

base::Result<bool> Up::start_all() {
  for (const char* name : {kAuthority, kGateway, kEhi})  // before anything is started: is all there?
    if (wanted(name)) BASE_TRY_VOID(find_program(std::string("countersign-") + name));
  BASE_TRY_VOID(check_ports());
  context_.err << "Starting the authority"
               << (fs::exists(config_.authority_data) ? "" : " (the first time: it makes its keys)") << " ..."
               << std::endl;
  BASE_TRY(const bool ready, start_and_wait(kAuthority));
  if (!ready) return false;
  BASE_TRY_VOID(note_addresses(kAuthority));
  BASE_TRY(const net::Endpoint api, net::Endpoint::parse(member(running_, "api")));
  BASE_TRY_VOID(copy_trust_chains(config_, data_));
  BASE_TRY_VOID(provision(api, config_, context_));
  context_.err << "Starting the data planes ..." << std::endl;
  return start_data_planes();
}

base::Result<void> Up::restart_data_planes() {
  supervisor_.stop({kGateway, kEhi});
  for (const char* name : {kGateway, kEhi}) {
    if (!wanted(name)) continue;
    BASE_TRY(Program wanted_program, program(name));
    supervisor_.keep_running(std::move(wanted_program));
  }
  planes_call_ = member(running_, "internal");
  return {};
}

/// A restarted authority has another port where the port is left to the system: the data planes must learn it.
base::Result<void> Up::after_restart(const std::string& name) {
  BASE_TRY_VOID(note_addresses(name));
  if (config_.gateway_authority_host && planes_call_ != member(running_, "internal"))
    BASE_TRY_VOID(restart_data_planes());
  return announce();
}

/// Until we are asked to stop. Whatever happens to one program, the others go on.
void Up::watch() {
  supervisor_.never_give_up();
  for (;;) {
    const Supervisor::Event event = supervisor_.next();
    if (event.kind == Kind::stop) return;
    tell(event);
    if (event.kind != Kind::ready) continue;
    if (auto done = after_restart(event.program); !done) print_error(context_.err, done.error());
  }
}

base::Result<void> Up::note_addresses(const std::string& name) {
  BASE_TRY(const json::object ready, read_object(data_ / "run" / (name + ".json")));
  if (name == kAuthority) {
    running_["api"] = member(ready, "api");
    running_["internal"] = member(ready, "internal");
    running_["authority_status"] = member(ready, "authority_status");
  } else {
    running_[name] = member(ready, "listen");
    running_[name + "_status"] = member(ready, "status");
  }
  return {};
}

base::Result<void> Up::announce() {
  const std::string text = json::serialize(running_) + "\n";
  BASE_TRY_VOID(base::write_file(data_ / kRunningFile, text, base::FileMode::owner_only));
  if (options_.ready_file.empty()) return {};
  return base::write_file(options_.ready_file, text, base::FileMode::owner_only);
}

void Up::print_banner(const json::object& running) {
  if (options_.json) {
    context_.out << json::serialize(running) << std::endl;
    return;
  }
  const std::string data = options_.data == "countersign-data" ? "" : " --data " + shell_word(options_.data);
  const std::string upstream = config_.upstreams.empty() ? "" : ", forwards to http://" + config_.upstreams.front();
  std::ostream& out = context_.out;
  out << "\nCountersign is up; its data are in " << data_.string() << "\n\n";
  out << "  authority   https://" << member(running, "api") << "   for countersign admin and request\n";
  out << "  revocation  http://" << member(running, "authority_status") << "    CRLs and OCSP, for anybody\n";
  if (wanted(kGateway))
    out << "  gateway     https://" << member(running, kGateway) << "   mutual TLS" << upstream << "\n";
  if (wanted(kEhi))
    out << "  EHI sender  https://" << member(running, kEhi) << "   for your own systems: calls partners' servers\n";
  out << "  settings    " << (data_ / "countersign.toml").string() << "\n  logs        " << (data_ / "log").string()
      << "/\n\n";
  out << "Next, in another terminal, let a partner's application in (once for each partner, such as acme):\n"
      << "  countersign admin org create acme" << data << "\n"
      << "  countersign admin app create production/acme/payments" << data << "\n"
      << "  countersign admin enrol production/acme/payments" << data << "\n"
      << "The last prints a one-time code and the command that turns it into a certificate.\n\nCtrl-C stops everything."
      << std::endl;
}

void Up::stop_all() {
  context_.err << "Stopping ..." << std::endl;
  supervisor_.stop({kGateway, kEhi});
  supervisor_.stop({kAuthority});
  context_.err << "Stopped." << std::endl;
}

base::Result<void> Up::serve() {
  BASE_TRY_VOID(end_first_run(data_));
  BASE_TRY_VOID(announce());
  print_banner(running_);
  watch();
  return {};
}

base::Result<base::ExitCode> Up::run() {
  auto all_started = start_all();
  if (!all_started || !*all_started) {
    stop_all();
    if (!all_started) return base::unexpected(std::move(all_started).error());
    return base::ExitCode::ok;
  }
  auto watched = serve();
  stop_all();
  if (!watched) return base::unexpected(std::move(watched).error());
  return base::ExitCode::ok;
}

/// What an earlier run left that says it serves.
void remove_announcements(const UpOptions& options) {
  std::error_code ignored;
  fs::remove(fs::path(options.data) / kRunningFile, ignored);
  if (!options.ready_file.empty()) fs::remove(options.ready_file, ignored);
}

base::Result<base::ExitCode> up(const UpOptions& options, Context& context) {
  if (options.settings.upstream) BASE_TRY_VOID(net::Endpoint::parse(*options.settings.upstream));
  const fs::path data = options.data;
  BASE_TRY(const FileLock lock, lock_data_folder(data));
  remove_announcements(options);
  for (const fs::path& folder : {data / "log", data / "run"})
    BASE_TRY_VOID(base::make_folder(folder));
  BASE_TRY_VOID(rotate_logs(data / "log"));
  BASE_TRY_VOID(prepare_config(data, options.settings));
  BASE_TRY(UpConfig config, read_up_config(data / "countersign.toml", options.settings));
  BASE_TRY(Supervisor supervisor, Supervisor::make());
  BASE_TRY(auto log_file, base::file_sink((data / "log" / "up.log").string()));
  Up whole(options, std::move(supervisor), std::move(config), std::move(log_file), context);
  auto done = whole.run();
  remove_announcements(options);
  return done;
}

}  // namespace

void add_up(CommandTree& tree) {
  auto options = std::make_shared<UpOptions>();
  UpSettings& settings = options->settings;
  CLI::App& app =
      tree.command(tree.root(), "up", "Run the whole platform on this machine: authority, gateway, EHI sender",
                   [options](Context& context) { return up(*options, context); });
  app.add_option("--data", options->data, "Where everything is kept; made on the first run")
      ->envname("COUNTERSIGN_DATA")
      ->type_name(kFolder)
      ->capture_default_str();
  app.add_option("--provider", settings.provider,
                 "Your organisation's name, for the CA certificates [Example Payments]")
      ->type_name("NAME");
  add_choice(app, "--environment", settings.environment, {"uat", "production"},
             "Whose certificates open the gateway [production]");
  app.add_option("--upstream", settings.upstream, "Where the gateway forwards to [127.0.0.1:8080]")
      ->type_name("HOST:PORT");
  app.add_option("--api-port", settings.api_port, "Of the authority's API [9443]")->type_name("PORT");
  app.add_option("--internal-port", settings.internal_port, "Of the trust feed [9444]")->type_name("PORT");
  app.add_option("--status-port", settings.status_port, "Of CRLs and OCSP [9080]")->type_name("PORT");
  app.add_option("--gateway-port", settings.gateway_port, "[8443]")->type_name("PORT");
  app.add_option("--gateway-status-port", settings.gateway_status_port, "[9100]")->type_name("PORT");
  app.add_option("--ehi-port", settings.ehi_port, "[7080]")->type_name("PORT");
  app.add_option("--ehi-status-port", settings.ehi_status_port, "[9102]")->type_name("PORT");
  add_choices(app, "--without", options->without, {"gateway", "ehi"}, "Leave this program out; repeatable");
  app.add_option("--ready-file", options->ready_file, "Write the addresses there, as JSON, once everything serves")
      ->type_name(kFile);
  app.add_flag("--json", options->json, "Print the addresses as JSON instead of the banner");
  tree.explain(
      app,
      "The settings and ports shape DATA/countersign.toml until everything has been ready once; then that file rules.\n"
      "Port 0 lets the system choose; the other commands find the real one through --data.");
}

}  // namespace countersign::cli
