// `countersign admin roots`: how one root follows another (docs/rotation.md).
#include "base/files.h"
#include "cli/admin_answer.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct RootOptions {
  AuthorityOptions authority;
  std::string name;  ///< of the root, or its line
  std::string certificate;
  std::vector<std::string> crosses;
  std::string reason;
};

Row to_row(const json::object& root) {
  const json::value* crosses = root.if_contains("cross_certificates");
  const std::size_t count = crosses != nullptr && crosses->is_array() ? crosses->get_array().size() : 0;
  return {member(root, "line"),      member(root, "root"),  member(root, "state"),
          member(root, "not_after"), std::to_string(count), member(root, "subject")};
}

const Row& header() {
  static const Row row = {"LINE", "ROOT", "STATE", "ENDS", "CROSS CERTIFICATES", "SUBJECT"};
  return row;
}

base::Result<base::ExitCode> list(const RootOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/roots"));
  return answer_with(answer, options.authority, context, table_of(answer, "roots", header(), to_row));
}

base::Result<base::ExitCode> import(const RootOptions& options, Context& context) {
  BASE_TRY(const std::string certificate, base::read_file(options.certificate));
  json::object body{{"line", options.name}, {"certificate", certificate}};
  json::array crosses;
  for (const std::string& file : options.crosses) {
    BASE_TRY(const std::string pem, base::read_file(file));
    crosses.emplace_back(pem);
  }
  if (!crosses.empty()) body["cross_certificates"] = std::move(crosses);
  if (!options.reason.empty()) body["reason"] = options.reason;
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post("/v1/roots", body));
  return answer_with(answer, options.authority, context, to_table(header(), {to_row(answer)}));
}

base::Result<base::ExitCode> retire(const RootOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post("/v1/roots/" + percent_encoded(options.name) + "/retire", {}));
  return answer_with(answer, options.authority, context, to_table(header(), {to_row(answer)}));
}

}  // namespace

void add_roots(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "roots", "Roots: how one follows another");
  const auto of_list = std::make_shared<RootOptions>();
  CLI::App& list_app = tree.command(group, "list", "List them, whatever their state",
                                    [of_list](Context& context) { return list(*of_list, context); });
  add_operator_options(list_app, of_list->authority);
  const auto of_import = std::make_shared<RootOptions>();
  CLI::App& import_app = tree.command(group, "import", "Bring a root that a ceremony made: both are believed then",
                                      [of_import](Context& context) { return import(*of_import, context); });
  add_choice(import_app, "line", of_import->name, {"partner", "provider"}, "Whom it vouches for")->required();
  import_app.add_option("certificate", of_import->certificate, "The root's own certificate, PEM")
      ->required()
      ->type_name(kFile);
  import_app
      .add_option("--cross", of_import->crosses, "A cross certificate of it by a root before it, PEM; repeatable")
      ->type_name(kFile)
      ->allow_extra_args(false);
  import_app.add_option("--reason", of_import->reason, "Why there is no cross certificate")->type_name("TEXT");
  add_operator_options(import_app, of_import->authority);
  const auto of_retire = std::make_shared<RootOptions>();
  CLI::App& retire_app = tree.command(group, "retire", "Believe it no more, once nothing is under it",
                                      [of_retire](Context& context) { return retire(*of_retire, context); });
  retire_app.add_option("root", of_retire->name, "Its name, as `admin roots list` shows it")
      ->required()
      ->type_name("ROOT");
  add_operator_options(retire_app, of_retire->authority);
}

}  // namespace countersign::cli
