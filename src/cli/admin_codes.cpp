// `countersign admin codes`: which enrolment codes an application has, and how one is made worthless.
#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct CodesOptions {
  AuthorityOptions authority;
  std::string application;
  std::string digest;
};

std::string redeemed_of(const json::object& code) {
  const json::value* list = code.if_contains("redeemed");
  if (list == nullptr || !list->is_array()) return {};
  std::string text;
  for (const json::value& one : list->get_array())
    if (one.is_object()) text += (text.empty() ? "" : ", ") + member(one.get_object(), "purpose");
  return text;
}

Row to_row(const json::object& code) {
  const std::string cancelled = member(code, "cancelled");
  return {member(code, "digest"),
          members(code, "purposes"),
          redeemed_of(code),
          member(code, "expires"),
          cancelled.empty() ? "" : "cancelled " + cancelled,
          member(code, "created_by")};
}

base::Result<base::ExitCode> list_codes(const CodesOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get(application_path(identity) + "/enrolment-codes"));
  const Row header{"DIGEST", "PURPOSES", "REDEEMED", "EXPIRES", "STATE", "MADE BY"};
  return answer_with(answer, options.authority, context, table_of(answer, "enrolment_codes", header, to_row));
}

base::Result<base::ExitCode> cancel_code(const CodesOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string path = application_path(identity) + "/enrolment-codes/" + percent_encoded(options.digest);
  BASE_TRY(const json::object answer, api.post(path + "/cancel", {}));
  return answer_with(answer, options.authority, context,
                     "The code " + member(answer, "digest") + " of " + to_ref(identity) +
                         " is cancelled: it gives no certificate any more. What it gave stays.\n");
}

CLI::App& add(CommandTree& tree, CLI::App& group, const char* name, const char* description,
              const std::shared_ptr<CodesOptions>& options,
              base::Result<base::ExitCode> (*call)(const CodesOptions&, Context&)) {
  CLI::App& app =
      tree.command(group, name, description, [options, call](Context& context) { return call(*options, context); });
  app.add_option("application", options->application, "Such as production/acme/payments")
      ->required()
      ->type_name("ENV/ORG/APP");
  return app;
}

}  // namespace

void add_codes(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "codes", "Enrolment codes, by the beginning of their digests");
  const auto of_list = std::make_shared<CodesOptions>();
  CLI::App& list = add(tree, group, "list", "List an application's codes, newest first", of_list, list_codes);
  add_operator_options(list, of_list->authority);
  const auto of_cancel = std::make_shared<CodesOptions>();
  CLI::App& cancel =
      add(tree, group, "cancel", "Make a code worthless, as one that went astray", of_cancel, cancel_code);
  cancel.add_option("digest", of_cancel->digest, "The first 8 or more digits of its digest, as listed")
      ->required()
      ->type_name("DIGEST");
  add_operator_options(cancel, of_cancel->authority);
}

}  // namespace countersign::cli
