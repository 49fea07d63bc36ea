#include "cli/admin_answer.h"

#include <set>

#include "cli/application_ref.h"
#include "cli/text.h"

namespace countersign::cli {

namespace json = base::json;

base::Result<base::ExitCode> answer_with(const json::object& answer, const AuthorityOptions& options, Context& context,
                                         const Shown& text) {
  context.out << (options.json ? json::serialize(answer) + "\n" : text.to_text(context.columns));
  return base::ExitCode::ok;
}

std::string application_path(const base::Identity& identity) {
  return "/v1/applications/" + std::string(base::name(identity.environment)) + "/" + identity.organisation.text() +
         "/" + identity.application.text();
}

std::string query_of(std::initializer_list<std::pair<std::string_view, std::string>> filters) {
  std::string query;
  for (const auto& [name, value] : filters)
    if (!value.empty()) query += (query.empty() ? "?" : "&") + std::string(name) + "=" + percent_encoded(value);
  return query;
}

Shown table_of(const json::object& answer, std::string_view name, const Row& header,
               Row (*to_row)(const json::object&)) {
  const json::value* list = answer.if_contains({name.data(), name.size()});
  std::vector<Row> rows;
  if (list != nullptr && list->is_array())
    for (const json::value& element : list->get_array())
      if (element.is_object()) rows.push_back(to_row(element.get_object()));
  return rows.empty() ? Shown("none\n") : to_table(header, rows);
}

Shown table_of_refusals(const json::object& answer) {
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "last_seen"), owner_of(o),          member(o, "serial"),    member(o, "reason"),
            number(o, "count"),     member(o, "gateway"), member(o, "first_seen")};
  };
  const Row header{"LAST SEEN", "APPLICATION", "CERTIFICATE", "REASON", "COUNT", "GATEWAY", "FIRST SEEN"};
  Shown text = table_of(answer, "refusals", header, to_row);
  std::set<std::string> explained;
  const json::value* list = answer.if_contains("refusals");
  if (list == nullptr || !list->is_array()) return text;
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) continue;
    const json::object& row = one.get_object();
    const std::string reason = member(row, "reason");
    if (!explained.insert(reason).second || member(row, "remedy").empty()) continue;
    text += "\n" + reason + ": " + member(row, "meaning") + "\nTo mend it: " + member(row, "remedy") + "\n";
  }
  return text;
}

std::string owner_of(const json::object& object) {
  const std::string urn = member(object, "urn");
  const auto identity = base::Identity::from_urn(urn);
  return identity ? to_ref(*identity) : urn;
}

std::string status_of(const json::object& certificate) {
  const std::string reason = member(certificate, "revoked_for");
  return member(certificate, "status") + (reason.empty() ? "" : " (" + reason + ")");
}

std::string number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  return value != nullptr && value->is_number() ? json::serialize(*value) : "";
}

}  // namespace countersign::cli
