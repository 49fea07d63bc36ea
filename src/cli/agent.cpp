#include "cli/agent.h"

#include <algorithm>

#include "base/files.h"
#include "base/process.h"
#include "cli/authority_options.h"
#include "cli/command_tree.h"
#include "cli/text.h"
#include "cli/trust_file.h"

namespace countersign::cli {

/// The authority of one folder. Connects anew for each question: they are months apart.
struct Agent::Desk final : RenewalDesk {
  net::Loop& loop;
  const base::Clock& clock;
  net::Endpoint authority;
  std::filesystem::path trust_chain;

  Desk(net::Loop& l, const base::Clock& c, const KeptFolder& kept)
      : loop(l), clock(c), authority(kept.authority), trust_chain(kept.trust_chain) {}

  net::Task<base::Result<ApiAnswer>> ask(const tls::Credential& held, base::json::object body) override {
    BASE_CO_TRY(TrustFile trust, read_trust_file(trust_chain));
    BASE_CO_TRY(auto set, trust::TrustSet::of_roots(std::move(trust.roots), std::move(trust.issuing_cas)));
    const bool late = is_late_body(body);
    ApiConnection::Options whom{authority, std::move(set), late ? nullptr : &held};
    BASE_CO_TRY(auto target, ApiConnection::believe_authority(std::move(whom), clock));
    ApiConnection connection(loop, std::move(target));
    http::Request request = to_request(late ? kLateRenewals : kRenewals, base::json::serialize(body));
    co_return co_await connection.call(std::move(request), net::Deadline::after(kPatience));
  }
};

namespace {

std::vector<const Keeper*> views_of(const std::vector<std::unique_ptr<Keeper>>& keepers) {
  std::vector<const Keeper*> views;
  for (const auto& keeper : keepers)
    views.push_back(keeper.get());
  return views;
}

http::Response text_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.fields.add("Content-Type", "text/plain; version=0.0.4");
  response.body = std::move(body);
  return response;
}

}  // namespace

base::Result<void> Agent::take(const KeptFolder& kept, const Retries& retries) {
  auto lock = FileLock::acquire(kept.folder / "renewal.lock");
  if (!lock && lock.error().code == "file.locked")
    return base::fail(base::Kind::conflict, "agent.locked",
                      "another `countersign agent` or `countersign renew` works on '" + kept.folder.string() +
                          "': two would renew against each other; stop that one first");
  if (!lock) return base::unexpected(std::move(lock).error());
  locks_.push_back(std::move(*lock));
  desks_.push_back(std::make_unique<Desk>(loop_, parts_.clock, kept));
  for (const trust::Purpose purpose : kept.purposes) {
    Keeper::Options options{.folder = kept.folder,
                            .purpose = purpose,
                            .key_kind = kept.key_kind,
                            .hook = kept.hook,
                            .hook_time = kept.hook_time,
                            .retries = retries,
                            .danger_renew_after = kept.danger_renew_after};
    const Keeper::Parts parts{*desks_.back(), hooks_, parts_.clock, parts_.random, parts_.log};
    keepers_.push_back(std::make_unique<Keeper>(std::move(options), parts));
  }
  if (kept.danger_renew_after)
    parts_.log.warning("danger.renew_after",
                       {{"dir", kept.folder.string()},
                        {"meaning", "certificates are renewed at that age, which may be over and over"}});
  return {};
}

base::Result<std::unique_ptr<Agent>> Agent::make(AgentConfig config, const Parts& parts) {
  std::unique_ptr<Agent> agent(new Agent(parts));
  agent->config_ = std::move(config);
  for (const KeptFolder& kept : agent->config_.folders)
    BASE_TRY_VOID(agent->take(kept, agent->config_.retries));
  return agent;
}

net::Task<void> Agent::look_at_all() {
  for (const auto& keeper : keepers_)
    co_await keeper->look();
  loop_.stop();
}

base::ExitCode Agent::look_once() {
  net::spawn(loop_, look_at_all(), "agent.once", parts_.log);
  loop_.run();
  base::ExitCode worst = base::ExitCode::ok;
  for (const auto& keeper : keepers_)
    worst = std::max(worst, keeper->state().exit_code);
  return worst;
}

