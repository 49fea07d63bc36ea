#include "feed/follower.h"

#include <algorithm>

#include "feed/holdings.h"
#include "tls/refused.h"

namespace countersign::feed {
namespace {

constexpr base::Duration kConnectTime = std::chrono::seconds(5);
constexpr base::Duration kSnapshotTime = std::chrono::seconds(120);
constexpr int kPollSeconds = 20;
constexpr base::Duration kPollTime = std::chrono::seconds(kPollSeconds + 10);
constexpr base::Duration kFirstBackOff = std::chrono::milliseconds(100);
constexpr base::Duration kLongestBackOff = std::chrono::seconds(3);
/// After this many appended changes the copy is written afresh, so that it does not grow for ever.
constexpr std::size_t kAppendLimit = 10'000;
constexpr base::Duration kCopyRetry = std::chrono::seconds(5);

}  // namespace

Follower::Follower(net::Loop& loop, Options options, Knowledge& knowledge, const base::Clock& clock,
                   const base::Log& log)
    : loop_(loop),
      options_(std::move(options)),
      knowledge_(knowledge),
      clock_(clock),
      log_(log),
      copy_(options_.copy) {}

void Follower::use_roots(std::vector<x509::Certificate> roots) {
  const auto is_new = [this](const x509::Certificate& root) {
    return std::ranges::find(options_.roots, root) == options_.roots.end();
  };
  snapshot_due_ = snapshot_due_ || std::ranges::any_of(roots, is_new);
  options_.roots = std::move(roots);
}

void Follower::leave_copy_to_another() {
  copy_is_ours_ = false;
  copy_whole_ = false;
}

/// Whoever had it may have written anything.
void Follower::take_copy_back() {
  copy_is_ours_ = true;
  copy_whole_ = false;
  next_copy_ = {};
}

/// A root that is told anew must be installed, or vouched for by one that is believed.
bool Follower::is_foreign_root(const Fact& fact) {
  const auto* root = std::get_if<RootFact>(&fact);
  if (root == nullptr) return false;
  std::erase_if(told_, [&](const trust::ProposedRoot& known) { return known.certificate == root->certificate; });
  told_.push_back({root->certificate, root->crosses});
  const auto believed = trust::believed_roots(options_.roots, told_, clock_.now());
  if (std::ranges::find(believed, root->certificate) == believed.end()) {
    told_.pop_back();
    log_.error("feed.foreign_root", {{"subject", root->certificate.subject().text},
                                     {"fingerprint", base::to_hex(root->certificate.fingerprint())},
                                     {"remedy", "if this root is meant, install it in the files of trusted roots"}});
    return true;
  }
  if (std::ranges::find(options_.roots, root->certificate) == options_.roots.end())
    log_.info("feed.root_vouched_for",
              {{"subject", root->certificate.subject().text},
               {"fingerprint", base::to_hex(root->certificate.fingerprint())},
               {"remedy", "install it in the files of trusted roots before the one that vouches for it is taken out"}});
  return false;
}

/// In a snapshot one root may vouch for another that stands before it: a round for each, until none is new.
void Follower::drop_foreign_roots(std::vector<Fact>& facts) {
  told_.clear();
  std::vector<trust::ProposedRoot> proposed;
  for (const Fact& fact : facts)
    if (const auto* root = std::get_if<RootFact>(&fact)) proposed.push_back({root->certificate, root->crosses});
  const auto believed = trust::believed_roots(options_.roots, proposed, clock_.now());
  for (const trust::ProposedRoot& root : proposed)
    if (std::ranges::find(believed, root.certificate) != believed.end()) told_.push_back(root);
  std::erase_if(facts, [&](const Fact& fact) { return is_foreign_root(fact); });
}

void Follower::report(const std::vector<Unreadable>& unreadable) const {
  for (const Unreadable& fact : unreadable)
    log_.error("feed.unreadable_fact", {{"sequence", fact.sequence}, {"error", base::to_string(fact.error)}});
}

base::Result<void> Follower::know(Snapshot snapshot) {
  report(snapshot.unreadable);
  drop_foreign_roots(snapshot.facts);
  return knowledge_.replace(snapshot);
}

base::Result<bool> Follower::start_from_copy() {
  BASE_TRY(auto content, copy_.load());
  if (!content) return false;
  BASE_TRY_VOID(know(std::move(content->snapshot)));
  report(content->changes.unreadable);
  for (const Change& change : content->changes.changes)
    take_over_one(change);
  for (const Unreadable& unreadable : content->changes.unreadable)
    knowledge_.skip(unreadable.sequence);
  copy_whole_ = true;
  appended_ = content->changes.changes.size();
  log_.info("feed.copy_loaded", {{"file", copy_.path().string()},
                                 {"sequence", knowledge_.sequence()},
                                 {"certificates", knowledge_.registry().size()}});
  return true;
}

net::Task<base::Result<AuthorityLink>> Follower::open(net::Deadline deadline) {
  BASE_CO_TRY(const auto credential, load(options_.credential));
  BASE_CO_TRY(auto context, tls::ClientContext::make(&credential));
  co_return co_await AuthorityLink::open(loop_, options_.link, std::move(context), clock_, deadline);
}

net::Task<base::Result<void>> Follower::take_snapshot(net::Deadline deadline) {
  auto link = co_await open(deadline);
  if (!link) co_return base::unexpected(std::move(link).error());
  co_return co_await take_snapshot_over(*link, deadline);
}

/// Writes to the copy. A failure is said aloud and mended by a fresh snapshot later; what is known holds all the same.
void Follower::save(const std::function<base::Result<void>()>& write) {
  if (!copy_is_ours_) return;
  const auto written = write();
  copy_whole_ = written.has_value();
  if (copy_whole_) return;
  next_copy_ = net::Deadline::after(kCopyRetry);
  log_.error("feed.copy_failed", {{"error", base::to_string(written.error())},
                                  {"meaning", "after a restart without the authority, older knowledge would be used"}});
}

net::Task<base::Result<void>> Follower::take_snapshot_over(AuthorityLink& link, net::Deadline deadline) {
  auto text = co_await link.get("/v1/feed/snapshot", deadline);
  if (!text) co_return base::unexpected(std::move(text).error());
  BASE_CO_TRY(const Snapshot snapshot, parse_snapshot(*text));
  BASE_CO_TRY_VOID(know(snapshot));
  last_answer_ = clock_.now();
  snapshot_due_ = false;
  changed_();
  save([&] { return copy_.start(snapshot); });
  appended_ = 0;
  log_.info("feed.snapshot", {{"sequence", snapshot.sequence}, {"facts", snapshot.facts.size()}});
  co_return base::Result<void>();
}

void Follower::take_over_one(const Change& change) {
  if (is_foreign_root(change.fact)) return knowledge_.skip(change.sequence);
  if (const auto applied = knowledge_.apply(change); !applied)
    log_.error("feed.bad_fact", {{"sequence", change.sequence}, {"error", base::to_string(applied.error())}});
}

/// Effect first: a revocation acts even when the disk is full; then the copy, so that it still holds after a restart.
void Follower::take_over(const Changes& changes) {
  report(changes.unreadable);
  for (const Change& change : changes.changes)
    take_over_one(change);
  for (const Unreadable& unreadable : changes.unreadable)
    knowledge_.skip(unreadable.sequence);
  changed_();
  if (copy_whole_) save([&] { return copy_.append(changes); });
  appended_ += changes.changes.size() + changes.unreadable.size();
}

/// What is believed now; looked up anew when trust changed.
const std::string& Follower::holdings() {
  const auto trust = knowledge_.trust();
  if (trust != nullptr && trust->generation() != holdings_trust_) {
    holdings_ = holdings_in(*trust);
    holdings_trust_ = trust->generation();
  }
  return holdings_;
}

net::Task<base::Result<void>> Follower::poll(AuthorityLink& link) {
  if (snapshot_due_) co_return co_await take_snapshot_over(link, net::Deadline::after(kSnapshotTime));
  const bool copy_due = copy_is_ours_ && (!copy_whole_ || appended_ >= kAppendLimit);
  if (copy_due && (!next_copy_ || next_copy_->passed()))
    co_return co_await take_snapshot_over(link, net::Deadline::after(kSnapshotTime));
  const std::uint64_t after = knowledge_.sequence();
  const int wait =
      copy_due ? static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(kCopyRetry).count()) : kPollSeconds;
  std::string target = "/v1/feed/changes?feed=" + knowledge_.feed() + "&after=" + std::to_string(after) +
                       "&wait=" + std::to_string(wait) + "&holds=" + holdings();
  auto text = co_await link.get(std::move(target), net::Deadline::after(kPollTime));
  if (!text && text.error().code == "feed.gone")
    co_return co_await take_snapshot_over(link, net::Deadline::after(kSnapshotTime));
  if (!text) co_return base::unexpected(std::move(text).error());
  BASE_CO_TRY(const auto changes, parse_changes(*text, after));
  last_answer_ = clock_.now();
  if (!changes.changes.empty() || !changes.unreadable.empty()) take_over(changes);
  co_return base::Result<void>();
}

net::Task<base::Error> Follower::follow_until_failure() {
  auto link = co_await open(net::Deadline::after(kConnectTime));
  if (!link) co_return std::move(link).error();
  if (!std::exchange(reachable_, true))
    log_.info("feed.reconnected", {{"authority", options_.link.authority.to_string()}});
  for (;;) {
    if (const auto refusal = link->reconsider(clock_.now())) co_return tls::refused(*refusal);
    auto polled = co_await poll(*link);
    if (!polled) co_return std::move(polled).error();
  }
}

net::Task<void> Follower::run(Changed changed) {
  changed_ = std::move(changed);
  base::Duration back_off = kFirstBackOff;
  for (;;) {
    const auto started = clock_.now();
    const base::Error error = co_await follow_until_failure();
    if (std::exchange(reachable_, false))
      log_.warning("feed.lost", {{"authority", options_.link.authority.to_string()},
                                 {"error", base::to_string(error)},
                                 {"sequence", knowledge_.sequence()}});
    if (clock_.now() - started > kLongestBackOff) back_off = kFirstBackOff;
    co_await net::sleep_until(net::Deadline::after(back_off));
    back_off = std::min(back_off * 2, kLongestBackOff);
  }
}

}  // namespace countersign::feed
