#include "cli/ehi_answer.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "check/report.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

constexpr auto kAskEvery = std::chrono::seconds(1);

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

Row outage_row(const json::object& outage) {
  return {member(outage, "began"), member(outage, "ended"), member(outage, "ended_by"), calls_in(outage)};
}

Row report_row(const json::object& report) {
  return {member(report, "sender"), member(report, "endpoint"), member(report, "calls"), calls_in(report),
          number(report, "times"),  member(report, "last"),     member(report, "detail")};
}

/// How calls get on there, what was told of it, and what senders say where that is shown.
Shown calls_text(const json::object& shown) {
  const json::object calls = inner(shown, "calls");
  std::string said;
  if (!calls.empty()) {
    said += "\nThe provider's calls: " + calls_in(calls);
    if (!member(calls, "since").empty()) said += ", since " + member(calls, "since");
    if (!member(calls, "last").empty()) said += "; the last failed at " + member(calls, "last");
    said += "\n";
    if (!member(calls, "meaning").empty())
      said += "  " + member(calls, "meaning") + "\n  " + member(calls, "remedy") + "\n";
  }
  Shown text = Shown::prose(std::move(said));
  if (shown.contains("outages"))
    text += Shown("\n") + table_of(shown, "outages", {"BEGAN", "ENDED", "", "BECAUSE"}, outage_row);
  if (shown.contains("reports"))
    text += Shown("\n") +
            table_of(shown, "reports", {"SENDER", "ENDPOINT", "CALLS", "STATE", "TIMES", "LAST", "DETAIL"}, report_row);
  return text;
}

/// The verdict says what was found; this, whether anything was looked at.
std::string state_in_words(const json::object& check) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"waiting", "a check waits"},
      {"running", "a check runs"},
      {"ended", "checked"},
      {"failed", "the last check could not be made"}};
  const std::string state = member(check, "state");
  const auto known = std::ranges::find(kWords, state, [](const auto& one) { return one.first; });
  const std::string error = member(check, "error");
  const std::string words = known == std::end(kWords) ? state : std::string(known->second);
  return error.empty() ? words : words + ": " + error;
}

Row server_row(const json::object& server) {
  const json::object check = inner(server, "check");
  return {member(server, "server"),
          member(server, "organisation"),
          member(server, "environment"),
          member(server, "url"),
          server.contains("confirmed") ? "yes" : "no",
          verdict_of(server),
          check.empty() ? "never" : state_in_words(check),
          calls_in(inner(server, "calls"))};
}

std::string state_of(const json::object& shown) { return member(inner(shown, "check"), "state"); }

bool is_under_way(const json::object& shown) {
  const std::string state = state_of(shown);
  return state == "waiting" || state == "running";
}

}  // namespace

Shown ehi_servers_text(const json::object& answer) {
  const Row header{"SERVER", "ORGANISATION", "ENVIRONMENT", "URL", "CONFIRMED", "VERDICT", "CHECK", "CALLS"};
  return table_of(answer, "servers", header, server_row);
}

Shown ehi_server_text(const json::object& shown) {
  const json::object check = inner(shown, "check");
  const json::object report = inner(shown, "report");
  std::string text = member(shown, "url") + "\n" + (check.empty() ? "never checked" : state_in_words(check)) + "\n";
  if (!shown.contains("confirmed"))
    text += "No operator has confirmed it: checks show it none of the provider's certificates, and ask for / alone.\n";
  const Shown known = Shown::prose(std::move(text)) + calls_text(shown);
  if (report.empty()) return known;
  text = "\nThe last report, of " + member(report, "at") + ": " + verdict_of(shown) + "\n\n";
  const auto findings = check::parse_report(report);
  return known + Shown::prose(findings ? text + check::to_text(*findings) : text);
}

base::Result<json::object> wait_for_check(ApiClient& api, const std::string& path, json::object shown,
                                          base::Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (is_under_way(shown) && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kAskEvery);
    BASE_TRY(shown, api.get(path));
  }
  return shown;
}

Shown checked_server_text(const json::object& shown, const std::string& command) {
  const Shown known = ehi_server_text(shown);
  if (!is_under_way(shown)) return known;
  return known + Shown("\nThe check goes on. To see its report once it is done:\n  " + command + "\n");
}

base::ExitCode exit_code_of_check(const json::object& shown) {
  if (state_of(shown) != "ended") return base::ExitCode::unavailable;
  return member(shown, "verdict") == "pass" ? base::ExitCode::ok : base::ExitCode::refused;
}

}  // namespace countersign::cli
