#include "authority/ehi/outages.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "authority/ehi/outage_text.h"
#include "authority/notices/letters.h"
#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

using store::EhiOutageRow;
using store::EhiTroubleRow;
using State = EhiCondition::State;

constexpr base::Duration kDay = std::chrono::hours(24);

std::optional<base::Instant>& told_at(EhiOutageRow& row, State state) {
  return state == State::refused ? row.refused_told_at : row.unreachable_told_at;
}
const std::optional<base::Instant>& told_at(const EhiOutageRow& row, State state) {
  return state == State::refused ? row.refused_told_at : row.unreachable_told_at;
}

bool was_told(const EhiOutageRow& row) { return row.refused_told_at || row.unreachable_told_at; }

void set_state(EhiOutageRow& row, const EhiCondition& condition) {
  row.state = name(condition.state);
  row.code = condition.code;
  row.reason = condition.reason;
}

}  // namespace

Hearing Outages::hearing() const { return {.now = parts_.ledger.now(), .since = hears_since_}; }

/// All servers with trouble or an outage that goes on, page by page: none stands behind others.
base::Result<std::vector<Outages::Look>> Outages::look() {
  BASE_TRY(auto rows, parts_.ledger.read());
  // Trouble that was not heard of since then begins no outage; one that has begun is looked at whatever is heard.
  store::TroubledFilter filter{.heard_since = parts_.ledger.now() - kTroubleLapse, .limit = kOutagesOfAPage};
  std::vector<Look> looks;
  for (;;) {
    BASE_TRY(const auto page, store::list_troubled_ehi_servers(rows, filter));
    BASE_TRY(auto of_page, look_at(rows, page));
    std::ranges::move(of_page, std::back_inserter(looks));
    if (std::cmp_less(page.size(), kOutagesOfAPage)) return looks;
    filter.after = page.back();
  }
}

base::Result<std::vector<Outages::Look>> Outages::look_at(store::Transaction& rows,
                                                          const std::vector<std::string>& servers) {
  std::vector<Look> looks;
  if (servers.empty()) return looks;
  BASE_TRY(auto found, store::list_ehi_servers_of(rows, servers));
  BASE_TRY(const auto open, store::list_open_ehi_outages(rows, servers));
  const int most = static_cast<int>(servers.size()) * kTroublesOfServer;
  BASE_TRY(const auto troubles, store::list_ehi_troubles(rows, {.servers = servers, .limit = most}));
  std::map<std::string, std::vector<EhiTroubleRow>> of_server;
  for (const EhiTroubleRow& row : troubles)
    of_server[row.server].push_back(row);
  for (store::EhiServerRow& server : found) {
    Look one{.server = std::move(server), .condition = {}, .open = std::nullopt};
    one.condition = condition_of(of_server[one.server.id], hearing());
    const auto its = std::ranges::find(open, one.server.id, &EhiOutageRow::server);
    if (its != open.end()) one.open = *its;
    looks.push_back(std::move(one));
  }
  return looks;
}

/// Those in trouble longest first.
base::Result<std::vector<Outages::Look>> Outages::find_due(const std::vector<Look>& looks) {
  BASE_TRY(auto rows, parts_.ledger.read());
  std::vector<Look> due;
  for (const Look& one : looks) {
    BASE_TRY(const bool is_one, is_due(rows, one));
    if (is_one) due.push_back(one);
  }
  std::ranges::stable_sort(due, {}, [](const Look& one) { return one.condition.since; });
  return due;
}

base::Result<bool> Outages::is_due(store::Transaction& rows, const Look& one) {
  const EhiCondition& condition = one.condition;
  const base::Instant now = parts_.ledger.now();
  if (!condition.is_trouble())
    return one.open && (condition.state == State::unknown || condition.since + kOutageCalm <= now);
  if (one.server.removed_at) return false;
  if (condition.state == State::unreachable && condition.since + kOutagePatience > now) return false;
  if (!one.open) return true;
  if (told_at(*one.open, condition.state)) return false;
  if (was_told(*one.open) || one.open->state != name(condition.state)) return true;
  return may_tell(rows, one.server.id);
}

base::Result<bool> Outages::may_tell(store::Transaction& rows, const std::string& server) {
  BASE_TRY(const auto told, store::count_told_ehi_outages(rows, server, parts_.ledger.now() - kDay));
  return told < kOutagesToldADay;
}

/// Of those that were told already, too: not all of a cut become due in the same step.
bool Outages::are_too_many_away(const std::vector<Look>& looks) const {
  std::set<std::string> organisations;
  for (const Look& one : looks) {
    if (one.condition.state != State::unreachable) continue;
    const bool is_known =
        one.open && one.open->unreachable_told_at.value_or(parts_.ledger.now()) + kOutageIsKnown <= parts_.ledger.now();
    if (!is_known) organisations.insert(one.server.organisation);
  }
  return organisations.size() > kUnreachableAtOnce;
}

