#include "authority/registry/followers.h"

#include <algorithm>
#include <set>

#include "authority/registry/rows.h"
#include "feed/holdings.h"
#include "store/certificates.h"
#include "store/issuers.h"

namespace countersign::authority {
namespace {

/// Rows of followers of long ago are removed at the next note.
constexpr base::Duration kForgetFollower = kFollowerMemory * 7;

/// How CAs of the line of `ca` are named in what followers hold: `ca` itself, and the others they may judge by now.
struct Line {
  std::string wanted;
  std::set<std::string> others;
};

base::Result<Line> find_line(store::Transaction& rows, const std::string& ca) {
  BASE_TRY(const auto cas, store::list_issuing_cas(rows));
  const auto named = std::ranges::find(cas, ca, &store::IssuingCaRow::name);
  Line line;
  for (const store::IssuingCaRow& row : cas) {
    if (named == cas.end() || row.line != named->line) continue;
    BASE_TRY(const auto certificate, to_certificate(row.der));
    if (row.name == ca) line.wanted = feed::holding_of(certificate);
    else line.others.insert(feed::holding_of(certificate));
  }
  return line;
}

/// Of two certificates of one program the older one is shown no more.
base::Result<void> drop_replaced(store::Transaction& rows, std::vector<store::FollowerRow>& followers,
                                 base::Instant now) {
  std::set<std::string> gone;
  for (const store::FollowerRow& follower : followers) {
    BASE_TRY(const auto row, store::find_certificate(rows, follower.serial));
    if (!row || row->revoked_at || row->not_after < now) gone.insert(follower.serial);
    if (row && row->replaces) gone.insert(*row->replaces);
  }
  std::erase_if(followers, [&](const store::FollowerRow& follower) { return gone.contains(follower.serial); });
  return {};
}

}  // namespace

base::Result<void> Followers::note(const x509::Certificate& caller, const std::string& urn,
                                   std::vector<std::string> holds) {
  const std::string serial = caller.serial().hex();
  const base::Instant now = ledger_.now();
  const auto known = noted_.find(serial);
  const bool fresh = known != noted_.end() && now >= known->second.at && now < known->second.at + kFollowerNote;
  if (fresh && known->second.holds == holds) return {};
  BASE_TRY(auto rows, ledger_.write_unaudited());
  BASE_TRY_VOID(store::forget_followers(rows, now - kForgetFollower));
  BASE_TRY_VOID(store::put_follower(rows, {serial, urn, holds, now}));
  BASE_TRY_VOID(rows.commit());
  std::erase_if(noted_, [&](const auto& one) { return one.second.at < now - kFollowerMemory; });
  noted_[serial] = {std::move(holds), now};
  return {};
}

base::Result<std::vector<FollowerStanding>> list_standings(store::Transaction& rows, const std::string& ca,
                                                           base::Instant now) {
  BASE_TRY(const Line line, find_line(rows, ca));
  BASE_TRY(auto followers, store::list_followers(rows, now - kFollowerMemory));
  BASE_TRY_VOID(drop_replaced(rows, followers, now));
  std::vector<FollowerStanding> standings;
  for (store::FollowerRow& row : followers) {
    const bool holds = std::ranges::find(row.holds, line.wanted) != row.holds.end();
    const bool judges = std::ranges::any_of(row.holds, [&](const auto& held) { return line.others.contains(held); });
    const bool concerned = holds || judges || row.holds.empty();
    standings.push_back({std::move(row), concerned, holds});
  }
  return standings;
}

}  // namespace countersign::authority
