// `countersign own`: what people of a partner see of their own organisation at the authority, and do for it.
#include "base/config.h"
#include "cli/admin_answer.h"
#include "cli/command_tree.h"
#include "cli/ehi_answer.h"
#include "tls/context.h"
#include "x509/serial.h"

namespace countersign::cli {
namespace {

namespace json = base::json;
namespace fs = std::filesystem;

struct OwnOptions {
  AuthorityOptions authority;
  std::string folder = ".";
  std::string application;  ///< ENV/APP
  std::string status;
  std::string digest;
  std::string serial;
  std::string reason = "superseded";
  std::vector<std::string> purposes;
  std::string life;
  std::string url;
  std::string environment = "production";
  std::string server;
  std::string wait = "5m";
};
using Work = base::Result<base::ExitCode> (*)(const OwnOptions&, Context&, ApiClient&);

constexpr const char* kOwn = "/v1/own-organisation";

base::Result<ApiClient> open_api_as_person(const OwnOptions& options, const Context& context) {
  const fs::path folder = options.folder;
  auto credential = tls::load_credential(folder / "person-chain.pem", folder / "person.key");
  if (credential) return open_api_with(options.authority, *credential, kDoorForPeople, context);
  return base::unexpected(
      std::move(credential)
          .error()
          .under("person.missing",
                 "no certificate of yours could be used from '" + folder.string() +
                     "': it is person-chain.pem with person.key, as `countersign request person` makes them; "
                     "give --person DIR"));
}

/// "uat/cards" as a path of codes.
base::Result<std::string> codes_path(const OwnOptions& options) {
  const std::size_t slash = options.application.find('/');
  if (slash == std::string::npos)
    return base::fail(base::Kind::invalid, "application.form",
                      "name the application as ENVIRONMENT/APPLICATION, such as production/payments");
  BASE_TRY(const auto environment, base::parse_environment(options.application.substr(0, slash)));
  const std::string name = options.application.substr(slash + 1);
  if (name.find('/') != std::string::npos)
    return base::fail(base::Kind::invalid, "application.form",
                      "leave out your organisation: ENVIRONMENT/APPLICATION, such as production/" +
                          printable(name.substr(name.rfind('/') + 1)));
  BASE_TRY(const base::Slug application, base::Slug::parse(name));
  return std::string(kOwn) + "/applications/" + std::string(base::name(environment)) + "/" + application.text() +
         "/enrolment-codes";
}

base::Result<base::ExitCode> show(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.get(kOwn));
  const json::value* organisation = answer.if_contains("organisation");
  const std::string name =
      organisation != nullptr && organisation->is_object() ? member(organisation->get_object(), "name") : "";
  const std::string roles = members(answer, "roles");
  return answer_with(answer, options.authority, context,
                     member(answer, "person") + " of " + name + ": " + (roles.empty() ? "looks only" : roles) + "\n");
}

base::Result<base::ExitCode> list_applications(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.get(std::string(kOwn) + "/applications"));
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "environment"), member(o, "application"), member(o, "name")};
  };
  return answer_with(answer, options.authority, context,
                     table_of(answer, "applications", {"ENVIRONMENT", "APPLICATION", "NAME"}, to_row));
}

base::Result<base::ExitCode> list_certificates(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer,
           api.get(std::string(kOwn) + "/certificates" + query_of({{"status", options.status}})));
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "serial"), owner_of(o), member(o, "purpose"), status_of(o), member(o, "not_after")};
  };
  return answer_with(
      answer, options.authority, context,
      table_of(answer, "certificates", {"SERIAL", "APPLICATION", "PURPOSE", "STATUS", "NOT AFTER"}, to_row));
}

base::Result<base::ExitCode> list_requests(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.get(std::string(kOwn) + "/requests" + query_of({{"state", options.status}})));
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "request"),
            owner_of(o),
            member(o, "purpose"),
            member(o, "state"),
            number(o, "given") + " of " + number(o, "needed"),
            member(o, "refusal")};
  };
  const Row header{"REQUEST", "APPLICATION", "PURPOSE", "STATE", "APPROVALS", "REFUSED BECAUSE"};
  return answer_with(answer, options.authority, context, table_of(answer, "requests", header, to_row));
}

base::Result<base::ExitCode> list_notices(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.get(std::string(kOwn) + "/notices" + query_of({{"state", options.status}})));
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "created"), member(o, "to"), member(o, "state"), member(o, "serial")};
  };
  return answer_with(answer, options.authority, context,
                     table_of(answer, "notices", {"WRITTEN", "TO", "STATE", "CERTIFICATE"}, to_row));
}

