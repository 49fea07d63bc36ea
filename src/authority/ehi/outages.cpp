#include "authority/ehi/outages.h"

#include <algorithm>
#include <map>
#include <set>

#include "authority/ehi/outage_text.h"
#include "authority/notices/letters.h"
#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

using store::EhiOutageRow;
using store::EhiTroubleRow;
using State = EhiCondition::State;

/// More than there can be, with a calm behind each.
constexpr int kOutagesOfADay = 200;
constexpr base::Duration kDay = std::chrono::hours(24);

std::optional<base::Instant>& told_at(EhiOutageRow& row, State state) {
  return state == State::refused ? row.refused_told_at : row.unreachable_told_at;
}

bool was_told(const EhiOutageRow& row) { return row.refused_told_at || row.unreachable_told_at; }

}  // namespace

base::Result<std::vector<Outages::Due>> Outages::find_due() {
  BASE_TRY(auto rows, parts_.ledger.read());
  BASE_TRY(const auto troubles, store::list_ehi_troubles(rows, {.limit = kTroublesListed}));
  BASE_TRY(const auto open, store::list_open_ehi_outages(rows, kOutagesListed));
  std::map<std::string, std::vector<EhiTroubleRow>> by_server;  // where something goes on
  for (const EhiOutageRow& row : open)
    by_server.try_emplace(row.server);
  for (const EhiTroubleRow& row : troubles)
    if (!row.ended_at) by_server.try_emplace(row.server);
  for (const EhiTroubleRow& row : troubles)
    if (const auto found = by_server.find(row.server); found != by_server.end()) found->second.push_back(row);
  std::vector<Due> due;
  for (const auto& [id, of_server] : by_server) {
    BASE_TRY(auto server, store::find_ehi_server(rows, id));
    if (!server) continue;
    Due one{std::move(*server), condition_of(of_server, parts_.ledger.now())};
    BASE_TRY(const bool is_one, is_due(rows, one));
    if (is_one) due.push_back(std::move(one));
  }
  return due;
}

base::Result<bool> Outages::is_due(store::Transaction& rows, const Due& one) {
  BASE_TRY(auto open, store::find_open_ehi_outage(rows, one.server.id));
  const EhiCondition& condition = one.condition;
  const base::Instant now = parts_.ledger.now();
  if (!condition.is_trouble()) {
    if (!open) return false;
    return condition.state == State::unknown || condition.since + kOutageCalm <= now;
  }
  if (one.server.removed_at) return false;
  if (open && told_at(*open, condition.state)) return false;
  const bool quiet = open && !was_told(*open);  // too many were told that day
  if (quiet && open->state == name(condition.state)) return false;
  return condition.state == State::refused || condition.since + kOutagePatience <= now;
}

/// Else all partners would be written to when we have cut ourselves off, or when a sender lies.
void Outages::hold_back(std::vector<Due>& due) const {
  const auto is_away = [](const Due& one) { return one.condition.state == State::unreachable; };
  std::set<std::string> organisations;
  for (const Due& one : due)
    if (is_away(one)) organisations.insert(one.server.organisation);
  if (organisations.size() <= kUnreachableAtOnce) return;
  std::erase_if(due, is_away);
  parts_.log.error("ehi_servers.many_unreachable",
                   {{"organisations", organisations.size()},
                    {"meaning", "nobody is written to: it is rather our own network that is cut off"}});
}

base::Result<std::size_t> Outages::write() {
  BASE_TRY(auto due, find_due());
  hold_back(due);
  if (due.size() > kOutagesAtOnce) due.resize(kOutagesAtOnce);
  std::size_t written = 0;
  for (const Due& one : due) {
    BASE_TRY(const bool done, write(one));
    if (done) ++written;
  }
  return written;
}

/// As it is by now: a sender, or another authority, may have been here meanwhile.
base::Result<bool> Outages::write(const Due& found) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(auto server, store::find_ehi_server(amendment.rows(), found.server.id));
  if (!server) return false;
  BASE_TRY(const auto troubles,
           store::list_ehi_troubles(amendment.rows(), {.server = server->id, .limit = kTroublesOfServer}));
  const Due due{std::move(*server), condition_of(troubles, parts_.ledger.now())};
  BASE_TRY(const bool is_still_due, is_due(amendment.rows(), due));
  if (!is_still_due) return false;
  BASE_TRY(auto open, store::find_open_ehi_outage(amendment.rows(), due.server.id));
  BASE_TRY_VOID(store::forget_ehi_outages(amendment.rows(), parts_.ledger.now() - kOutageMemory));
  if (!open) return begin(amendment, due);
  return due.condition.is_trouble() ? go_on(amendment, due, std::move(*open)) : end(amendment, due, std::move(*open));
}

base::Result<bool> Outages::begin(Amendment& amendment, const Due& due) {
  BASE_TRY(const auto before, store::list_ehi_outages(amendment.rows(), due.server.id, kOutagesOfADay));
  EhiOutageRow row;
  row.server = due.server.id;
  // One that lapsed and is heard of again began before the other ended.
  const bool overlaps = !before.empty() && before.front().ended_at.value_or(row.began_at) >= due.condition.since;
  row.began_at = overlaps ? parts_.ledger.now() : due.condition.since;
  row.state = name(due.condition.state);
  row.code = due.condition.code;
  row.reason = due.condition.reason;
  const auto is_recent = [&](const EhiOutageRow& one) {
    return was_told(one) && one.began_at + kDay > parts_.ledger.now();
  };
  const bool too_many = std::ranges::count_if(before, is_recent) >= kOutagesToldADay;
  if (!too_many) told_at(row, due.condition.state) = parts_.ledger.now();
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  return tell(amendment, due, row);
}

base::Result<bool> Outages::go_on(Amendment& amendment, const Due& due, EhiOutageRow row) {
  const bool quiet = !was_told(row);
  row.state = name(due.condition.state);
  row.code = due.condition.code;
  row.reason = due.condition.reason;
  if (!quiet) told_at(row, due.condition.state) = parts_.ledger.now();
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  return tell(amendment, due, row);
}

base::Result<bool> Outages::end(Amendment& amendment, const Due& due, EhiOutageRow row) {
  const bool recovered = due.condition.state == State::up;
  row.ended_at = std::max(row.began_at, recovered ? due.condition.since : parts_.ledger.now());
  row.ended_by = recovered ? "recovered" : "lapsed";
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  return tell(amendment, due, row);
}

/// Of one that lapsed nobody is told: nobody knows how the server is.
base::Result<bool> Outages::tell(Amendment& amendment, const Due& due, const EhiOutageRow& row) {
  const std::string event = event_of(due.condition, row);
  std::size_t letters = 0;
  if (was_told(row) && row.ended_by != "lapsed") {
    const Writing writing{
        .organisation = due.server.organisation,
        .environment = due.server.environment,
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
