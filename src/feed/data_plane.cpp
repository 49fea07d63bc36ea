#include "feed/data_plane.h"

#include <algorithm>

#include "base/json_array.h"
#include "feed/renewal.h"

namespace countersign::feed {
namespace {

/// How often certificates are looked at: the last third of a life must not pass between two looks.
constexpr base::Duration kLongestLook = std::chrono::hours(1);
constexpr base::Duration kShortestLook = std::chrono::seconds(5);
constexpr int kLooksInALife = 12;
/// How long to wait before a certificate that is not there yet is asked for again.
constexpr base::Duration kFirstRetry = std::chrono::seconds(15);
constexpr base::Duration kRenewalTime = std::chrono::seconds(30);
/// How long telling the authority may take; how long to wait when it failed.
constexpr base::Duration kTellingTime = std::chrono::seconds(10);
constexpr base::Duration kTellingRetry = std::chrono::seconds(30);
constexpr base::Duration kRetry = std::chrono::milliseconds(250);
constexpr base::Duration kAttemptTime = std::chrono::seconds(5);

/// Tries for a first snapshot until it is there or the time is up.
net::Task<void> try_snapshot(Follower& follower, net::Deadline deadline, base::Result<void>& outcome) {
  for (;;) {
    const net::Deadline attempt = net::Deadline::earlier(deadline, net::Deadline::after(kAttemptTime));
    outcome = co_await follower.take_snapshot(attempt);
    if (outcome || deadline.passed()) co_return;
    co_await net::sleep_until(net::Deadline::after(kRetry));
  }
}

/// Services renew service and server certificates as themselves; any other purpose is renewed with its own certificate.
bool renews_as_service(trust::Purpose purpose) {
  return purpose == trust::Purpose::service || purpose == trust::Purpose::server;
}

}  // namespace

base::Result<std::unique_ptr<DataPlane>> DataPlane::make(Options options, const base::Clock& clock,
                                                         const base::Log& log) {
  std::unique_ptr<DataPlane> plane(new DataPlane(std::move(options), clock, log));
  BASE_TRY_VOID(plane->learn());
  return plane;
}

base::Result<void> DataPlane::learn() {
  BASE_TRY(auto provider_trust, load_trust_chain(options_.trust_chain));
  std::vector<x509::Certificate> roots = provider_trust->anchors().anchors();
  for (const std::filesystem::path& file : options_.other_roots) {
    BASE_TRY(const auto others, load_trust_chain(file));
    for (const x509::Certificate& root : others->anchors().anchors())
      roots.push_back(root);
  }
  link_ = {options_.authority, std::move(provider_trust), &knowledge_.registry(), &knowledge_};
  Follower::Options following{link_, files("service"), options_.data / "trust-feed.json", std::move(roots)};
  follower_ = std::make_unique<Follower>(loop_, std::move(following), knowledge_, clock_, log_);
  auto from_copy = follower_->start_from_copy();
  if (from_copy && *from_copy) return {};
  if (!from_copy) log_.error("feed.copy_unusable", {{"error", base::to_string(from_copy.error())}});
  return learn_from_authority();
}

base::Result<void> DataPlane::learn_from_authority() {
  base::Result<void> outcome = base::fail(base::Kind::internal, "feed.none", "the trust feed was never asked");
  const net::Deadline deadline = net::Deadline::after(options_.first_knowledge_time);
  net::spawn(loop_, try_snapshot(*follower_, deadline, outcome), "feed.first_snapshot", log_);
  loop_.run();
  if (outcome) return {};
  return base::unexpected(std::move(outcome).error().under(
      "feed.none", "there is no copy of the trust feed, and the authority at " + options_.authority.to_string() +
                       " gave none: without it nobody could be verified, so this program does not start"));
}

base::Result<void> DataPlane::keep(Kept kept) {
  auto credential = load(kept.files);
  const bool to_ask_for = !credential && kept.asked_with && !std::filesystem::exists(kept.files.chain);
  if (!credential && !to_ask_for) return base::unexpected(std::move(credential).error());
  if (credential) tell(kept, std::move(*credential));
  kept_.push_back(std::make_shared<Kept>(std::move(kept)));
  return {};
}

void DataPlane::keep_only(std::vector<Kept> kept) {
  kept_.clear();
  for (Kept& one : kept)
    kept_.push_back(std::make_shared<Kept>(std::move(one)));
  ++keepings_;
}

void DataPlane::use_other_roots(const std::vector<std::vector<x509::Certificate>>& files) {
  std::vector<x509::Certificate> roots = link_.provider_trust->anchors().anchors();
  for (const auto& file : files)
    roots.insert(roots.end(), file.begin(), file.end());
  follower_->use_roots(std::move(roots));
}

void DataPlane::leave_files_to_another() {
  files_are_ours_ = false;
  follower_->leave_copy_to_another();
}

void DataPlane::take_files_back() {
  files_are_ours_ = true;
  follower_->take_copy_back();
}

void DataPlane::tell(Kept& kept, tls::Credential credential) const {
  const crypto::Digest256 fingerprint = credential.chain.front().fingerprint();
  if (fingerprint == kept.told) return;
  kept.told = fingerprint;
  kept.replaced(std::make_shared<const tls::Credential>(std::move(credential)));
}

void DataPlane::start(Follower::Changed changed) {
  net::spawn(loop_, follower_->run(std::move(changed)), "feed.follow", log_);
  net::spawn(loop_, keep_fresh(), "feed.renewal", log_);
  net::spawn(loop_, tell_again_and_again(sightings_to_tell()), "feed.sightings", log_);
  net::spawn(loop_, tell_again_and_again(refusals_to_tell()), "feed.refusals", log_);
  net::spawn(loop_, tell_again_and_again(endpoints_to_tell()), "feed.endpoint_reports", log_);
}

double DataPlane::feed_age_seconds() const {
  const auto answered = follower_->last_answer();
  return answered ? static_cast<double>((clock_.now() - *answered).count()) / 1e6 : -1.0;
}

net::Task<base::Result<AuthorityLink>> DataPlane::call_authority(const tls::Credential& caller,
                                                                 net::Deadline deadline) {
  BASE_CO_TRY(auto context, tls::ClientContext::make(&caller));
  co_return co_await AuthorityLink::open(loop_, link_, std::move(context), clock_, deadline);
}

net::Task<base::Result<std::string>> DataPlane::tell_now(std::string target, std::string body) {
  BASE_CO_TRY(const auto caller, load(files("service")));
  const net::Deadline deadline = net::Deadline::after(kTellingTime);
  auto link = co_await call_authority(caller, deadline);
  if (!link) co_return base::unexpected(std::move(link).error());
  co_return co_await link->post(std::move(target), std::move(body), deadline);
}

/// While the authority is away it is kept, and told later.
net::Task<void> DataPlane::tell_again_and_again(Telling telling) {
  base::Duration pause = kTelling;
  for (;;) {
    co_await net::sleep_until(net::Deadline::after(pause));
    pause = kTelling;
    std::optional<Told> told = telling.next();
    if (!told) continue;
    std::string target = telling.target;
    const auto answer = co_await tell_now(std::move(target), std::move(told->body));
    if (answer) {
      told->heard(*answer);
      pause = told->pause;
      continue;
    }
    log_.warning(telling.failed, {{"error", base::to_string(answer.error())}});
    told->unheard();
    co_await net::sleep_until(net::Deadline::after(kTellingRetry));
  }
}

DataPlane::Telling DataPlane::sightings_to_tell() {
  const auto next = [this]() -> std::optional<Told> {
    std::vector<std::string> fingerprints = sightings_.take();
    if (fingerprints.empty()) return std::nullopt;
    std::string body = base::json::serialize(base::json::object{{"fingerprints", base::to_json_array(fingerprints)}});
    return Told{std::move(body), [](const std::string&) {},
                [this, fingerprints = std::move(fingerprints)] { sightings_.give_back(fingerprints); }};
  };
  return {"/v1/sightings", "feed.sightings_untold", next};
}

/// An answer that was lost has them counted twice, which is better than not at all.
DataPlane::Telling DataPlane::refusals_to_tell() {
  const auto next = [this]() -> std::optional<Told> {
    std::vector<RefusalCount> refusals = refusals_.take();
    if (refusals.empty()) return std::nullopt;
    std::string body = base::json::serialize(to_json(refusals));
    const base::Duration pause = pause_after_telling(refusals.size());
    return Told{std::move(body), [](const std::string&) {},
                [this, refusals = std::move(refusals)] { refusals_.give_back(refusals); }, pause};
  };
  return {"/v1/refusals", "feed.refusals_untold", next};
}

DataPlane::Telling DataPlane::endpoints_to_tell() {
  const auto next = [this]() -> std::optional<Told> {
    const auto reports = std::make_shared<const std::vector<EndpointReport>>(endpoint_reports_.take(clock_.now()));
    if (reports->empty()) return std::nullopt;
    const auto heard = [this, reports](const std::string& answer) {
      for (const auto& [endpoint, url] : endpoint_reports_.heard(*reports, answer))
        log_.warning("ehi.server_unknown",
                     {{"endpoint", endpoint},
                      {"url", url},
                      {"remedy", "countersign admin ehi-servers add: until then nobody of the partner's is told"}});
    };
    return Told{base::json::serialize(to_json(*reports)), heard,
                [this, reports] { endpoint_reports_.give_back(*reports); }};
  };
  return {"/v1/endpoint-reports", "feed.endpoint_reports_untold", next};
}

net::Task<base::Result<void>> DataPlane::renew_now(const Kept& kept, x509::Certificate current) {
  const CredentialFiles shown = kept.asked_with.value_or(kept.files);
  BASE_CO_TRY(const auto caller, load(renews_as_service(*kept.purpose) ? files("service") : shown));
  const net::Deadline deadline = net::Deadline::after(kRenewalTime);
  auto link = co_await call_authority(caller, deadline);
  if (!link) co_return base::unexpected(std::move(link).error());
  co_return co_await renew(*link, kept.files, *kept.purpose, current, deadline);
}

/// With the certificate of another purpose that says the same identity.
net::Task<void> DataPlane::ask_for_first(Kept& kept) {
  const auto shown = load(*kept.asked_with);
  base::Result<void> asked;
  if (shown) asked = co_await renew_now(kept, shown->chain.front());
  else asked = base::unexpected(shown.error());
  if (asked) log_.info("certificate.obtained", {{"file", kept.files.chain.string()}});
  else
    log_.error("certificate.not_obtained",
               {{"file", kept.files.chain.string()}, {"error", base::to_string(asked.error())}});
}

net::Task<void> DataPlane::freshen(Kept& kept) {
  if (kept.asked_with && files_are_ours_ && !std::filesystem::exists(kept.files.chain)) co_await ask_for_first(kept);
  if (kept.asked_with && !std::filesystem::exists(kept.files.chain)) co_return;
  auto credential = load(kept.files);
  if (credential && kept.purpose && files_are_ours_ && is_due(credential->chain.front(), clock_.now())) {
    auto renewed = co_await renew_now(kept, credential->chain.front());
    if (renewed) log_.info("certificate.renewed", {{"file", kept.files.chain.string()}});
    else
      log_.error("certificate.renewal_failed",
                 {{"file", kept.files.chain.string()}, {"error", base::to_string(renewed.error())}});
    if (renewed) credential = load(kept.files);
  }
  if (credential) tell(kept, std::move(*credential));
  else
    log_.error("certificate.kept",
               {{"file", kept.files.chain.string()}, {"error", base::to_string(credential.error())}});
}

base::Duration DataPlane::until_next_look() const {
  base::Duration shortest = kLongestLook;
  for (const auto& kept : kept_) {
    if (const auto credential = load(kept->files)) {
      const x509::Certificate& leaf = credential->chain.front();
      shortest = std::min(shortest, (leaf.not_after() - leaf.not_before()) / kLooksInALife);
    } else if (kept->asked_with) {
      shortest = std::min(shortest, kFirstRetry);
    }
  }
  return std::max(shortest, kShortestLook);
}

net::Task<void> DataPlane::keep_fresh() {
  for (;;) {
    const auto kept = kept_;
    const std::uint64_t keepings = keepings_;
    for (const auto& one : kept)
      co_await freshen(*one);
    if (keepings == keepings_) co_await net::sleep_until(net::Deadline::after(until_next_look()));
  }
}

}  // namespace countersign::feed
