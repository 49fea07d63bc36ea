// `countersign admin ca`: how one issuing CA follows another (docs/rotation.md).
#include "base/files.h"
#include "cli/admin_answer.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct CaOptions {
  AuthorityOptions authority;
  std::string name;  ///< of the CA, or its line
  std::string key;
  std::string file;
  std::vector<std::string> without;
  std::string reason;
  std::string use_from;
  std::int64_t remaining = 0;
};
using Options = std::shared_ptr<CaOptions>;
using Work = base::Result<base::ExitCode> (*)(const CaOptions&, Context&);

std::string path_of(const std::string& name) { return "/v1/issuing-cas/" + percent_encoded(name); }

bool flag(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

Row to_row(const json::object& ca) {
  return {member(ca, "line"),      number(ca, "generation"), member(ca, "name"),   member(ca, "state"),
          member(ca, "not_after"), number(ca, "living"),     member(ca, "subject")};
}

base::Result<base::ExitCode> list(const CaOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/issuing-cas"));
  const auto without_subject = [](const json::object& ca) {  // it repeats the name, at length
    Row row = to_row(ca);
    row.pop_back();
    return row;
  };
  const Row header = {"LINE", "GENERATION", "NAME", "STATE", "ENDS", "IN USE"};
  return answer_with(answer, options.authority, context, table_of(answer, "issuing_cas", header, without_subject));
}

Row follower_row(const json::object& follower) {
  const bool concerned = flag(follower, "concerned");
  return {member(follower, "serial"), member(follower, "caller"), member(follower, "seen"),
          flag(follower, "holds") ? "yes" : (concerned ? "not yet" : "not concerned")};
}

/// What follows a state in the ordinary rotation (docs/rotation.md); empty where nothing has to.
std::string next_step(const json::object& ca) {
  const std::string name = member(ca, "name");
  const std::string state = member(ca, "state");
  const std::string admin = "  countersign admin ca ";
  if (state == "waiting")
    return "\nIts key is made, and waits for a certificate. Next, where this authority holds the root's key:\n" +
           admin + "certify " + name + "\nelse a ceremony signs the request, and its certificate is brought back:\n" +
           admin + "show " + name + " --csr FILE\n" + admin + "import " + name + " FILE\n";
  if (state == "prepared")
    return "\nNobody was told of it yet. Next, have gateways and senders believe it:\n" + admin + "distribute " + name +
           "\n";
  if (state == "distributed")
    return "\nFollowers learn of it within seconds. Look whether all do, and have it issue:\n" + admin + "show " +
           name + "\n" + admin + "activate " + name + "\n";
  return "";
}

Shown to_text(const json::object& ca) {
  Shown text = to_table({"LINE", "GENERATION", "NAME", "STATE", "ENDS", "IN USE", "SUBJECT"}, {to_row(ca)});
  const json::value* followers = ca.if_contains("followers");
  if (followers != nullptr && followers->is_array() && !followers->get_array().empty())
    text += "\n" + table_of(ca, "followers", {"FOLLOWER", "WHO", "SEEN", "BELIEVES IT"}, follower_row);
  return text + next_step(ca);
}

/// The request, into the file that was named; otherwise where everything goes.
base::Result<base::ExitCode> hand_out(const json::object& ca, const CaOptions& options, Context& context) {
  const std::string* csr = nullptr;
  std::string text;
  if (const json::value* value = ca.if_contains("csr"); value != nullptr && value->is_string()) {
    text = std::string(value->get_string());
    csr = &text;
  }
  if (!options.file.empty()) {
    if (csr == nullptr)
      return base::fail(base::Kind::conflict, "ca.no_request", "this CA has no request: its key is not made");
    BASE_TRY_VOID(base::write_file(options.file, *csr, base::FileMode::world_readable));
  }
  return answer_with(ca, options.authority, context, to_text(ca));
}

base::Result<base::ExitCode> show(const CaOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get(path_of(options.name)));
  return hand_out(answer, options, context);
}

base::Result<base::ExitCode> prepare(const CaOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  json::object body{{"line", options.name}};
  if (!options.key.empty()) body["key"] = options.key;
  BASE_TRY(const json::object answer, api.post("/v1/issuing-cas", body));
  return hand_out(answer, options, context);
}

base::Result<base::ExitCode> change(const CaOptions& options, Context& context, const char* verb,
                                    const json::object& body) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post(path_of(options.name) + "/" + verb, body));
  return answer_with(answer, options.authority, context, to_text(answer));
}

base::Result<base::ExitCode> certify(const CaOptions& options, Context& context) {
  return change(options, context, "certify", {});
}

base::Result<base::ExitCode> import(const CaOptions& options, Context& context) {
  BASE_TRY(const std::string pem, base::read_file(options.file));
  return change(options, context, "certificate", {{"certificate", pem}});
}

base::Result<base::ExitCode> cancel(const CaOptions& options, Context& context) {
  return change(options, context, "cancel", {});
}

base::Result<base::ExitCode> distribute(const CaOptions& options, Context& context) {
  json::object body;
  if (!options.use_from.empty()) body["use_from"] = options.use_from;
  return change(options, context, "distribute", body);
}

base::Result<base::ExitCode> activate(const CaOptions& options, Context& context) {
  json::object body;
  if (!options.without.empty()) body["without"] = json::array(options.without.begin(), options.without.end());
  if (!options.reason.empty()) body["reason"] = options.reason;
  auto done = change(options, context, "activate", body);
  if (done && !options.authority.json)
    context.out
        << "\nThe one before stays believed while its certificates are in use: `countersign admin ca list` counts\n"
           "them. At 0, `countersign admin ca retire` ends it.\n";
  return done;
}

