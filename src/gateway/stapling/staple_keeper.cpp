#include "gateway/stapling/staple_keeper.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "gateway/observe/histogram.h"
#include "net/loop.h"

namespace countersign::gateway {
namespace {

using Change = StapledCertificate::Change;
using State = StapledCertificate::State;

/// The thread looks at least so often: the clock may be set, and time passes while a machine sleeps.
constexpr base::Duration kLongestSleep = std::chrono::seconds(10);
constexpr base::Duration kShortestSleep = std::chrono::milliseconds(100);

std::string sites_of(const StapleKeeper::Kept& one) {
  std::string text;
  for (const StapleKeeper::Site& site : one.sites)
    text += (text.empty() ? "" : " ") + site.listener + "/" + site.name;
  return text;
}

base::Fields fields_of(const StapleKeeper::Kept& one) {
  return {{"sites", sites_of(one)},
          {"serial", one.certificate->certificate().serial().hex()},
          {"responder", one.certificate->responder()}};
}

base::Fields with(base::Fields fields, base::Fields more) {
  fields.insert(fields.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return fields;
}

/// What it means that there is nothing to staple.
std::string_view meaning_of_none(const StapledCertificate& certificate) {
  return certificate.must_staple() ? "the certificate says that it is always stapled (RFC 7633): clients who ask are "
                                     "refused until there is a response"
                                   : "handshakes go on without a staple";
}

std::string labels_of(const StapleKeeper::Site& site) {
  return base::metric_label("listener", site.listener) + "," + base::metric_label("site", site.name);
}

}  // namespace

StapleKeeper::StapleKeeper(Options options, Dice dice, const base::Clock& clock, const base::Log& log)
    : options_(std::move(options)), clock_(clock), log_(log), dice_(dice) {}

StapleKeeper::~StapleKeeper() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void StapleKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);  // not while the thread is about to wait
    stop_.store(true);
  }
  changed_.notify_all();
}

std::vector<StapleKeeper::Kept> StapleKeeper::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

std::shared_ptr<StapledCertificate> StapleKeeper::find_or_make(const std::vector<x509::Certificate>& chain,
                                                               const OcspSettings& settings) const {
  auto made = StapledCertificate::make(chain, settings, clock_);
  if (made == nullptr) return nullptr;
  for (const Kept& one : kept())
    if (one.certificate->asks_the_same(*made)) return one.certificate;
  return made;
}

void StapleKeeper::keep(std::vector<Kept> kept) {
  const std::lock_guard lock(mutex_);
  say_unstapled(kept);
  std::erase_if(kept, [](const Kept& one) { return one.certificate == nullptr; });
  for (const Kept& one : kept) {
    if (!begun_) one.certificate->await_first();
    if (std::ranges::find(kept_, one.certificate, &Kept::certificate) != kept_.end()) continue;
    for (const Kept& before : kept_)
      if (before.certificate->certificate() == one.certificate->certificate())
        one.certificate->adopt(*before.certificate);
  }
  begun_ = true;
  kept_ = std::move(kept);
  fresh_ = true;
  changed_.notify_all();
}

/// Once for each site, until it is another reason.
void StapleKeeper::say_unstapled(const std::vector<Kept>& all) {
  std::vector<std::string> said;
  for (const Kept& one : all) {
    if (!one.unstapled) continue;
    for (const Site& site : one.sites) {
      said.push_back(site.listener + "/" + site.name + " " + one.unstapled->why);
      if (std::ranges::find(unstapled_said_, said.back()) != unstapled_said_.end()) continue;
      log_.event(one.unstapled->level, "staple.none",
                 {{"listener", site.listener},
                  {"site", site.name},
                  {"reason", one.unstapled->why},
                  {"meaning", one.unstapled->must ? "the certificate says that it is always stapled (RFC 7633), and is "
                                                    "shown without: clients who heed that end the handshake"
                                                  : "handshakes go on without a staple"}});
    }
  }
  unstapled_said_ = std::move(said);
}

void StapleKeeper::start() {
  if (thread_.joinable() || stop_.load() || kept().empty()) return;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& none) {
    log_.error("staple.not_asked",
               {{"error", none.what()},
                {"meaning", "the system has no thread to give: no OCSP responder is asked before the next reload"}});
  }
}

std::vector<StapleKeeper::Kept> StapleKeeper::take_fresh() {
  const std::lock_guard lock(mutex_);
  fresh_ = false;
  return kept_;
}

bool StapleKeeper::has_fresh() const {
  const std::lock_guard lock(mutex_);
  return fresh_;
}

void StapleKeeper::work() {
  net::keep_back_stop_signals();
  std::unique_lock lock(mutex_);
  while (!stop_.load()) {
    lock.unlock();
    const base::Instant next = look();
    const base::Duration rest = std::clamp(next - clock_.now(), kShortestSleep, kLongestSleep);
    lock.lock();
    changed_.wait_for(lock, rest, [this] { return stop_.load() || fresh_; });
  }
}

