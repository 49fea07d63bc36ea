// `countersign admin people`: which people of partners may do what for their organisation.
#include "cli/admin_answer.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct PeopleOptions {
  AuthorityOptions authority;
  std::string organisation;
  std::string name;
  std::vector<std::string> roles;
};

std::string roles_in(const json::object& known) {
  const std::string text = members(known, "roles");
  return text.empty() ? "looks only" : text;
}

Row to_row(const json::object& known) {
  const json::value* suspended = known.if_contains("suspended");
  const bool stopped = suspended != nullptr && suspended->is_bool() && suspended->get_bool();
  return {member(known, "organisation"), member(known, "person"), roles_in(known), stopped ? "suspended" : ""};
}

base::Result<base::ExitCode> list_people(const PeopleOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/people" + query_of({{"organisation", options.organisation}})));
  return answer_with(answer, options.authority, context,
                     table_of(answer, "people", {"ORGANISATION", "PERSON", "ROLES", ""}, to_row));
}

base::Result<base::ExitCode> set_roles(const PeopleOptions& options, Context& context) {
  BASE_TRY(const base::Slug organisation, base::Slug::parse(options.organisation));
  BASE_TRY(const base::Slug name, base::Slug::parse(options.name));
  json::array roles;
  for (const std::string& role : options.roles)
    roles.emplace_back(role);
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer,
           api.post("/v1/people/" + organisation.text() + "/" + name.text() + "/roles", {{"roles", std::move(roles)}}));
  return answer_with(
      answer, options.authority, context,
      member(answer, "person") + " of " + member(answer, "organisation") + " from now on: " + roles_in(answer) + ".\n");
}

}  // namespace

void add_people(CommandTree& tree, CLI::App& admin) {
  CLI::App& group =
      tree.group(admin, "people", "People of partners: each looks at the own organisation, roles allow more");
  const auto of_list = std::make_shared<PeopleOptions>();
  CLI::App& list = tree.command(group, "list", "List them and their roles",
                                [of_list](Context& context) { return list_people(*of_list, context); });
  list.add_option("--organisation", of_list->organisation, "Only of this organisation")->type_name("ORG");
  add_operator_options(list, of_list->authority);
  const auto of_set = std::make_shared<PeopleOptions>();
  CLI::App& set = tree.command(group, "set", "Say which roles somebody has: these and no others",
                               [of_set](Context& context) { return set_roles(*of_set, context); });
  set.add_option("organisation", of_set->organisation, "Whose")->required()->type_name("ORG");
  set.add_option("person", of_set->name, "The application under internal/ORG")->required()->type_name("NAME");
  add_choices(set, "--role", of_set->roles, {"requester", "revoker"},
              "One of them; repeat for more; without any, the person only looks");
  add_operator_options(set, of_set->authority);
  tree.explain(group,
               "Somebody is let in like an application: countersign admin app create internal/ORG/NAME, then\n"
               "countersign admin enrol internal/ORG/NAME, and countersign request person --code CODE.");
}

}  // namespace countersign::cli