base::Result<base::ExitCode> retire(const CaOptions& options, Context& context) {
  json::object body;
  if (options.remaining != 0) body["remaining"] = options.remaining;
  return change(options, context, "retire", body);
}

base::Result<base::ExitCode> withdraw(const CaOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string target = path_of(options.name) + "/withdraw";
  const json::object body{{"reason", options.reason}};
  BASE_TRY(json::object answer, api.post(target, body));
  // All of it is refused by now; that each certificate is revoked, for CRLs and OCSP, goes on some at a time.
  while (number(answer, "living") != "0" && number(answer, "revoked") != "0") {
    BASE_TRY(answer, api.post(target, body));
  }
  return answer_with(answer, options.authority, context, to_text(answer));
}

base::Result<base::ExitCode> import_crl(const CaOptions& options, Context& context) {
  BASE_TRY(const std::string pem, base::read_file(options.file));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post("/v1/roots/" + percent_encoded(options.name) + "/crl", {{"crl", pem}}));
  return answer_with(answer, options.authority, context, "The CRL of the " + options.name + " root is published.\n");
}

struct Command {
  const char* name;
  const char* description;
  Work work;
};

std::pair<CLI::App*, Options> add(CommandTree& tree, CLI::App& group, const Command& command) {
  const auto options = std::make_shared<CaOptions>();
  CLI::App& app = tree.command(group, command.name, command.description,
                               [options, work = command.work](Context& context) { return work(*options, context); });
  return {&app, options};
}

std::pair<CLI::App*, Options> add_named(CommandTree& tree, CLI::App& group, const Command& command) {
  auto added = add(tree, group, command);
  added.first->add_option("ca", added.second->name, "Its name, as `admin ca list` shows it")
      ->required()
      ->type_name("CA");
  return added;
}

void add_coming(CommandTree& tree, CLI::App& group) {
  const auto [prepare_app, prepare_options] = add(
      tree, group, {"prepare", "Make the key of the next CA of a line, and the request for its certificate", prepare});
  prepare_app->add_option("line", prepare_options->name, "Which, such as production-transport")
      ->required()
      ->type_name("LINE");
  add_choice(*prepare_app, "--key", prepare_options->key, {"p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"},
             "The kind of key [p256, or as the token's settings say]");
  prepare_app->add_option("--csr", prepare_options->file, "Where to save the request")->type_name(kFile);
  add_operator_options(*prepare_app, prepare_options->authority);

  const auto [certify_app, certify_options] = add_named(
      tree, group, {"certify", "Have its certificate signed here, by an authority that holds the root's key", certify});
  add_operator_options(*certify_app, certify_options->authority);

  const auto [import_app, import_options] =
      add_named(tree, group, {"import", "Bring the certificate that a ceremony made", import});
  import_app->add_option("file", import_options->file, "The certificate")->required()->type_name(kFile);
  add_operator_options(*import_app, import_options->authority);

  const auto [crl_app, crl_options] =
      add(tree, group, {"import-crl", "Bring the CRL of a root that a ceremony made", import_crl});
  add_choice(*crl_app, "root", crl_options->name, {"partner", "provider"}, "Whose")->required();
  crl_app->add_option("file", crl_options->file, "The CRL, in PEM")->required()->type_name(kFile);
  add_operator_options(*crl_app, crl_options->authority);

  const auto [cancel_app, cancel_options] =
      add_named(tree, group, {"cancel", "Give up one that nobody was told of", cancel});
  add_operator_options(*cancel_app, cancel_options->authority);
}

void add_steps(CommandTree& tree, CLI::App& group) {
  const auto [distribute_app, distribute_options] =
      add_named(tree, group, {"distribute", "Have gateways and senders believe it", distribute});
  distribute_app
      ->add_option(
          "--use-from", distribute_options->use_from,
          "Announced as the day from which it is used, such as 2027-01-15T00:00:00Z; before that, activating it "
          "takes a reason")
      ->type_name("TIME");
  add_operator_options(*distribute_app, distribute_options->authority);

  const auto [activate_app, activate_options] =
      add_named(tree, group, {"activate", "Have it issue, in the place of the one before", activate});
  activate_app
      ->add_option("--without", activate_options->without, "Serial of a follower that may be left behind; repeatable")
      ->type_name("SERIAL")
      ->allow_extra_args(false);
  activate_app->add_option("--reason", activate_options->reason, "Why, where not all followers believe it yet")
      ->type_name("TEXT");
  add_operator_options(*activate_app, activate_options->authority);

  const auto [retire_app, retire_options] =
      add_named(tree, group, {"retire", "Have what it issued refused from now on", retire});
  retire_app
      ->add_option("--remaining", retire_options->remaining, "So many certificates in use are refused with it [0]")
      ->type_name("N");
  add_operator_options(*retire_app, retire_options->authority);

  const auto [withdraw_app, withdraw_options] = add_named(
      tree, group, {"withdraw", "Its key may be known to others: revoke and refuse all that it issued, now", withdraw});
  withdraw_app->add_option("--reason", withdraw_options->reason, "What happened; the audit log keeps it")
      ->required()
      ->type_name("TEXT");
  add_operator_options(*withdraw_app, withdraw_options->authority);
}

}  // namespace

void add_ca(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "ca", "Issuing CAs: how one follows another, and how one ends");
  const auto [list_app, list_options] = add(tree, group, {"list", "List them, whatever their state", list});
  add_operator_options(*list_app, list_options->authority);
  const auto [show_app, show_options] = add_named(tree, group, {"show", "Show one, and who believes it", show});
  show_app->add_option("--csr", show_options->file, "Where to save its request")->type_name(kFile);
  add_operator_options(*show_app, show_options->authority);
  add_coming(tree, group);
  add_steps(tree, group);
}

}  // namespace countersign::cli