std::string Agent::summary() const {
  std::string text;
  for (const auto& keeper : keepers_) {
    const Keeper::State& state = keeper->state();
    std::string found = "as it was; due at " + (state.due ? base::to_rfc3339(*state.due) : "");
    if (state.renewed > 0) found = "renewed; the next is due at " + (state.due ? base::to_rfc3339(*state.due) : "");
    if (state.pending) found = "waits for approval by the provider";
    if (state.failures_in_a_row > 0) found = "FAILED; the log on standard error says why";
    text += printable(keeper->options().folder.string()) + " " + std::string(trust::name(keeper->options().purpose)) +
            ": " + found + "\n";
  }
  return text;
}

base::Result<net::Endpoint> Agent::listen() {
  http::Handler handler = [this](http::Request request) { return answer_status(std::move(request)); };
  BASE_TRY(status_, http::PlainServer::bind(loop_, config_.status, std::move(handler), parts_.log));
  return status_->local();
}

net::Task<void> Agent::keep(Keeper& keeper) {
  for (;;) {
    const base::Duration wait = co_await keeper.look();
    co_await net::sleep_until(net::Deadline::after(wait));
  }
}

net::Task<void> Agent::stop_on_signal() {
  const int signal = co_await net::wait_for_stop_signal(loop_);
  parts_.log.info("agent.stopping", {{"signal", signal}});
  loop_.stop();
}

net::Task<http::Response> Agent::answer_status(http::Request request) {
  const std::string& target = request.head.target;
  if (target == "/live") co_return text_response(200, "live\n");
  if (target == "/metrics") co_return text_response(200, to_metrics(views_of(keepers_)));
  if (target != "/ready") co_return text_response(404, "ask for /live, /ready or /metrics\n");
  if (are_ready(views_of(keepers_), parts_.clock.now())) co_return text_response(200, "ready\n");
  co_return text_response(503, "not every certificate is good now\n");
}

void Agent::run() {
  parts_.log.info("agent.started", {{"certificates", keepers_.size()}, {"status", status_->local().to_string()}});
  net::spawn(loop_, status_->run(), "agent.status", parts_.log);
  net::spawn(loop_, stop_on_signal(), "agent.stop", parts_.log);
  for (const auto& keeper : keepers_)
    net::spawn(loop_, keep(*keeper), "agent.keep", parts_.log);
  loop_.run();
  parts_.log.info("agent.stopped");
}

namespace {

struct AgentOptions {
  std::string config;
  std::string ready_file;
  bool once = false;
};

base::Result<base::ExitCode> run_agent(const AgentOptions& options, Context& context) {
  base::keep_memory_private();
  BASE_TRY(AgentConfig config, AgentConfig::load(options.config));
  const auto sink = base::stderr_sink();
  const base::Log log({.program = "countersign-agent"}, context.clock, *sink);
  crypto::SystemRandom random;
  BASE_TRY(const auto agent, Agent::make(std::move(config), {context.clock, random, log}));
  if (options.once) {
    const base::ExitCode worst = agent->look_once();
    context.out << agent->summary();
    return worst;
  }
  BASE_TRY(const net::Endpoint status, agent->listen());
  net::keep_back_stop_signals();  // whoever waits for the file may ask us to stop at once
  if (!options.ready_file.empty()) {
    const std::string text = base::json::serialize(base::json::object{{"status", status.to_string()}}) + "\n";
    BASE_TRY_VOID(base::write_file(options.ready_file, text, base::FileMode::world_readable));
  }
  agent->run();
  return base::ExitCode::ok;
}

}  // namespace

void add_agent(CommandTree& tree) {
  auto options = std::make_shared<AgentOptions>();
  CLI::App& app =
      tree.command(tree.root(), "agent", "Keep certificates fresh: renew in time, run hooks, tell how it goes",
                   [options](Context& context) { return run_agent(*options, context); });
  app.add_option("--config", options->config, "agent.toml: which certificates, where the authority is, which hooks")
      ->required()
      ->type_name(kFile);
  app.add_flag("--once", options->once, "Look once at each certificate, do what is due, and end: for timers");
  app.add_option("--ready-file", options->ready_file, "Written once it serves, with the address of its status listener")
      ->type_name(kFile);
  tree.explain(
      app,
      "Each certificate is renewed after two thirds of its life, a little later by chance. It may be killed and\n"
      "started again at any time. Logs JSON lines to standard error; ends at SIGTERM with exit code 0.\n"
      "With --once, exit code 3 also says that people must approve first.");
}

}  // namespace countersign::cli