base::Result<base::ExitCode> list_refusals(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.get(std::string(kOwn) + "/refusals"));
  return answer_with(answer, options.authority, context, table_of_refusals(answer));
}

base::Result<base::ExitCode> list_codes(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const std::string path, codes_path(options));
  BASE_TRY(const json::object answer, api.get(path));
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "digest"), members(o, "purposes"), member(o, "expires"), member(o, "cancelled"),
            member(o, "created_by")};
  };
  const Row header{"DIGEST", "PURPOSES", "EXPIRES", "CANCELLED", "MADE BY"};
  return answer_with(answer, options.authority, context, table_of(answer, "enrolment_codes", header, to_row));
}

base::Result<base::ExitCode> create_code(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const std::string path, codes_path(options));
  json::object body;
  if (!options.purposes.empty()) body["purposes"] = json::array(options.purposes.begin(), options.purposes.end());
  if (!options.life.empty()) {
    BASE_TRY_VOID(base::parse_duration(options.life));
    body["life"] = options.life;
  }
  BASE_TRY(const json::object answer, api.post(path, body));
  return answer_with(answer, options.authority, context,
                     "Enrolment code for " + options.application +
                         ", once for each of: " + members(answer, "purposes") + "\nGood until " +
                         member(answer, "expires") + ". It is shown only now:\n\n  " + member(answer, "code") +
                         "\n\nTo be run where the private key shall live, with trust-chain.pem, for each of them:\n"
                         "  countersign request PURPOSE --code " +
                         member(answer, "code") + " --authority " + api.authority().to_string() +
                         " --trust-chain trust-chain.pem --out DIR\n");
}

base::Result<base::ExitCode> cancel_code(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const std::string path, codes_path(options));
  BASE_TRY(const json::object answer, api.post(path + "/" + percent_encoded(options.digest) + "/cancel", {}));
  return answer_with(answer, options.authority, context, "The code " + member(answer, "digest") + " is cancelled.\n");
}

base::Result<base::ExitCode> revoke(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const x509::Serial serial, x509::Serial::parse(options.serial));
  BASE_TRY(const json::object answer,
           api.post(std::string(kOwn) + "/certificates/" + serial.hex() + "/revoke", {{"reason", options.reason}}));
  return answer_with(answer, options.authority, context,
                     "Certificate " + serial.hex() + " is revoked, now and for ever.\n");
}

base::Result<base::ExitCode> list_servers(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.get(std::string(kOwn) + "/ehi-servers"));
  return answer_with(answer, options.authority, context, ehi_servers_text(answer));
}

base::Result<base::ExitCode> add_server(const OwnOptions& options, Context& context, ApiClient& api) {
  const json::object body{{"environment", options.environment}, {"url", options.url}};
  BASE_TRY(const json::object answer, api.post(std::string(kOwn) + "/ehi-servers", body));
  return answer_with(answer, options.authority, context,
                     "The server " + member(answer, "server") +
                         " is added. Have it checked:\n  countersign own check-ehi " + member(answer, "server") +
                         "\nUntil the provider's operators have confirmed it, that shows it none of the provider's "
                         "certificates.\n");
}

std::string server_path(const OwnOptions& options) {
  return std::string(kOwn) + "/ehi-servers/" + percent_encoded(options.server);
}

base::Result<base::ExitCode> show_server(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.get(server_path(options)));
  return answer_with(answer, options.authority, context, ehi_server_text(answer));
}

base::Result<base::ExitCode> check_server(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const base::Duration patience, base::parse_duration(options.wait));
  BASE_TRY(const json::object begun, api.post(server_path(options) + "/check", {}));
  BASE_TRY(const json::object shown, wait_for_check(api, server_path(options), begun, patience));
  const std::string command = "countersign own ehi-server " + options.server;
  BASE_TRY_VOID(answer_with(shown, options.authority, context, checked_server_text(shown, command)));
  return exit_code_of_check(shown);
}

base::Result<base::ExitCode> remove_server(const OwnOptions& options, Context& context, ApiClient& api) {
  BASE_TRY(const json::object answer, api.post(server_path(options) + "/remove", {}));
  return answer_with(answer, options.authority, context, "The server " + member(answer, "server") + " is removed.\n");
}

struct Command {
  const char* name;
  const char* description;
  Work work;
};

