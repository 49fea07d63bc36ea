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
  return {member(server, "server"), member(server, "organisation"), member(server, "environment"),
          member(server, "url"),    member(server, "verdict"),      check.empty() ? "never" : state_in_words(check)};
}

std::string state_of(const json::object& shown) { return member(inner(shown, "check"), "state"); }

bool is_under_way(const json::object& shown) {
  const std::string state = state_of(shown);
  return state == "waiting" || state == "running";
}

}  // namespace

Shown ehi_servers_text(const json::object& answer) {
  const Row header{"SERVER", "ORGANISATION", "ENVIRONMENT", "URL", "VERDICT", "CHECK"};
  return table_of(answer, "servers", header, server_row);
}

Shown ehi_server_text(const json::object& shown) {
  const json::object check = inner(shown, "check");
  const json::object report = inner(shown, "report");
  std::string text = member(shown, "url") + "\n" + (check.empty() ? "never checked" : state_in_words(check)) + "\n";
  if (report.empty()) return Shown::prose(std::move(text));
  text += "\nThe last report, of " + member(report, "at") + ": " + member(report, "verdict") + "\n\n";
  const auto findings = check::parse_report(report);
  return Shown::prose(findings ? text + check::to_text(*findings) : text);
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
