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
  if (!unsent || answer.error().error.code == "ehi.no_certificate" || times.sent_by.passed())
    co_return std::move(answer);
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
  judge(*progress, answer ? nullptr : &answer.error());
  co_return std::move(answer);
}

void Channel::judge(Progress& progress, const CallFailure* failure) {
  if (progress.judged) return;
  progress.judged = true;
  if (failure == nullptr) {
    circuit_.answered(progress.site);
    return;
  }
  if (failure->error.code == "ehi.no_certificate") return;  // our own fault
  tell(progress.site, circuit_.failed(progress.site, std::chrono::steady_clock::now()),
       base::to_string(failure->error));
}

void Channel::give_up(Progress& progress) {
  if (progress.judged) return;
  progress.judged = true;
  tell(progress.site, circuit_.failed(progress.site, std::chrono::steady_clock::now()), "no answer in time");
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
  }
}

net::Task<void> Channel::probe(Site site) {
  const net::Deadline deadline = net::Deadline::after(kProbeTime);
  const CallPlan plan{&url_of(site), deadline, deadline};
  const auto reached = co_await caller_.probe(endpoint_, plan);
  const auto outcome = reached ? Circuit::Outcome::reached : Circuit::Outcome::unreached;
  tell(site, circuit_.probed(site, outcome, std::chrono::steady_clock::now()), "a probe got through");
}

}  // namespace countersign::ehi
