#include "feed/follower.h"

#include <algorithm>

namespace countersign::feed {
namespace {

constexpr base::Duration kConnectTime = std::chrono::seconds(5);
constexpr base::Duration kSnapshotTime = std::chrono::seconds(120);
constexpr int kPollSeconds = 20;
constexpr base::Duration kPollTime = std::chrono::seconds(kPollSeconds + 10);
constexpr base::Duration kFirstBackOff = std::chrono::milliseconds(100);
constexpr base::Duration kLongestBackOff = std::chrono::seconds(3);

}  // namespace

Follower::Follower(net::Loop& loop, Options options, Knowledge& knowledge, const base::Clock& clock,
                   const base::Log& log)
    : loop_(loop),
      options_(std::move(options)),
      knowledge_(knowledge),
      clock_(clock),
      log_(log),
      copy_(options_.copy) {}

base::Result<bool> Follower::start_from_copy() {
  BASE_TRY(const auto content, copy_.load());
  if (!content) return false;
  BASE_TRY_VOID(knowledge_.replace(content->snapshot));
  for (const Change& change : content->changes)
    BASE_TRY_VOID(knowledge_.apply(change));
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

net::Task<base::Result<void>> Follower::take_snapshot_over(AuthorityLink& link, net::Deadline deadline) {
  auto text = co_await link.get("/v1/feed/snapshot", deadline);
  if (!text) co_return base::unexpected(std::move(text).error());
  BASE_CO_TRY(const Snapshot snapshot, parse_snapshot(*text));
  BASE_CO_TRY_VOID(knowledge_.replace(snapshot));
  BASE_CO_TRY_VOID(copy_.start(snapshot));
  last_answer_ = clock_.now();
  log_.info("feed.snapshot", {{"sequence", snapshot.sequence}, {"facts", snapshot.facts.size()}});
  co_return base::Result<void>();
}

base::Result<void> Follower::take_over(const std::vector<Change>& changes) {
  // Effect first: a revocation acts even when the disk is full; then the copy, so that it still holds after a restart.
  for (const Change& change : changes)
    BASE_TRY_VOID(knowledge_.apply(change));
  return copy_.append(changes);
}

net::Task<base::Result<void>> Follower::poll(AuthorityLink& link, const Changed& changed) {
  std::string target =
      "/v1/feed/changes?after=" + std::to_string(knowledge_.sequence()) + "&wait=" + std::to_string(kPollSeconds);
  auto text = co_await link.get(std::move(target), net::Deadline::after(kPollTime));
  if (!text && text.error().code == "feed.gone") {
    auto taken = co_await take_snapshot_over(link, net::Deadline::after(kSnapshotTime));
    if (taken) changed();
    co_return taken;
  }
  if (!text) co_return base::unexpected(std::move(text).error());
  BASE_CO_TRY(const auto changes, parse_changes(*text));
  last_answer_ = clock_.now();
  if (changes.empty()) co_return base::Result<void>();
  auto taken = take_over(changes);
  changed();
  if (!taken) log_.error("feed.copy_failed", {{"error", base::to_string(taken.error())}});
  co_return base::Result<void>();
}

net::Task<base::Error> Follower::follow_until_failure(const Changed& changed) {
  auto link = co_await open(net::Deadline::after(kConnectTime));
  if (!link) co_return std::move(link).error();
  if (!std::exchange(reachable_, true))
    log_.info("feed.reconnected", {{"authority", options_.link.authority.to_string()}});
  for (;;) {
    auto polled = co_await poll(*link, changed);
    if (!polled) co_return std::move(polled).error();
  }
}

net::Task<void> Follower::run(Changed changed) {
  base::Duration back_off = kFirstBackOff;
  for (;;) {
    const auto started = clock_.now();
    const base::Error error = co_await follow_until_failure(changed);
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
