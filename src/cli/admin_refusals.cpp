// `countersign admin refusals`: whose certificates gateways refused, and what each owner has to do.
#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct RefusalOptions {
  AuthorityOptions authority;
  std::string organisation;
  std::string application;  ///< ENV/ORG/APP
  std::uint32_t limit = 0;
};

base::Result<base::ExitCode> list_refusals(const RefusalOptions& options, Context& context) {
  BASE_TRY(const ListScope scope, narrowed({.organisation = options.organisation}, options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string query = query_of({{"environment", scope.environment},
                                      {"organisation", scope.organisation},
                                      {"application", scope.application},
                                      {"limit", options.limit == 0 ? "" : std::to_string(options.limit)}});
  BASE_TRY(const json::object answer, api.get("/v1/refusals" + query));
  return answer_with(answer, options.authority, context, table_of_refusals(answer));
}

}  // namespace

void add_refusals(CommandTree& tree, CLI::App& admin) {
  const auto options = std::make_shared<RefusalOptions>();
  CLI::App& app = tree.command(admin, "refusals", "List whose certificates gateways refused, why, and what mends it",
                               [options](Context& context) { return list_refusals(*options, context); });
  app.add_option("--organisation", options->organisation, "Only of this organisation")->type_name("ORG");
  app.add_option("--application", options->application, "Only of this application")->type_name("ENV/ORG/APP");
  app.add_option("--limit", options->limit, "At most this many [100]")->type_name("N");
  add_operator_options(app, options->authority);
}

}  // namespace countersign::cli
