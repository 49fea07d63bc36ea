// `countersign admin ehi-servers` and `admin check-ehi`: where the provider calls partners, and what checks of their
// servers found.
#include "base/config.h"
#include "cli/admin_answer.h"
#include "cli/command_tree.h"
#include "cli/ehi_answer.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct EhiOptions {
  AuthorityOptions authority;
  std::string organisation;
  std::string environment = "production";
  std::string url;
  std::string server;
  std::string wait = "5m";
};
using Options = std::shared_ptr<EhiOptions>;
using Call = base::Result<base::ExitCode> (*)(const EhiOptions&, Context&);

base::Result<std::string> servers_path(const EhiOptions& options) {
  BASE_TRY(const base::Slug organisation, base::Slug::parse(options.organisation));
  return "/v1/organisations/" + organisation.text() + "/ehi-servers";
}

base::Result<std::string> server_path(const EhiOptions& options) {
  BASE_TRY(const std::string path, servers_path(options));
  return path + "/" + percent_encoded(options.server);
}

base::Result<base::ExitCode> add_server(const EhiOptions& options, Context& context) {
  BASE_TRY(const std::string path, servers_path(options));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const json::object body{{"environment", options.environment}, {"url", options.url}};
  BASE_TRY(const json::object answer, api.post(path, body));
  return answer_with(answer, options.authority, context,
                     "The server " + member(answer, "server") + " of " + member(answer, "organisation") +
                         " is added. Have it checked:\n  countersign admin check-ehi " +
                         member(answer, "organisation") + " " + member(answer, "server") + "\n");
}

/// Of everybody, page after page.
base::Result<json::object> get_all_servers(ApiClient& api) {
  json::array all;
  std::string query = "?limit=1000";
  for (;;) {
    BASE_TRY(json::object page, api.get("/v1/ehi-servers" + query));
    const json::value* servers = page.if_contains("servers");
    if (servers != nullptr && servers->is_array())
      for (const json::value& server : servers->get_array())
        all.push_back(server);
    const std::string next = member(page, "next");
    if (next.empty()) return json::object{{"servers", std::move(all)}};
    query = "?limit=1000&after=" + percent_encoded(next);
  }
}

base::Result<base::ExitCode> list_servers(const EhiOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  json::object answer;
  if (options.organisation.empty()) {
    BASE_TRY(answer, get_all_servers(api));
  } else {
    BASE_TRY(const std::string path, servers_path(options));
    BASE_TRY(answer, api.get(path));
  }
  return answer_with(answer, options.authority, context, ehi_servers_text(answer));
}

base::Result<base::ExitCode> show_server(const EhiOptions& options, Context& context) {
  BASE_TRY(const std::string path, server_path(options));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get(path));
  return answer_with(answer, options.authority, context, ehi_server_text(answer));
}

base::Result<base::ExitCode> confirm_server(const EhiOptions& options, Context& context) {
  BASE_TRY(const std::string path, server_path(options));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post(path + "/confirm", {}));
  return answer_with(answer, options.authority, context,
                     "The server " + member(answer, "server") +
                         " is confirmed: checks show the provider's certificates to " + member(answer, "url") + ".\n");
}

base::Result<base::ExitCode> remove_server(const EhiOptions& options, Context& context) {
  BASE_TRY(const std::string path, server_path(options));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post(path + "/remove", {}));
  return answer_with(answer, options.authority, context, "The server " + member(answer, "server") + " is removed.\n");
}

base::Result<base::ExitCode> check_server(const EhiOptions& options, Context& context) {
  BASE_TRY(const std::string path, server_path(options));
  BASE_TRY(const base::Duration patience, base::parse_duration(options.wait));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object begun, api.post(path + "/check", {}));
  BASE_TRY(const json::object shown, wait_for_check(api, path, begun, patience));
  const std::string command = "countersign admin ehi-servers show " + options.organisation + " " + options.server;
  BASE_TRY_VOID(answer_with(shown, options.authority, context, checked_server_text(shown, command)));
  return exit_code_of_check(shown);
}

CLI::App& add(CommandTree& tree, CLI::App& parent, const char* name, const char* description, const Options& options,
              Call call) {
  return tree.command(parent, name, description, [options, call](Context& context) { return call(*options, context); });
}

void add_server_arguments(CLI::App& app, EhiOptions& options) {
  app.add_option("organisation", options.organisation, "Whose")->required()->type_name("ORG");
  app.add_option("server", options.server, "As listed")->required()->type_name("SERVER");
}

}  // namespace

void add_ehi_servers(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "ehi-servers", "Where the provider calls partners' servers");
  const auto of_add = std::make_shared<EhiOptions>();
  CLI::App& add_app = add(tree, group, "add", "Say where an organisation is called", of_add, add_server);
  add_app.add_option("organisation", of_add->organisation, "Whose")->required()->type_name("ORG");
  add_app.add_option("url", of_add->url, "https://HOST[:PORT]/PATH")->required()->type_name("URL");
  add_choice(add_app, "--environment", of_add->environment, {"uat", "production"}, "Where it is called from")
      ->capture_default_str();
  add_operator_options(add_app, of_add->authority);
  const auto of_list = std::make_shared<EhiOptions>();
  CLI::App& list = add(tree, group, "list", "List them, with what the last check of each found", of_list, list_servers);
  list.add_option("organisation", of_list->organisation, "Of this one only [all]")->type_name("ORG");
  add_operator_options(list, of_list->authority);
  const auto of_show = std::make_shared<EhiOptions>();
  CLI::App& show = add(tree, group, "show", "Show one, with the report of its last check", of_show, show_server);
  add_server_arguments(show, *of_show);
  add_operator_options(show, of_show->authority);
  const auto of_confirm = std::make_shared<EhiOptions>();
  CLI::App& confirm =
      add(tree, group, "confirm", "Vouch that one is the organisation's: checks show it the provider's certificates",
          of_confirm, confirm_server);
  add_server_arguments(confirm, *of_confirm);
  add_operator_options(confirm, of_confirm->authority);
  const auto of_remove = std::make_shared<EhiOptions>();
  CLI::App& remove = add(tree, group, "remove", "Remove one", of_remove, remove_server);
  add_server_arguments(remove, *of_remove);
  add_operator_options(remove, of_remove->authority);

  const auto of_check = std::make_shared<EhiOptions>();
  CLI::App& check = add(tree, admin, "check-ehi",
                        "Have the authority check a partner's server, and wait for the report", of_check, check_server);
  add_server_arguments(check, *of_check);
  check.add_option("--wait", of_check->wait, "For so long at most")->type_name("DURATION")->capture_default_str();
  add_operator_options(check, of_check->authority);
  tree.explain(check,
               "Ends with 0 when nothing failed, with 1 when something did, with 3 when there is no report of it.\n"
               "While a check of that server waits or runs, its report is waited for.");
}

}  // namespace countersign::cli
