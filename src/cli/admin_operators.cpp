// `countersign admin operators`: who may do what.
#include "cli/admin_answer.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct OperatorOptions {
  AuthorityOptions authority;
  std::string name;
  std::vector<std::string> roles;
};
using Options = std::shared_ptr<OperatorOptions>;

std::string roles_in(const json::object& known) {
  std::string text;
  if (const json::value* roles = known.if_contains("roles"); roles != nullptr && roles->is_array())
    for (const json::value& role : roles->get_array())
      if (role.is_string()) text += (text.empty() ? "" : ", ") + printable(role.get_string());
  return text.empty() ? "looks only" : text;
}

Row operator_row(const json::object& known) {
  const json::value* suspended = known.if_contains("suspended");
  const bool stopped = suspended != nullptr && suspended->is_bool() && suspended->get_bool();
  return {member(known, "operator"), roles_in(known), stopped ? "suspended" : ""};
}

base::Result<base::ExitCode> list_operators(const OperatorOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/operators"));
  return answer_with(answer, options.authority, context,
                     table_of(answer, "operators", {"OPERATOR", "ROLES", ""}, operator_row));
}

base::Result<base::ExitCode> set_roles(const OperatorOptions& options, Context& context) {
  BASE_TRY(const base::Slug name, base::Slug::parse(options.name));
  json::array roles;
  for (const std::string& role : options.roles)
    roles.emplace_back(role);
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer,
           api.post("/v1/operators/" + name.text() + "/roles", {{"roles", std::move(roles)}}));
  return answer_with(answer, options.authority, context,
                     "The operator " + member(answer, "operator") + " from now on: " + roles_in(answer) + ".\n");
}

}  // namespace

void add_operators(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "operators", "Who may do what: every operator looks, roles allow more");
  const auto of_list = std::make_shared<OperatorOptions>();
  CLI::App& list = tree.command(group, "list", "List operators and their roles",
                                [of_list](Context& context) { return list_operators(*of_list, context); });
  add_operator_options(list, of_list->authority);
  const auto of_set = std::make_shared<OperatorOptions>();
  CLI::App& set = tree.command(group, "set", "Say which roles an operator has: these and no others",
                               [of_set](Context& context) { return set_roles(*of_set, context); });
  set.add_option("operator", of_set->name, "The application under internal/operator")->required()->type_name("NAME");
  add_choices(set, "--role", of_set->roles, {"registrar", "approver", "revoker", "administrator"},
              "One of them; repeat for more; without any, the operator only looks");
  add_operator_options(set, of_set->authority);
}

}  // namespace countersign::cli
