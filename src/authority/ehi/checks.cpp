#include "authority/ehi/checks.h"

#include "check/report.h"

namespace countersign::authority {
namespace {

using store::EhiServerRow;

/// Checks that are given up on the way to one to run.
constexpr int kMostGivenUp = 100;

base::Error given_up() {
  return {base::Kind::unavailable, "ehi_check.given_up", "the authority that ran the check has not ended it: ask again",
          nullptr};
}

/// What `row` was when it was found: nobody else has begun or ended that check since.
bool is_still(const EhiServerRow& now, const EhiServerRow& found) {
  return now.check_state == found.check_state && now.check_asked_at == found.check_asked_at &&
         now.check_begun_at == found.check_begun_at;
}

base::json::array names_of(const check::Report& report, check::Severity severity) {
  base::json::array names;
  for (const check::Finding& finding : report.findings)
    if (finding.severity == severity) names.emplace_back(finding.id);
  return names;
}

/// As it is stored. Fails: `ehi_check.report`.
base::Result<std::string> to_stored(const base::Result<check::Report>& outcome) {
  if (!outcome) return base::unexpected(outcome.error());
  std::string text = base::json::serialize(check::to_json(*outcome));
  if (text.size() <= kEhiReportLimit) return text;
  return base::fail(base::Kind::internal, "ehi_check.report",
                    "its report is too large to be kept; run `countersign check ehi` by hand");
}

}  // namespace

base::Result<std::optional<BegunCheck>> EhiChecks::begin() {
  for (int i = 0; i < kMostGivenUp; ++i) {
    std::optional<EhiServerRow> found;
    {
      BASE_TRY(auto rows, ledger_.read());
      BASE_TRY(found, store::find_ehi_check_to_run(rows, ehi_check_times(ledger_.now())));
    }
    if (!found) return std::nullopt;
    BASE_TRY(auto begun, begin(std::move(*found)));
    if (begun) return begun;
  }
  return std::nullopt;
}

base::Result<std::optional<BegunCheck>> EhiChecks::begin(EhiServerRow found) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_ehi_server(amendment.rows(), found.id));
  if (!row || row->removed_at || !is_still(*row, found)) return std::nullopt;  // somebody else's
  if (row->check_state == "running") {
    BASE_TRY_VOID(write_end(amendment, std::move(*row), base::unexpected(given_up())));
    BASE_TRY_VOID(amendment.commit());
    return std::nullopt;
  }
  row->check_state = "running";
  row->check_begun_at = ledger_.now();
  BASE_TRY_VOID(store::update(amendment.rows(), *row));
  BASE_TRY_VOID(amendment.audit(
      {the_authority(), "ehi_check.begun", row->organisation, {{"server", row->id}, {"url", row->url}}}));
  BASE_TRY_VOID(amendment.commit());
  return BegunCheck{std::move(*row), hierarchy_.trust_chain(Root::provider)};
}

base::Result<void> EhiChecks::end(const BegunCheck& begun, const base::Result<check::Report>& outcome) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_ehi_server(amendment.rows(), begun.server.id));
  if (!row || !is_still(*row, begun.server)) return {};
  BASE_TRY_VOID(write_end(amendment, std::move(*row), outcome));
  return amendment.commit();
}

base::Result<void> EhiChecks::write_end(Amendment& amendment, EhiServerRow row,
                                        const base::Result<check::Report>& outcome) {
  const auto text = to_stored(outcome);
  base::json::object detail{{"server", row.id}, {"url", row.url}, {"asked_by", row.check_asked_by.value_or("")}};
  row.check_ended_at = ledger_.now();
  row.check_state = text ? "ended" : "failed";
  if (text) {
    row.check_verdict = outcome->count(check::Severity::fail) == 0 ? "pass" : "fail";
    row.check_not_tried = static_cast<std::int64_t>(outcome->count(check::Severity::not_tried));
    // Of one that was removed only when it ended is of use: its address is left alone for a while from then on.
    if (!row.removed_at) BASE_TRY_VOID(store::put_ehi_report(amendment.rows(), row.id, *text));
    detail["verdict"] = *row.check_verdict;
    detail["not_tried"] = *row.check_not_tried;
    detail["failed"] = names_of(*outcome, check::Severity::fail);
  } else {
    row.check_error = base::to_string(text.error()).substr(0, kEhiErrorLimit);
    detail["error"] = text.error().code;
  }
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  return amendment.audit({the_authority(), "ehi_check.ended", row.organisation, std::move(detail)});
}

}  // namespace countersign::authority