/// Else all partners would be written to when we have cut ourselves off, or when a sender lies.
void Outages::hold_back(std::vector<Look>& due) const {
  const auto held = std::erase_if(due, [](const Look& one) { return one.condition.state == State::unreachable; });
  if (held == 0) return;
  parts_.log.error("ehi_servers.many_unreachable",
                   {{"held_back", held},
                    {"meaning",
                     "servers of more organisations cannot be reached at once than are told: it is rather our "
                     "own network that is cut off"}});
}

base::Result<std::size_t> Outages::write() {
  const base::Instant now = parts_.ledger.now();
  const bool was_away = !looked_at_ || now < *looked_at_ || now - *looked_at_ > kOutageGap;
  if (was_away) hears_since_ = now;
  BASE_TRY(const auto looks, look());
  looked_at_ = now;
  BASE_TRY(auto due, find_due(looks));
  if (are_too_many_away(looks)) hold_back(due);
  if (due.size() > kOutagesAtOnce) due.resize(kOutagesAtOnce);
  std::size_t written = 0;
  for (const Look& one : due) {
    BASE_TRY(const bool done, write(one.server.id));
    if (done) ++written;
  }
  return written;
}

/// As it is by now: a sender, or another authority, may have been here meanwhile.
base::Result<bool> Outages::write(const std::string& server) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const auto looks, look_at(amendment.rows(), {server}));
  if (looks.empty()) return false;
  const Look& due = looks.front();
  BASE_TRY(const bool is_still_due, is_due(amendment.rows(), due));
  if (!is_still_due) return false;
  BASE_TRY_VOID(store::forget_ehi_outages(amendment.rows(), parts_.ledger.now() - kOutageMemory));
  if (!due.open) return begin(amendment, due);
  return due.condition.is_trouble() ? go_on(amendment, due) : end(amendment, due);
}

base::Result<bool> Outages::begin(Amendment& amendment, const Look& due) {
  BASE_TRY(const auto before, store::list_ehi_outages(amendment.rows(), due.server.id, 1));
  EhiOutageRow row;
  row.server = due.server.id;
  // One that lapsed and is heard of again began before the other ended.
  const bool overlaps = !before.empty() && before.front().ended_at.value_or(row.began_at) >= due.condition.since;
  row.began_at = overlaps ? parts_.ledger.now() : due.condition.since;
  set_state(row, due.condition);
  BASE_TRY(const bool told, may_tell(amendment.rows(), due.server.id));
  if (told) told_at(row, due.condition.state) = parts_.ledger.now();
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  return tell(amendment, due, row);
}

base::Result<bool> Outages::go_on(Amendment& amendment, const Look& due) {
  EhiOutageRow row = *due.open;
  set_state(row, due.condition);
  bool told = was_told(row);
  if (!told) {
    BASE_TRY(told, may_tell(amendment.rows(), due.server.id));
  }
  if (told) told_at(row, due.condition.state) = parts_.ledger.now();
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  return tell(amendment, due, row);
}

base::Result<bool> Outages::end(Amendment& amendment, const Look& due) {
  EhiOutageRow row = *due.open;
  const bool recovered = due.condition.state == State::up;
  row.ended_at = std::max(row.began_at, recovered ? due.condition.since : parts_.ledger.now());
  row.ended_by = recovered ? "recovered" : "lapsed";
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  return tell(amendment, due, row);
}

/// Of one that lapsed nobody is told: nobody knows how the server is. What was written before and is not sent yet is
/// true no longer.
base::Result<bool> Outages::tell(Amendment& amendment, const Look& due, const EhiOutageRow& row) {
  const std::string event = event_of(due.condition, row);
  BASE_TRY_VOID(store::drop_trouble_letters(amendment.rows(), due.server.id, parts_.ledger.now()));
  std::size_t letters = 0;
  if (was_told(row) && row.ended_by != "lapsed") {
    const Writing writing{
        .organisation = due.server.organisation,
        .environment = due.server.environment,
        .trouble_of = due.condition.is_trouble() ? std::optional(due.server.id) : std::nullopt,
        .wording = {.mail = to_mail(due.server, due.condition, row), .webhook = [&](const store::LetterRow& letter) {
                      return to_webhook(due.server, due.condition, row, letter);
                    }}};
    BASE_TRY(letters, write_letters(amendment, {parts_.random, parts_.ledger.now(), parts_.has_mail}, writing));
  }
  base::json::object detail{{"server", due.server.id},
                            {"url", due.server.url},
                            {"since", base::to_rfc3339(row.began_at)},
                            {"code", row.code},
                            {"letters", letters}};
  if (row.reason) detail["reason"] = *row.reason;
  BASE_TRY_VOID(amendment.audit({the_authority(), event, due.server.organisation, std::move(detail)}));
  BASE_TRY_VOID(amendment.commit());
  const base::Fields fields{{"organisation", due.server.organisation},
                            {"server", due.server.id},
                            {"url", due.server.url},
                            {"code", row.code},
                            {"letters", letters}};
  if (due.condition.is_trouble()) parts_.log.warning(event, fields);
  else parts_.log.info(event, fields);
  return true;
}

}  // namespace countersign::authority
