#include "ehi/channel.h"

namespace countersign::ehi {
namespace {

constexpr std::chrono::milliseconds kLook{100};  // for sites that are to be probed
constexpr std::chrono::seconds kProbeTime{5};

Answer turned_away(const Endpoint& endpoint, const char* code, const std::string& why) {
  return base::unexpected(
      CallFailure{{base::Kind::unavailable, code, "'" + endpoint.name.text() + "' was not called: " + why}});
}

/// One of the calls under way, for as long as it lives.
class Seat {
 public:
  explicit Seat(std::shared_ptr<std::int64_t> count) : count_(std::move(count)) { ++*count_; }
  ~Seat() { --*count_; }
  Seat(const Seat&) = delete;

 private:
  std::shared_ptr<std::int64_t> count_;
};

}  // namespace

Channel::Channel(net::Loop& loop, Caller& caller, const Endpoint& endpoint, Options options, const base::Log& log)
    : loop_(loop),
      caller_(caller),
      endpoint_(endpoint),
      options_(std::move(options)),
      log_(log),
      circuit_(endpoint.circuit, options_.recovery == nullptr ? Circuit::Sites::one : Circuit::Sites::two) {}

void Channel::start() { net::spawn(loop_, probe_sites(), "ehi.probes", log_); }

void Channel::report_to(feed::EndpointReports& reports, const base::Clock& clock) {
  if (!endpoint_.organisation) return;
  clock_ = &clock;
  for (const Site site : {Site::primary, Site::recovery}) {
    if (site == Site::recovery && !has_recovery()) continue;
    std::string url = "https://" + url_of(site).host_field() + url_of(site).target;
    if (url.size() > feed::EndpointReports::kUrlLimit) continue;
    reported_[static_cast<std::size_t>(site)] =
        &reports.add({endpoint_.environment, *endpoint_.organisation, std::move(url), endpoint_.name.text(),
                      site == Site::primary ? options_.use : options_.use + "-" + std::string(name(site))});
  }
}

/// A redirect where none is wanted is a fault of the server's that a circuit does not mind.
void Channel::report_answer(Site site, const http::Response& answer) {
  if (reported(site) == nullptr) return;
  const bool as_it_came = endpoint_.fallback.mode == Mode::plain && options_.use == "decisions";
  const auto unwanted = check({.statuses = endpoint_.acknowledgement.statuses}, answer);
  if (!as_it_came && unwanted && unwanted->code == "ehi.redirected")
    reported(site)->failed({.code = unwanted->code, .detail = unwanted->detail}, clock_->now());
  else reported(site)->answered();
}

/// A server that we refused is told of at once; one that does not answer when its circuit opens, and while it is open.
void Channel::report(Site site, const CallFailure& failure, Circuit::Change change) {
  const feed::EndpointTrouble* trouble = feed::find_endpoint_trouble(failure.error.code);
  if (reported(site) == nullptr || trouble == nullptr) return;
  const bool is_refused = trouble->state == feed::EndpointState::refused;
  const bool is_away = change == Circuit::Change::opened || !circuit_.is_closed(site);
  if (!is_refused && !is_away) return;
  feed::EndpointReports::Site::Failure told{.code = failure.error.code};
  if (failure.refusal) told.reason = failure.refusal->reason;
  told.detail = base::to_string(failure.error);
  reported(site)->failed(told, clock_->now());
}

net::Task<Answer> Channel::ask(http::Request request, Times times, std::shared_ptr<Progress> progress) {
  const std::optional<Site> site = circuit_.choose();
  if (!site || *under_way_ >= options_.concurrency) {
    ++counts_.turned_away;
    progress->judged = true;
    if (!site)
      co_return turned_away(endpoint_, "ehi.circuit_open",
                            "it failed too often, and is probed until it is back; the last was: " + last_failure_);
    co_return turned_away(endpoint_, "ehi.busy", "as many calls as it may have are under way ('concurrency')");
  }
  const Seat seat(under_way_);
  const bool other_left = *site == Site::primary && circuit_.is_closed(Site::recovery);
  if (!other_left) co_return co_await ask_site(*site, std::move(request), times, std::move(progress));
  http::Request again = request;
  Answer answer = co_await ask_site(*site, std::move(request), times, progress);
  const bool unsent = !answer && answer.error().sent == CallFailure::Sent::nothing;
  if (!unsent || is_our_fault(answer.error()) || times.sent_by.passed()) co_return std::move(answer);
  progress->judged = false;
  co_return co_await ask_site(Site::recovery, std::move(again), times, std::move(progress));
}

/// The primary may take half of the time to come about where there is somewhere else to go.
net::Task<Answer> Channel::ask_site(Site site, http::Request request, Times times, std::shared_ptr<Progress> progress) {
  progress->site = site;
  const auto begun = std::chrono::steady_clock::now();
  const bool other_left = site == Site::primary && circuit_.is_closed(Site::recovery);
  CallPlan plan{&url_of(site), times.sent_by, times.answered_by};
  if (other_left) plan.connected_by = {begun + (times.sent_by.at - begun) / 2};
  Answer answer = co_await caller_.call(endpoint_, std::move(request), plan);
  if (answer) {
    const auto now = std::chrono::steady_clock::now();
    latency_.observe(std::chrono::duration_cast<base::Duration>(now - begun), now);
    if (site == Site::recovery) ++counts_.failed_over;
  }
  judge(*progress, answer);
  co_return std::move(answer);
}

void Channel::judge(Progress& progress, const Answer& answer) {
  if (progress.judged) return;
  progress.judged = true;
  met_[static_cast<std::size_t>(progress.site)] = std::chrono::steady_clock::now();
  if (answer) {
    circuit_.answered(progress.site);
    report_answer(progress.site, *answer);
    return;
  }
  const CallFailure& failure = answer.error();
  if (is_our_fault(failure)) return;
  const Circuit::Change change = circuit_.failed(progress.site, std::chrono::steady_clock::now());
  tell(progress.site, change, base::to_string(failure.error));
  report(progress.site, failure, change);
}

void Channel::give_up(Progress& progress) {
  if (progress.judged) return;
  progress.judged = true;
  const auto now = std::chrono::steady_clock::now();
  met_[static_cast<std::size_t>(progress.site)] = now;
  const Circuit::Change change = circuit_.failed(progress.site, now);
  tell(progress.site, change, "no answer in time");
  report(progress.site, {{base::Kind::timeout, "ehi.timeout", "no answer in time"}}, change);
}

void Channel::tell(Site site, Circuit::Change change, const std::string& why) {
  if (change == Circuit::Change::none) return;
  const bool opened = change == Circuit::Change::opened;
  if (opened) last_failure_ = why;
  const base::Fields fields{{"endpoint", endpoint_.name.text()},        {"use", options_.use},   {"site", name(site)},
                            {"at", url_of(site).authority.to_string()}, {"reachable", usable()}, {"why", why}};
  if (opened && !usable()) ++counts_.unreachable;
  if (opened) log_.warning(usable() ? "ehi.failed_over" : "ehi.unreachable", fields);
  else log_.info(site == Site::primary && has_recovery() ? "ehi.failed_back" : "ehi.reachable", fields);
}

net::Task<void> Channel::probe_sites() {
  for (;;) {
    const net::Deadline look = net::Deadline::after(kLook);
    co_await net::sleep_until(look);
    while (const std::optional<Site> site = circuit_.take_probe(std::chrono::steady_clock::now()))
      net::spawn(loop_, probe(*site), "ehi.probe", log_);
    while (const std::optional<Site> site = take_trouble())
      net::spawn(loop_, probe(*site), "ehi.probe", log_);
  }
}

/// One that was refused a few times has no open circuit, and perhaps no more calls: what was mended there would not be
/// seen. What a probe cannot see ends when nobody has met it for a while (feed::EndpointReports::kBelieved).
std::optional<Site> Channel::take_trouble() {
  const auto now = std::chrono::steady_clock::now();
  for (const Site site : {Site::primary, Site::recovery}) {
    auto& met = met_[static_cast<std::size_t>(site)];
    const bool in_trouble = reported(site) != nullptr && reported(site)->state() != feed::EndpointState::up;
    if (!in_trouble || !circuit_.is_closed(site) || now - met < endpoint_.circuit.longest_pause) continue;
    met = now;
    return site;
  }
  return std::nullopt;
}

net::Task<void> Channel::probe(Site site) {
  const net::Deadline deadline = net::Deadline::after(kProbeTime);
  const CallPlan plan{&url_of(site), deadline, deadline};
  const auto reached = co_await caller_.probe(endpoint_, plan);
  met_[static_cast<std::size_t>(site)] = std::chrono::steady_clock::now();
  if (!reached && !is_our_fault(reached.error())) report(site, reached.error(), Circuit::Change::none);
  if (reached && reported(site) != nullptr) reported(site)->shook_hands();
  const auto outcome = reached ? Circuit::Outcome::reached : Circuit::Outcome::unreached;
  tell(site, circuit_.probed(site, outcome, std::chrono::steady_clock::now()), "a probe got through");
}

}  // namespace countersign::ehi
