// How one generation of the configuration follows another: everything is made and checked beside what is in force; then
// it is put in its place, which cannot fail.
#include <algorithm>

#include <unistd.h>

#include "crypto/random.h"
#include "gateway/gateway.h"
#include "gateway/given_doors.h"

namespace countersign::gateway {
namespace {

constexpr base::Duration kLook = std::chrono::milliseconds(500);

using Credential = std::shared_ptr<const tls::Credential>;

base::Result<Credential> read_credential(const feed::CredentialFiles& files) {
  BASE_TRY(auto credential, feed::load(files));
  return std::make_shared<const tls::Credential>(std::move(credential));
}

crypto::Digest256 fingerprint_of(const Credential& credential) { return credential->chain.front().fingerprint(); }

/// It outlives whoever shows it, as a part of what is known of its certificate.
OwnCertificate shown_as(Credential own, const std::shared_ptr<StapledCertificate>& stapled) {
  if (stapled == nullptr) return {std::move(own)};
  return {std::move(own), std::shared_ptr<const tls::OwnStaple>(stapled, &stapled->staple())};
}

void show(UpstreamState& state, const Credential& own) {
  const Credential before = state.credential();
  if (before == nullptr || fingerprint_of(before) != fingerprint_of(own)) state.use_credential(own);
}

bool proves_by(const UpstreamState& state, UpstreamTls::Proof proof) {
  return state.settings().tls && state.settings().tls->proof == proof;
}

/// Roots of a file; none where it cannot be read, which is said where it is needed.
std::vector<x509::Certificate> roots_in(const std::filesystem::path& file) {
  const auto trust = feed::load_trust_chain(file);
  return trust ? (*trust)->anchors().anchors() : std::vector<x509::Certificate>();
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

/// All that the next generation is made of.
struct Gateway::Next {
  GenerationPointer generation;
  bool other_policy = false;                         ///< another file than before, or none any more
  std::optional<policy::Watch::Loaded> policy = {};  ///< of that file
  Credentials own = {};                              ///< in the places that the generation's plans name
  std::vector<StapleKeeper::Kept> stapled = {};      ///< in the same places, without their sites
  Credential service = {};                           ///< for upstreams that know us by it
  std::vector<std::pair<std::shared_ptr<UpstreamState>, Credential>> for_upstreams = {};
  Credential signing = {};                      ///< by which responses are signed; null where none is named
  std::vector<Door> doors = {};                 ///< of listeners that had none
  std::vector<Worker::Prepared> prepared = {};  ///< for each worker
};

/// Broken at start: the gateway does not start (law 4). Later the last good one stays.
base::Result<void> Gateway::begin(GatewayConfig config) {
  watch_files_of(config);
  BASE_TRY(auto given, net::take_given_sockets());
  BASE_TRY(auto given_here, given_doors(std::move(given), config));
  BASE_TRY_VOID(learn(config));
  BASE_TRY_VOID(prepare_spans());
  BASE_TRY_VOID(prepare_stapling());
  BASE_TRY_VOID(inherit(config, std::move(given_here)));
  BASE_TRY_VOID(doors_.open_status(config));
  BASE_TRY(auto next, prepare(std::move(config)));
  gate_ = std::make_unique<policy::Gate>(next.policy ? next.policy->policy : policy::Policy::nothing(), log_);
  const WorkerShared shared{
      plane_->knowledge(), plane_->sightings(),      plane_->refusals(), metrics_,       clock_,       log_,    *gate_,
      *token_rings_,       plane_->authority_link(), service_,           signing_.get(), spans_.get(), records_};
  while (workers_.size() < next.generation->config().workers) {
    BASE_TRY(auto worker, Worker::make(shared, next.generation));
    workers_.push_back(std::move(worker));
  }
  BASE_TRY_VOID(prepare_workers(next));
  for (std::size_t i = 0; i < workers_.size(); ++i)
    BASE_TRY_VOID(workers_[i]->begin(std::move(next.prepared[i])));
  next.prepared.clear();
  BASE_TRY(auto status, doors_.find(kStatusDoor)->sockets.front().duplicate());
  http::Handler answer = [this](http::Request request) { return answer_status(std::move(request)); };
  BASE_TRY(status_, http::PlainServer::on(plane_->loop(), std::move(status), std::move(answer), log_));
  crypto::SystemRandom random;
  BASE_TRY(const Dice dice, Dice::make(random));
  const UpstreamConnector::Needs needs{plane_->loop(), clock_, plane_->knowledge().registry(), log_};
  keeper_ = std::make_unique<UpstreamKeeper>(needs, dice);
  put_in_place(next);
  return {};
}

base::Result<Gateway::Next> Gateway::prepare(GatewayConfig config) {
  Next next;
  const Generation::Means means{plane_->knowledge(), metrics_, clock_, log_};
  BASE_TRY(next.generation, Generation::make(std::move(config), means, now_));
  BASE_TRY_VOID(prepare_policy(next));
  BASE_TRY_VOID(prepare_certificates(next));
  BASE_TRY(next.doors, doors_.open_missing(next.generation->config()));
  return next;
}

base::Result<void> Gateway::prepare_policy(Next& next) const {
  const std::filesystem::path& file = next.generation->config().policy;
  next.other_policy = now_ == nullptr || file != config().policy;
  if (!next.other_policy || file.empty()) return {};
  BASE_TRY(next.policy, policy::Watch::load(file));
  return {};
}

base::Result<void> Gateway::prepare_certificates(Next& next) const {
  BASE_TRY(next.service, read_credential(plane_->files("service")));
  for (const CertificateSource& source : next.generation->plans().credentials()) {
    BASE_TRY(auto own, read_credential(source.files ? *source.files : plane_->files("server")));
    next.stapled.push_back(stapling_of(*own, source.ocsp));
    next.own.push_back(shown_as(std::move(own), next.stapled.back().certificate));
  }
  for (const auto& state : next.generation->upstreams()->all()) {
    if (!proves_by(*state, UpstreamTls::Proof::files)) continue;
    BASE_TRY(auto own, read_credential(state->settings().tls->credential));
    next.for_upstreams.emplace_back(state, std::move(own));
  }
  const auto& signing = next.generation->config().signing;
  if (!signing) return {};
  BASE_TRY(next.signing, read_credential(*signing));
  // A key that signs no messages is refused before anything changes.
  const auto usable = signatures::VerificationKey::of(next.signing->chain.front());
  if (!usable)
    return base::unexpected(base::Error(usable.error()).under("gateway.config", "[gateway.signing] cannot be used"));
  return {};
}

base::Result<void> Gateway::prepare_workers(Next& next) const {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    BASE_TRY(auto prepared, workers_[i]->prepare(next.generation, next.own));
    if (now_ == nullptr) {  // the first one: those inherited, too, in the order of the listeners
      for (const ListenerConfig& listener : next.generation->config().listeners) {
        const std::string name = door_of(listener);
        const auto opened = std::ranges::find(next.doors, name, &Door::name);
        const Door& door = opened == next.doors.end() ? *doors_.find(name) : *opened;
        BASE_TRY(auto sockets, Doors::share(door, i, workers_.size()));
        prepared.sockets.push_back({name, std::move(sockets)});
      }
    } else {
      for (const Door& door : next.doors) {
        BASE_TRY(auto sockets, Doors::share(door, i, workers_.size()));
        prepared.sockets.push_back({door.name, std::move(sockets)});
      }
    }
    next.prepared.push_back(std::move(prepared));
  }
  return {};
}

std::vector<feed::DataPlane::Kept> Gateway::keepings(const Next& next) {
  std::vector<feed::DataPlane::Kept> all;
  const auto show_upstreams = [this](Credential own) {
    service_.publish(own);
    for (const auto& state : now_->upstreams()->all())
      if (proves_by(*state, UpstreamTls::Proof::service)) show(*state, own);
  };
  all.push_back({plane_->files("service"), trust::Purpose::service, show_upstreams, fingerprint_of(next.service)});
  const auto& places = next.generation->plans().credentials();
  for (std::size_t place = 0; place < places.size(); ++place) {
    const auto show_clients = [this, place, number = next.generation->number()](Credential own) {
      show_certificate(number, place, std::move(own));
    };
    const auto& files = places[place].files;
    all.push_back({files ? *files : plane_->files("server"),
                   files ? std::nullopt : std::optional(trust::Purpose::server), show_clients,
                   fingerprint_of(next.own[place].credential)});
  }
  for (const auto& [state, own] : next.for_upstreams) {
    const auto show_one = [upstream = state](Credential renewed) { show(*upstream, renewed); };
    all.push_back({state->settings().tls->credential, std::nullopt, show_one, fingerprint_of(own)});
  }
  if (next.signing) {
    const auto use = [this](Credential renewed) { use_signing_key(std::move(renewed)); };
    all.push_back({*next.generation->config().signing, std::nullopt, use, fingerprint_of(next.signing)});
  }
  return all;
}

/// One that was renewed, or replaced in its files. Its own response is asked for at once.
void Gateway::show_certificate(std::uint64_t generation, std::size_t place,
                               std::shared_ptr<const tls::Credential> own) {
  if (now_->number() != generation) return;
  stapled_[place] = stapling_of(*own, now_->plans().credentials()[place].ocsp);
  keep_staples();
  for (const auto& worker : workers_)
    worker->use_credential(generation, place, shown_as(own, stapled_[place].certificate));
}

StapleKeeper::Kept Gateway::stapling_of(const tls::Credential& own, const OcspSettings& settings) const {
  return {.certificate = staples_->find_or_make(own.chain, settings),
          .sites = {},
          .unstapled = StapledCertificate::unstapled(own.chain, settings)};
}

/// Those that sites of this generation show.
void Gateway::keep_staples() {
  std::vector<StapleKeeper::Kept> kept = stapled_;
  for (const ListenerPlan& plan : now_->plans().listeners())
    for (const SitePlan& site : plan.sites)
      kept[site.credential].sites.push_back({plan.config->name, site.config->name()});
  staples_->keep(std::move(kept));
  staples_->start();
}

/// One that signs no messages is said, and the last good one stays.
void Gateway::use_signing_key(std::shared_ptr<const tls::Credential> own) {
  const auto used = signing_->use_credential(std::move(own));
  if (!used) log_.error("gateway.signing_key", {{"error", base::to_string(used.error())}});
}

/// Those that are new get their certificate and are looked after; those that no configuration names any more are not.
void Gateway::keep_upstreams(const Next& next) {
  const auto& upstreams = *next.generation->upstreams();
  const auto before = now_ == nullptr ? std::vector<std::shared_ptr<UpstreamState>>() : now_->upstreams()->all();
  const auto now = upstreams.all();
  for (const auto& state : before)
    if (std::ranges::find(now, state) == now.end()) state->retire();
  for (const auto& state : now) {
    if (proves_by(*state, UpstreamTls::Proof::service)) show(*state, next.service);
    if (now_ != nullptr && std::ranges::find(before, state) == before.end()) keeper_->keep(state);
  }
  for (const auto& [state, own] : next.for_upstreams)
    show(*state, own);
}

void Gateway::use_policy(Next& next) {
  const bool first = now_ == nullptr;  // which the gate was made with
  if (!first) gate_->replace(next.policy ? next.policy->policy : policy::Policy::nothing());
  policy_watch_.reset();
  if (!next.policy) return;
  const std::filesystem::path& file = next.generation->config().policy;
  policy::announce(*next.policy->policy, file.string(), gate_->generation(), log_);
  policy_watch_ = std::make_unique<policy::Watch>(*gate_, file, std::move(next.policy->text), log_);
}

void Gateway::put_in_place(Next& next) {
  service_.publish(next.service);
  keep_upstreams(next);
  if (next.signing) use_signing_key(next.signing);
  plane_->keep_only(keepings(next));
  const GatewayConfig& config = next.generation->config();
  if (next.other_policy) use_policy(next);
  doors_.keep(std::move(next.doors), config);
  now_ = next.generation;
  stapled_ = std::move(next.stapled);
  keep_staples();
  for (std::size_t i = 0; i < next.prepared.size(); ++i)
    workers_[i]->take_over(std::move(next.prepared[i]));
  spans_->use(config.telemetry);
  report_.note_taken(now_->number(), clock_.now());
  watch_files_of(config);
}

/// Files that are read again as a whole when one of them is another one. Those we renew ourselves are not among them.
void Gateway::watch_files_of(const GatewayConfig& config) {
  std::vector<std::filesystem::path> files = trust_files(config);
  files.insert(files.end(), {source_.file, config.trust_chain, config.partner_chain});
  // Once it is in force it has a watch of its own.
  if (!config.policy.empty() && (now_ == nullptr || config.policy != this->config().policy))
    files.push_back(config.policy);
  for (const ListenerConfig& listener : config.listeners)
    for (const SiteConfig* site : listener.reachable())
      if (!site->server_certificate.empty()) files.insert(files.end(), {site->server_certificate, site->server_key});
  for (const UpstreamSettings& upstream : config.upstreams)
    if (upstream.tls && upstream.tls->proof == UpstreamTls::Proof::files)
      files.insert(files.end(), {upstream.tls->credential.chain, upstream.tls->credential.key});
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  std::erase_if(watched_,
                [&](const base::FileChange& known) { return !std::ranges::binary_search(files, known.file()); });
  for (const std::filesystem::path& file : files) {
    if (std::ranges::find(watched_, file, &base::FileChange::file) != watched_.end()) continue;
    watched_.emplace_back(file);
    watched_.back().note_read();
  }
}

void Gateway::ask_feed_for_roots(const GatewayConfig& config) {
  std::vector<std::vector<x509::Certificate>> files = {roots_in(config.partner_chain)};
  for (const std::filesystem::path& file : trust_files(config))
    files.push_back(roots_in(file));
  plane_->use_other_roots(files);
}

base::Result<void> Gateway::take_newest() {
  for (base::FileChange& file : watched_)
    file.note_read();
  BASE_TRY(auto config, source_.read());
  watch_files_of(config);  // what is missing or broken now may be mended without another signal
  const auto fixed = keep_what_needs_a_restart(config, this->config());
  if (!fixed.empty())
    log_.warning("gateway.needs_restart",
                 {{"keys", joined(fixed)},
                  {"meaning", "these changed in the file and need a restart: until then they stay as they were"}});
  ask_feed_for_roots(config);
  BASE_TRY(auto next, prepare(std::move(config)));
  BASE_TRY_VOID(prepare_workers(next));
  put_in_place(next);
  return {};
}

void Gateway::reload(std::string_view why) {
  if (draining_) return;
  if (handing_over_) {
    reload_due_ = true;
    return;
  }
  service_manager_.reloading();
  const auto taken = take_newest();
  roots_missing_ = !taken && taken.error().code == "trust.empty";
  if (taken) {
    log_.info("gateway.reloaded", {{"generation", now_->number()}, {"why", why}});
    say_what_is_weak();
    say_who_may_come();
  } else {
    report_.note_kept(taken.error(), clock_.now());
    log_.error("gateway.reload_kept",
               {{"generation", now_->number()},
                {"error", base::to_string(taken.error())},
                {"meaning", "the configuration before it stays in force, whole, until this is mended"}});
  }
  if (policy_watch_) policy_watch_->take();
  service_manager_.ready(getpid());
}

net::Task<void> Gateway::reload_on_signal() {
  net::ReloadSignal signal(plane_->loop());
  while (co_await signal.next()) {
    log_.info("gateway.reload");
    reload("SIGHUP");
  }
}

net::Task<void> Gateway::reload_on_change() {
  for (;;) {
    co_await net::sleep_until(net::Deadline::after(kLook));
    bool changed = false;
    for (base::FileChange& file : watched_)
      changed = file.has_settled() || changed;
    if (changed) reload("a file changed");
    if (policy_watch_) policy_watch_->look();
  }
}

}  // namespace countersign::gateway
