#include "gateway/gateway.h"

#include <algorithm>
#include <array>

#include <unistd.h>

#include "crypto/random.h"
#include "gateway/observe/histogram.h"
#include "gateway/readiness.h"

namespace countersign::gateway {
namespace {

http::Response text_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.fields.add("Content-Type", "text/plain; version=0.0.4");
  response.body = std::move(body);
  return response;
}

/// Of the time to drain, how much of it clients that are between two requests are waited for.
constexpr int kQuarters = 4;

net::Task<void> ask_before(net::Loop& loop, std::filesystem::path path,
                           base::Result<std::optional<Inheritance>>& outcome) {
  outcome = co_await Inheritance::ask(loop, std::move(path));
}

net::Task<void> wait_for_leave(Inheritance& inheritance, base::Result<void>& outcome) {
  outcome = co_await inheritance.be_ready();
  // Before we accept anybody: who ends before this had nobody, and the other one has never stopped.
  if (outcome) co_await inheritance.confirm();
}

}  // namespace

base::Result<std::unique_ptr<Gateway>> Gateway::make(ConfigSource source, const base::Clock& clock,
                                                     const base::Log& log, const RecordsOut* records) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(source), clock, log, records));
  BASE_TRY(auto config, gateway->source_.read());
  BASE_TRY_VOID(gateway->begin(std::move(config)));
  return gateway;
}

base::Result<void> Gateway::learn(const GatewayConfig& config) {
  feed::DataPlane::Options options{.data = config.data,
                                   .authority = config.authority,
                                   .trust_chain = config.trust_chain,
                                   .other_roots = trust_files(config)};
  options.other_roots.push_back(config.partner_chain);
  BASE_TRY(plane_, feed::DataPlane::make(std::move(options), clock_, log_));
  signing_ = std::make_unique<MessageSigning>(plane_->knowledge(), clock_, log_);
  token_rings_ = std::make_unique<TokenRings>(plane_->knowledge(), log_);
  token_rings_->refresh();
  return {};
}

/// Off until a generation says where they go.
base::Result<void> Gateway::prepare_spans() {
  crypto::SystemRandom random;
  std::array<std::uint8_t, 16> instance;
  BASE_TRY_VOID(random.fill(instance));
  spans_ = std::make_unique<SpanExporter>(SpanExporter::Limits{}, base::to_hex(instance), log_);
  return {};
}

base::Result<void> Gateway::prepare_stapling() {
  crypto::SystemRandom random;
  BASE_TRY(const Dice dice, Dice::make(random));
  staples_ = std::make_unique<StapleKeeper>(StapleKeeper::Options{}, dice, clock_, log_);
  return {};
}

/// The sockets of a gateway that runs already, where this one is meant to follow it; and for what that has none, those
/// that a service manager opened.
base::Result<void> Gateway::inherit(const GatewayConfig& config, std::vector<Door> given) {
  BASE_TRY(auto doors, ask_predecessor(config));
  for (Door& door : given)
    if (std::ranges::find(doors, door.name, &Door::name) == doors.end()) doors.push_back(std::move(door));
  doors_ = Doors(std::move(doors));
  return {};
}

base::Result<std::vector<Door>> Gateway::ask_predecessor(const GatewayConfig& config) {
  if (config.handover.empty()) return std::vector<Door>();
  BASE_TRY(own_command_, base::OwnCommand::of_this_process());
  base::Result<std::optional<Inheritance>> outcome = std::optional<Inheritance>();
  net::spawn(plane_->loop(), ask_before(plane_->loop(), config.handover, outcome), "gateway.inherit", log_);
  plane_->loop().run();
  if (!outcome) return base::unexpected(std::move(outcome).error());
  inheritance_ = std::move(*outcome);
  return inheritance_ ? inheritance_->take_doors() : std::vector<Door>();
}

base::Result<void> Gateway::succeed() {
  if (!inheritance_) return {};
  base::Result<void> outcome;
  net::spawn(plane_->loop(), wait_for_leave(*inheritance_, outcome), "gateway.succeed", log_);
  plane_->loop().run();
  return outcome;
}

std::vector<Gateway::ListeningAt> Gateway::listening_at() const {
  std::vector<ListeningAt> all;
  for (const ListenerConfig& listener : config().listeners)
    all.push_back({listener.name, doors_.find(door_of(listener))->sockets.front().local()});
  return all;
}