std::pair<CLI::App*, std::shared_ptr<OwnOptions>> add(CommandTree& tree, CLI::App& group, const Command& command) {
  const auto options = std::make_shared<OwnOptions>();
  CLI::App& app = tree.command(group, command.name, command.description,
                               [options, work = command.work](Context& context) -> base::Result<base::ExitCode> {
                                 BASE_TRY(ApiClient api, open_api_as_person(*options, context));
                                 return work(*options, context, api);
                               });
  app.add_option("--person", options->folder, "Folder with your person-chain.pem and person.key [.]")
      ->type_name(kFolder);
  add_authority_options(app, options->authority);
  return {&app, options};
}

std::pair<CLI::App*, std::shared_ptr<OwnOptions>> add_of_application(CommandTree& tree, CLI::App& group,
                                                                     const Command& command) {
  auto added = add(tree, group, command);
  added.first->add_option("application", added.second->application, "Such as production/payments")
      ->required()
      ->type_name("ENV/APP");
  return added;
}

void add_servers(CommandTree& tree, CLI::App& group) {
  add(tree, group, {"ehi-servers", "List where the provider calls your organisation", list_servers});
  const auto [add_app, of_add] =
      add(tree, group, {"add-ehi-server", "Say where the provider calls you (role requester)", add_server});
  add_app->add_option("url", of_add->url, "https://HOST[:PORT]/PATH")->required()->type_name("URL");
  add_choice(*add_app, "--environment", of_add->environment, {"uat", "production"}, "Where you are called from")
      ->capture_default_str();
  const Command of_one[] = {
      {"ehi-server", "Show one, with the report of its last check", show_server},
      {"check-ehi", "Have one checked from outside, and wait for the report (role requester)", check_server},
      {"remove-ehi-server", "Remove one (role requester)", remove_server}};
  for (const Command& command : of_one) {
    const auto [app, options] = add(tree, group, command);
    app->add_option("server", options->server, "As listed")->required()->type_name("SERVER");
    if (command.work != check_server) continue;
    app->add_option("--wait", options->wait, "For so long at most for its report; 0s: not at all")
        ->type_name("DURATION")
        ->capture_default_str();
    tree.explain(*app,
                 "Ends with 0 when nothing failed, with 1 when something did, with 3 when there is no report of it.");
  }
}

}  // namespace

void add_own(CommandTree& tree) {
  CLI::App& group = tree.group(tree.root(), "own", "For people of partners: what your organisation has, and its codes");
  add(tree, group, {"show", "Who you are there, and what you may do", show});
  add(tree, group, {"applications", "List your organisation's applications", list_applications});
  const auto [certificates, of_certificates] =
      add(tree, group, {"certificates", "List its certificates, newest first", list_certificates});
  add_choice(*certificates, "--status", of_certificates->status, {"valid", "revoked", "expired"},
             "Only with this status");
  const auto [requests, of_requests] =
      add(tree, group, {"requests", "List what awaits approval, or did, and why it was refused", list_requests});
  add_choice(*requests, "--state", of_requests->status, {"pending", "approved", "issued", "refused"},
             "Only in this state");
  const auto [notices, of_notices] = add(tree, group, {"notices", "List what its contacts were told", list_notices});
  add_choice(*notices, "--state", of_notices->status, {"pending", "sent", "given_up", "dropped"}, "Only in this state");
  add(tree, group, {"refusals", "List its certificates that gateways refused, why, and what mends it", list_refusals});
  add_servers(tree, group);
  add_of_application(tree, group, {"codes", "List an application's enrolment codes", list_codes});
  const auto [create, of_create] = add_of_application(
      tree, group, {"make-code", "Make an enrolment code for an application (role requester)", create_code});
  add_choices(*create, "--purpose", of_create->purposes, {"transport", "signing"},
              "What it may request; repeatable [both]");
  create->add_option("--life", of_create->life, "How long the code is good, such as 30m, 24h or 7d [24h]")
      ->type_name("DURATION");
  const auto [cancel, of_cancel] =
      add_of_application(tree, group, {"cancel-code", "Make a code worthless (role requester)", cancel_code});
  cancel->add_option("digest", of_cancel->digest, "The first 8 or more digits of its digest, as listed")
      ->required()
      ->type_name("DIGEST");
  const auto [revoke_app, of_revoke] =
      add(tree, group, {"revoke", "Revoke a certificate of an application (role revoker)", revoke});
  revoke_app->add_option("serial", of_revoke->serial, "Its serial number, hexadecimal")
      ->required()
      ->type_name("SERIAL");
  add_choice(*revoke_app, "--reason", of_revoke->reason, {"key_compromise", "superseded", "cessation_of_operation"},
             "Why (RFC 5280)")
      ->capture_default_str();
}

}  // namespace countersign::cli
