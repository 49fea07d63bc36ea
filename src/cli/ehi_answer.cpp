#include "cli/ehi_answer.h"

#include "cli/admin_answer.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

/// The object `name` of an answer; empty where it is not there.
json::object inner(const json::object& answer, std::string_view name) {
  const json::value* value = answer.if_contains(name);
  return value != nullptr && value->is_object() ? value->get_object() : json::object();
}

/// The verdict, and how much it says nothing of.
std::string verdict_of(const json::object& shown) {
  const json::value* not_tried = shown.if_contains("not_tried");
  const bool is_whole = not_tried == nullptr || !not_tried->is_int64() || not_tried->get_int64() == 0;
  return member(shown, "verdict") + (is_whole ? "" : ", " + std::to_string(not_tried->get_int64()) + " not tried");
}

/// "refused: expired", "unreachable: ehi.timeout", "up"; what there is in `calls` or in an outage.
std::string calls_in(const json::object& calls) {
  const std::string state = member(calls, "state");
  const std::string reason = member(calls, "reason");
  const std::string why = reason.empty() ? member(calls, "code") : reason;
  return why.empty() ? state : state + ": " + why;
}

Row server_row(const json::object& server) {
  const json::object check = inner(server, "check");
  const std::string error = member(check, "error");
  return {member(server, "server"),
          member(server, "organisation"),
          member(server, "environment"),
          member(server, "url"),
          server.contains("confirmed") ? "yes" : "no",
          verdict_of(server),
          member(check, "state") + (error.empty() ? "" : ": " + error),
          calls_in(inner(server, "calls"))};
}

Row outage_row(const json::object& outage) {
  return {member(outage, "began"), member(outage, "ended"), member(outage, "ended_by"), calls_in(outage)};
}

Row report_row(const json::object& report) {
  return {member(report, "sender"), member(report, "endpoint"), member(report, "calls"), calls_in(report),
          number(report, "times"),  member(report, "last"),     member(report, "detail")};
}

/// How calls get on there, what was told of it, and what senders say where that is shown.
std::string calls_text(const json::object& shown) {
  const json::object calls = inner(shown, "calls");
  std::string text;
  if (!calls.empty()) {
    text += "\nThe provider's calls: " + calls_in(calls);
    if (!member(calls, "since").empty()) text += ", since " + member(calls, "since");
    if (!member(calls, "last").empty()) text += "; the last failed at " + member(calls, "last");
    text += "\n";
    if (!member(calls, "meaning").empty())
      text += "  " + member(calls, "meaning") + "\n  " + member(calls, "remedy") + "\n";
  }
  if (shown.contains("outages"))
    text += "\n" + table_of(shown, "outages", {"BEGAN", "ENDED", "", "BECAUSE"}, outage_row);
  if (shown.contains("reports"))
    text += "\n" +
            table_of(shown, "reports", {"SENDER", "ENDPOINT", "CALLS", "STATE", "TIMES", "LAST", "DETAIL"}, report_row);
  return text;
}

Row finding_row(const json::object& finding) {
  return {member(finding, "severity"), member(finding, "id"), member(finding, "evidence"), member(finding, "remedy")};
}

std::string state_of(const json::object& shown) { return member(inner(shown, "check"), "state"); }

}  // namespace

std::string ehi_servers_text(const json::object& answer) {
  const Row header{"SERVER", "ORGANISATION", "ENVIRONMENT", "URL", "CONFIRMED", "VERDICT", "CHECK", "CALLS"};
  return table_of(answer, "servers", header, server_row);
}

std::string ehi_server_text(const json::object& shown) {
  const json::object check = inner(shown, "check");
  const json::object report = inner(shown, "report");
  const std::string error = member(check, "error");
  std::string text = member(shown, "url") + "  " + (check.empty() ? "never checked" : member(check, "state")) + "\n";
  if (!error.empty()) text += error + "\n";
  if (!shown.contains("confirmed"))
    text += "No operator has confirmed it: checks show it none of the provider's certificates, and ask for / alone.\n";
  text += calls_text(shown);
  if (report.empty()) return text;
  return text + "\nThe last report, of " + member(report, "at") + ": " + verdict_of(shown) + "\n" +
         table_of(report, "findings", {"", "CHECK", "EVIDENCE", "REMEDY"}, finding_row);
}

bool is_check_under_way(const json::object& shown) {
  const std::string state = state_of(shown);
  return state == "waiting" || state == "running";
}

base::ExitCode exit_code_of_check(const json::object& shown) {
  if (state_of(shown) != "ended") return base::ExitCode::unavailable;
  return member(shown, "verdict") == "pass" ? base::ExitCode::ok : base::ExitCode::refused;
}

}  // namespace countersign::cli