void Gateway::say_what_is_weak() const {
  const auto say_plain = [this](const std::string& upstream) {
    log_.warning(
        "danger.plain_upstream",
        {{"upstream", upstream}, {"meaning", "partners' requests and identities cross the network in the clear"}});
  };
  for (const Route& route : config().routes) {
    if (route.access != policy::Access::by_grant)
      log_.info("gateway." + std::string(policy::name(route.access)),
                {{"host", route.host},
                 {"path", route.path},
                 {"meaning", route.access == policy::Access::anyone
                                 ? "whoever a listener lets in may use this route, without a certificate, too"
                                 : "every partner of this environment may use this route"}});
    if (route.danger_plain_upstream) say_plain(route.upstream.to_string());
    if (route.signatures && !route.signatures->danger_content_only.empty())
      log_.warning("danger.content_only_signatures",
                   {{"path", route.path},
                    {"meaning",
                     "signatures that cover the content alone are taken: a copy of it can be sent again, and "
                     "to another place"}});
  }
  for (const UpstreamSettings& upstream : config().upstreams)
    if (upstream.danger_plain) say_plain(upstream.name);
  if (config().telemetry && config().telemetry->danger_plain)
    log_.warning("danger.plain_telemetry", {{"endpoint", config().telemetry->endpoint},
                                            {"meaning", "who asks for what crosses the network in the clear"}});
}

/// What the TLS of each listener is, under each of its names: one record each.
void Gateway::say_who_may_come() const {
  for (const ListenerPlan& plan : now_->plans().listeners()) {
    const ListenerConfig& listener = *plan.config;
    for (const SitePlan& of : plan.sites) {
      const SiteConfig* site = of.config;
      std::string names;
      for (const std::string& name : site->names)
        names += (names.empty() ? "" : " ") + name;
      const bool resumes = listener.resumption == tls::Resumption::stateful;
      const auto& stapled = stapled_[of.credential].certificate;
      log_.info("gateway.listening",
                {{"listener", listener.name},
                 {"at", doors_.find(door_of(listener))->sockets.front().local().to_string()},
                 {"site", site->name()},
                 {"names", names.empty() ? "others" : names},
                 {"tls", tls_word(site->client_certificate)},
                 {"environment", base::name(site->environment)},
                 {"trust", site->trust.string()},
                 {"resumption", resumes ? "stateful" : "off"},
                 {"serves", site->tcp.upstream.empty() ? "http" : "tcp " + site->tcp.upstream},
                 {"staples", stapled == nullptr ? std::string() : "from " + stapled->responder()}});
    }
  }
}

void Gateway::run() {
  say_what_is_weak();
  for (const auto& worker : workers_)
    worker->start();
  say_who_may_come();
  log_.info("gateway.started", {{"listen", listening_at().front().at.to_string()},
                                {"listeners", config().listeners.size()},
                                {"workers", workers_.size()},
                                {"sequence", plane_->knowledge().sequence()}});
  plane_->start([this] {
    token_rings_->refresh();
    for (const auto& worker : workers_)
      worker->knowledge_changed();
    if (roots_missing_) reload("the feed spoke of new roots");
  });
  for (const auto& state : now_->upstreams()->all())
    keeper_->keep(state);
  net::Loop& loop = plane_->loop();
  net::spawn(loop, status_->run(), "gateway.status", log_);
  net::spawn(loop, stop_on_signal(), "gateway.stop", log_);
  net::spawn(loop, reload_on_signal(), "gateway.reload", log_);
  net::spawn(loop, reload_on_change(), "gateway.watch", log_);
  net::spawn(loop, start_successor_on_signal(), "gateway.successor", log_);
  if (!config().handover.empty()) net::spawn(loop, hand_over_at(config().handover), "gateway.handover", log_);
  net::spawn(loop, confirm(), "gateway.confirm", log_);
  loop.run();
  for (const auto& worker : workers_)
    worker->join();
  log_.info("gateway.stopped");
}

net::Task<void> Gateway::confirm() {
  if (inheritance_) {
    inheritance_.reset();
    log_.info("handover.taken", {{"doors", doors_.all().size()}});
  }
  service_manager_.ready(getpid());
  co_return;
}

net::Task<void> Gateway::start_successor_on_signal() {
  net::ReloadSignal signal(plane_->loop(), net::ReloadSignal::Asks::succession);
  std::optional<int> child;
  while (co_await signal.next()) {
    if (child) base::forget_if_ended(*child);
    if (!own_command_) {
      log_.error("handover.not_configured", {{"remedy", "set 'handover' in [gateway], and restart once"}});
      continue;
    }
    const auto started = own_command_->start();
    if (started) child = *started;
    if (started) log_.info("handover.successor_started", {{"process", *started}});
    else log_.error("handover.not_started", {{"error", base::to_string(started.error())}});
  }
}