/// A responder may take its time, and the others wait: those that show nothing go first, and what came meanwhile may be
/// one of them.
base::Instant StapleKeeper::look() {
  std::vector<Kept> all = take_fresh();
  for (const Kept& one : all)
    if (one.certificate->note_end(clock_.now())) note_end(one);
  std::ranges::stable_partition(all, [](const Kept& one) { return one.certificate->staple().current() == nullptr; });
  base::Instant next = clock_.now() + kLongestSleep;
  for (const Kept& one : all) {
    if (has_fresh()) return clock_.now();
    ask_if_due(one);
    next = std::min(next, one.certificate->next());
  }
  return next;
}

void StapleKeeper::ask_if_due(const Kept& one) {
  StapledCertificate& certificate = *one.certificate;
  if (!certificate.is_due(clock_.now()) || stop_.load()) return;
  const courier::ResponderCall call{certificate.responder(), certificate.question(), options_.call_time};
  auto answer = options_.ask(call, stop_);
  if (stop_.load()) return;
  const auto outcome = certificate.take(std::move(answer), clock_.now(), options_.pace, dice_);
  hand_on(certificate);
  note(one, outcome);
}

/// While it was asked it may have been followed by one for another responder: what was said is about the certificate.
void StapleKeeper::hand_on(const StapledCertificate& from) const {
  const std::lock_guard lock(mutex_);
  for (const Kept& one : kept_)
    if (one.certificate->certificate() == from.certificate() && from.knows_more_than(*one.certificate))
      one.certificate->adopt(from);
}

void StapleKeeper::note(const Kept& one, const StapledCertificate::Outcome& outcome) const {
  const StapledCertificate& certificate = *one.certificate;
  const State state = certificate.state();
  switch (outcome.change) {
    case Change::none: return;
    case Change::renewed:
      log_.info("staple.renewed", with(fields_of(one), {{"this_update", base::to_rfc3339(*state.this_update)},
                                                        {"until", base::to_rfc3339(*state.until)}}));
      return;
    case Change::failing: {
      const bool is_none = certificate.staple().current() == nullptr;
      const std::string meaning =
          is_none ? std::string(meaning_of_none(certificate)) : "the response there is, is stapled until it ends";
      const base::Level level = certificate.lacks() ? base::Level::error : base::Level::warning;
      log_.event(level, "staple.failing",
                 with(fields_of(one), {{"reason", name(outcome.refusal->trouble)},
                                       {"detail", outcome.refusal->detail},
                                       {"meaning", meaning}}));
      return;
    }
    case Change::revoked:
      log_.error("staple.revoked",
                 with(fields_of(one), {{"meaning",
                                        "the responder says that this certificate of the gateway's is revoked: nothing "
                                        "is stapled, and clients who ask about it will refuse it. Replace it"}}));
      return;
  }
}

void StapleKeeper::note_end(const Kept& one) const {
  const base::Level level = one.certificate->lacks() ? base::Level::error : base::Level::warning;
  log_.event(level, "staple.ended", with(fields_of(one), {{"meaning", meaning_of_none(*one.certificate)}}));
}

std::string StapleKeeper::metrics() const {
  constexpr std::string_view kAge = "staple_age_seconds";
  constexpr std::string_view kEnd = "staple_next_update_timestamp_seconds";
  constexpr std::string_view kRevoked = "staple_revoked";
  constexpr std::string_view kFailures = "staple_failures_total";
  std::string ages, ends, revoked, failures;
  for (const Kept& one : kept()) {
    const State state = one.certificate->state();
    const double age =
        state.this_update ? static_cast<double>((clock_.now() - *state.this_update).count()) / 1e6 : -1.0;
    for (const Site& site : one.sites) {
      const std::string labels = labels_of(site);
      ages += kMetrics.line(kAge, labels, std::to_string(age));
      ends += kMetrics.line(kEnd, labels, state.until ? state.until->unix_seconds() : std::int64_t{0});
      revoked += kMetrics.line(kRevoked, labels, std::uint64_t{state.revoked ? 1U : 0U});
      for (std::size_t i = 0; i < state.failures.size(); ++i)
        if (state.failures[i] > 0)
          failures += kMetrics.line(kFailures, labels + "," + base::metric_label("reason", kStapleTroubles[i]),
                                    state.failures[i]);
    }
  }
  if (ages.empty()) return "";
  return kMetrics.heading(kAge, "gauge", "Seconds since the thisUpdate of what is stapled; -1 where nothing is.") +
         ages + kMetrics.heading(kEnd, "gauge", "When what is stapled ends; 0 where nothing is.") + ends +
         kMetrics.heading(kRevoked, "gauge", "1: the OCSP responder says that the site's certificate is revoked.") +
         revoked +
         kMetrics.heading(kFailures, "counter", "Questions to OCSP responders without a response to staple.") +
         failures;
}

std::string StapleKeeper::trouble() const {
  std::string text;
  for (const Kept& one : kept()) {
    if (one.certificate->state().revoked)
      text += "the certificate of " + sites_of(one) + " is revoked, says its OCSP responder\n";
    if (one.certificate->lacks())
      text += "the certificate of " + sites_of(one) + " must be stapled (RFC 7633), and there is no OCSP response\n";
  }
  return text;
}

bool StapleKeeper::awaits_one() const {
  return std::ranges::any_of(kept(), [](const Kept& one) { return one.certificate->state().awaited; });
}

}  // namespace countersign::gateway
