#include "authority/ehi/troubles.h"

#include <algorithm>
#include <map>

#include "authority/ehi/servers.h"
#include "http/url.h"
#include "trust/find_reason.h"

namespace countersign::authority {
namespace {

using feed::EndpointReport;
using feed::EndpointState;
using store::EhiServerRow;
using store::EhiTroubleRow;
using State = EhiCondition::State;

/// Of the servers at the same address the one with that URL, else the oldest.
std::optional<EhiServerRow> find_server(const std::vector<EhiServerRow>& rows, const EndpointReport& report) {
  const auto called = http::Url::parse(report.url);
  const auto address = ehi_address(report.url);
  if (!called || !address) return std::nullopt;
  std::optional<EhiServerRow> found;
  for (const EhiServerRow& row : rows) {
    if (row.environment != base::name(report.environment) || row.address != *address) continue;
    if (const auto url = http::Url::parse(row.url); url && url->target == called->target) return row;
    if (!found) found = row;
  }
  return found;
}

/// One that goes on in a later run of its sender began before.
void join(EhiTroubleRow& row, const EhiTroubleRow& before) {
  if (before.ended_at) return;
  row.first_at = std::min(row.first_at, before.first_at);
  row.times = std::max(row.times, before.times);
}

base::Result<bool> note_one(store::Transaction& rows, EhiTroubleRow row, const EndpointReport& report) {
  const base::Instant now = row.heard_at;
  BASE_TRY(const auto before, store::find_ehi_trouble(rows, {row.server, row.sender, row.endpoint, row.used_for}));
  if (report.state == EndpointState::up) {
    if (!before || before->ended_at) return false;
    row = *before;
    row.heard_at = now;
    row.ended_at = now;
    BASE_TRY_VOID(store::put(rows, row));
    return true;
  }
  row.state = feed::name(report.state);
  row.code = report.code;
  if (report.reason) row.reason = trust::name(*report.reason);
  row.detail = report.detail;
  row.times = report.times;
  row.first_at = std::min(report.first, now);
  row.last_at = std::min(report.last, now);
  if (before) join(row, *before);
  BASE_TRY_VOID(store::put(rows, row));
  BASE_TRY_VOID(store::keep_newest_ehi_troubles(rows, row.server, kTroublesOfServer));
  return true;
}

State state_of(const EhiTroubleRow& row) { return row.state == "refused" ? State::refused : State::unreachable; }

/// A refusal says more than that nothing came back; of two alike the newer one.
bool is_worse(const EhiTroubleRow& one, const EhiTroubleRow& other) {
  if (state_of(one) != state_of(other)) return state_of(one) == State::refused;
  return one.last_at > other.last_at;
}

/// Repeated by its sender each minute, while somebody was there to hear it.
bool has_lapsed(const EhiTroubleRow& row, const Hearing& hearing) {
  return !row.ended_at && std::max(row.heard_at, hearing.since) + kTroubleLapse < hearing.now;
}

EhiCondition worst_of(const std::vector<const EhiTroubleRow*>& troubles) {
  const EhiTroubleRow* worst = troubles.front();
  for (const EhiTroubleRow* row : troubles)
    if (is_worse(*row, *worst)) worst = row;
  EhiCondition found{state_of(*worst), worst->code, worst->reason, worst->first_at, worst->last_at, 0};
  for (const EhiTroubleRow* row : troubles) {
    found.since = std::min(found.since, row->first_at);
    found.last = std::max(found.last, row->last_at);
    found.times += row->times;
  }
  return found;
}

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::unknown: return "unknown";
    case State::up: return "up";
    case State::refused: return "refused";
    case State::unreachable: return "unreachable";
  }
  return "";
}

base::Result<NotedReports> note_endpoint_reports(Ledger& ledger, const std::string& sender,
                                                 const std::vector<EndpointReport>& reports) {
  NotedReports noted;
  BASE_TRY(auto rows, ledger.note());
  BASE_TRY_VOID(store::forget_ehi_troubles(rows, ledger.now() - kTroubleMemory));
  std::map<std::string, std::vector<EhiServerRow>> servers;  // by organisation: many reports are of one
  for (const EndpointReport& report : reports) {
    const auto [of, is_new] = servers.try_emplace(report.organisation.text());
    if (is_new) {
      BASE_TRY(of->second,
               store::list_ehi_servers(rows, {.organisation = of->first, .limit = static_cast<int>(kEhiServerLimit)}));
    }
    const auto server = find_server(of->second, report);
    if (!server) {
      noted.unknown.push_back(report.url);
      continue;
    }
    EhiTroubleRow row{server->id, sender, report.endpoint, report.calls, "", ""};
    row.heard_at = ledger.now();
    BASE_TRY(const bool written, note_one(rows, std::move(row), report));
    if (written) ++noted.noted;
  }
  BASE_TRY_VOID(rows.commit());
  return noted;
}

EhiCondition condition_of(std::span<const EhiTroubleRow> rows, const Hearing& hearing) {
  EhiCondition up{.state = State::up};
  base::Instant known_at;   // the newest that counts
  base::Instant lapsed_at;  // the newest that does not
  std::vector<const EhiTroubleRow*> troubles;
  for (const EhiTroubleRow& row : rows) {
    const bool lapsed = has_lapsed(row, hearing);
    base::Instant& newest = lapsed ? lapsed_at : known_at;
    newest = std::max(newest, row.heard_at);
    if (row.ended_at) up.since = std::max(up.since, *row.ended_at);
    else if (!lapsed) troubles.push_back(&row);
  }
  if (!troubles.empty()) return worst_of(troubles);
  return rows.empty() || lapsed_at > known_at ? EhiCondition{} : up;
}

TroubleWords words_for(const std::string& code, const std::optional<std::string>& reason) {
  if (reason)
    if (const auto known = trust::find_reason(*reason))
      return {trust::explanation(*known).meaning, trust::explanation(*known).remedy(trust::Party::server)};
  if (const feed::EndpointTrouble* trouble = feed::find_endpoint_trouble(code))
    return {trouble->meaning, trouble->remedy};
  return {};
}

}  // namespace countersign::authority