/// One successor after the other may ask; the first one that serves is the last. Where one failed, its own door may lie
/// in the place of ours.
net::Task<void> Gateway::hand_over_at(std::filesystem::path path) {
  while (!draining_) {
    auto door = net::DescriptorDoor::open(plane_->loop(), path);
    if (!door) log_.error("handover.closed", {{"error", base::to_string(door.error())}});
    if (!door) co_return;
    successors_.emplace(std::move(*door));
    auto channel = co_await successors_->accept();
    if (!channel || draining_) co_return;
    handing_over_ = true;
    log_.info("handover.asked");
    Bequest bequest{doors_, [this] { plane_->leave_files_to_another(); }};
    const auto successor = co_await hand_over(std::move(*channel), std::move(bequest));
    handing_over_ = false;
    end_hand_over(successor);
  }
}

void Gateway::end_hand_over(const base::Result<int>& successor) {
  if (successor) {
    log_.info("handover.done", {{"successor", *successor}});
    service_manager_.main_process_is(*successor);
    leave(Leaving::to_successor);
  } else {
    plane_->take_files_back();
    log_.error("handover.failed",
               {{"error", base::to_string(successor.error())}, {"meaning", "this gateway goes on as before"}});
  }
  if (draining_) doors_.close();
  if (std::exchange(reload_due_, false)) reload("asked for during a hand-over");
}

net::Task<void> Gateway::stop_on_signal() {
  const int signal = co_await net::wait_for_stop_signal(plane_->loop());
  log_.info("gateway.draining", {{"signal", signal}});
  leave(Leaving::for_good);
}

/// The main loop goes on while workers drain: a revocation still acts, and /ready says that we are going.
void Gateway::leave(Leaving how) {
  if (std::exchange(draining_, true)) return;
  if (!handing_over_) doors_.close();
  if (successors_) successors_->close();
  staples_->stop();  // what there is lasts for whoever comes in now; a question under way would hold up the end
  const base::Duration time = config().drain_time;
  tls::Drain drain{.deadline = net::Deadline::after(time)};
  if (how == Leaving::to_successor) {
    // Those that ask whether we are ready are asking for it.
    status_->close();
    drain.idle_until = net::Deadline::after(time * (kQuarters - 1) / kQuarters);
  } else {
    service_manager_.stopping();
  }
  const auto one_ended = [this, left = std::make_shared<std::size_t>(workers_.size())] {
    plane_->loop().post([this, left] {
      if (--*left == 0) plane_->loop().stop();
    });
  };
  for (const auto& worker : workers_)
    worker->drain(drain, one_ended);
}

std::string Gateway::metrics_text() const {
  const Metrics::Now now{plane_->knowledge().sequence(), plane_->feed_age_seconds(),
                         plane_->knowledge().registry().size(), now_->plans().chain_counts()};
  std::string text = metrics_.to_text(now) + ListenerCounts::heading();
  for (const ListenerPlan& plan : now_->plans().listeners())
    text += plan.counts->to_text(*plan.config);
  text += kMetrics.heading("refusals_untold_total", "counter",
                           "Refusals of certificates of ours that were dropped before the authority could be told.") +
          kMetrics.line("refusals_untold_total", "", plane_->refusals().dropped());
  text += ListenerCounts::tcp_heading();
  for (const ListenerPlan& plan : now_->plans().listeners())
    text += plan.counts->tcp_to_text(*plan.config);
  return text + staples_->metrics() + signing_->metrics() + gate_->metrics() + now_->routes().metrics() +
         report_.metrics() + spans_->metrics() + now_->upstreams()->to_text(std::chrono::steady_clock::now());
}

http::Response Gateway::answer_ready() const {
  const std::string_view why_not = why_not_ready({.draining = draining_,
                                                  .oldest_feed = config().ready_feed_age,
                                                  .feed_age_seconds = plane_->feed_age_seconds(),
                                                  .awaits_staple = staples_->awaits_one()});
  const std::string trouble = report_.trouble() + staples_->trouble();
  if (why_not.empty()) return text_response(200, "ready\n" + trouble);
  return text_response(503, std::string(why_not) + "\n" + trouble);
}

net::Task<http::Response> Gateway::answer_status(http::Request request) {
  const std::string& target = request.head.target;
  if (target == "/live") co_return text_response(200, "live\n");
  if (target == "/ready") co_return answer_ready();
  if (target != "/metrics") co_return text_response(404, "ask for /live, /ready or /metrics\n");
  co_return text_response(200, metrics_text());
}

}  // namespace countersign::gateway
