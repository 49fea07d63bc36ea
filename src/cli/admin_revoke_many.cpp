// `countersign admin revoke-many`: first what would end, then the ending of exactly that, by the hash of what was
// shown.
#include <sstream>

#include "base/files.h"
#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct RevokeManyOptions {
  AuthorityOptions authority;
  std::string reason = "unspecified";
  std::string environment;
  std::string organisation;
  std::string application;
  std::string key;
  std::string issued_from;
  std::string issued_until;
  std::string file;
  std::string plan;
};

/// One serial a line; empty lines and those that begin with # do not count.
base::Result<json::array> read_serials(const std::string& file) {
  BASE_TRY(const std::string text, base::read_file(file));
  std::istringstream lines(text);
  json::array serials;
  for (std::string line; std::getline(lines, line);) {
    while (line.ends_with('\r') || line.ends_with(' '))
      line.pop_back();
    if (!line.empty() && !line.starts_with('#')) serials.emplace_back(line);
  }
  if (!serials.empty()) return serials;
  return base::fail(base::Kind::invalid, "revocation.nothing_said", "'" + file + "' holds no serial number");
}

base::Result<json::object> to_body(const RevokeManyOptions& options) {
  json::object body{{"reason", options.reason}};
  BASE_TRY(const ListScope scope,
           narrowed({.environment = options.environment, .organisation = options.organisation}, options.application));
  for (const auto& [member, value] : {std::pair<const char*, const std::string&>{"environment", scope.environment},
                                      {"organisation", scope.organisation},
                                      {"application", scope.application},
                                      {"spki_sha256", options.key},
                                      {"issued_from", options.issued_from},
                                      {"issued_until", options.issued_until},
                                      {"plan_sha256", options.plan}})
    if (!value.empty()) body[member] = value;
  if (!options.file.empty()) {
    BASE_TRY(body["serials"], read_serials(options.file));
  }
  return body;
}

Row to_row(const json::object& o) {
  return {member(o, "serial"), owner_of(o), member(o, "purpose"), member(o, "not_after")};
}

base::Result<base::ExitCode> revoke_many(const RevokeManyOptions& options, Context& context) {
  BASE_TRY(const json::object body, to_body(options));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post("/v1/revocations", body));
  const json::value* list = answer.if_contains("certificates");
  const std::int64_t count = list != nullptr && list->is_array() ? std::ssize(list->get_array()) : 0;
  Shown text = table_of(answer, "certificates", {"SERIAL", "APPLICATION", "PURPOSE", "NOT AFTER"}, to_row);
  if (!options.plan.empty()) text += "Revoked: " + counted(count, "certificate") + "; connections with them end now.\n";
  else if (count > 0)
    text += "\nNothing has been changed. To revoke exactly " + std::string(count == 1 ? "this " : "these ") +
            counted(count, "certificate") + ", repeat the command with\n  --plan " + member(answer, "plan_sha256") +
            "\n";
  return answer_with(answer, options.authority, context, text);
}

}  // namespace

void add_revoke_many(CommandTree& tree, CLI::App& admin) {
  const auto options = std::make_shared<RevokeManyOptions>();
  CLI::App& app = tree.command(admin, "revoke-many", "Show which certificates are meant, then revoke exactly those",
                               [options](Context& context) { return revoke_many(*options, context); });
  add_choice(app, "--reason", options->reason,
             {"unspecified", "key_compromise", "affiliation_changed", "superseded", "cessation_of_operation",
              "privilege_withdrawn"},
             "Why (RFC 5280)")
      ->capture_default_str();
  add_choice(app, "--environment", options->environment, {"uat", "production", "internal"},
             "Those of this environment");
  app.add_option("--organisation", options->organisation, "Those of this organisation")->type_name("ORG");
  app.add_option("--application", options->application, "Those of this application")->type_name("ENV/ORG/APP");
  app.add_option("--key", options->key, "Those of this key: SHA-256 of its SubjectPublicKeyInfo")->type_name("HEX");
  app.add_option("--issued-from", options->issued_from, "Those issued at this time or later")->type_name("RFC3339");
  app.add_option("--issued-until", options->issued_until, "Those issued at this time or before")->type_name("RFC3339");
  app.add_option("--file", options->file, "Those with the serial numbers in this file, one a line")->type_name(kFile);
  app.add_option("--plan", options->plan, "Revoke what was shown with this hash; without it nothing changes")
      ->type_name("HEX");
  add_operator_options(app, options->authority);
}

}  // namespace countersign::cli
