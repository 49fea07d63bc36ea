// `countersign admin`: the operator's calls to the registry. Each prints the authority's answer as a table, or as it
// came.
#include <algorithm>

#include "base/config.h"
#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"
#include "cli/text.h"
#include "cli/trust_file.h"
#include "x509/serial.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct AdminOptions {
  AuthorityOptions authority;
  std::string id;           ///< an organisation
  std::string application;  ///< ENV/ORG/APP
  std::string name;
  std::vector<std::string> server_names;
  std::vector<std::string> purposes;
  std::string life;
  std::string serial;
  std::string reason = "unspecified";
  std::string environment;  ///< filters from here on
  std::string organisation;
  std::string status;
  std::uint32_t limit = 0;
  std::uint64_t after = 0;
};
using Options = std::shared_ptr<AdminOptions>;

json::array to_array(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

std::string state_of(const json::object& object) {
  const json::value* suspended = object.if_contains("suspended");
  return suspended != nullptr && suspended->is_bool() && suspended->get_bool() ? "suspended" : "active";
}

base::Result<base::ExitCode> create_organisation(const AdminOptions& options, Context& context) {
  BASE_TRY(const base::Slug id, base::Slug::parse(options.id));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string name = options.name.empty() ? id.text() : options.name;
  BASE_TRY(const json::object answer, api.post("/v1/organisations", {{"id", id.text()}, {"name", name}}));
  return answer_with(answer, options.authority, context, "Organisation " + id.text() + " is created.\n");
}

base::Result<base::ExitCode> list_organisations(const AdminOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/organisations"));
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "id"), state_of(o), member(o, "created"), member(o, "name")};
  };
  return answer_with(answer, options.authority, context,
                     table_of(answer, "organisations", {"ORGANISATION", "STATE", "CREATED", "NAME"}, to_row));
}

base::Result<base::ExitCode> change_organisation(const AdminOptions& options, Context& context,
                                                 const std::string& verb) {
  BASE_TRY(const base::Slug id, base::Slug::parse(options.id));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post("/v1/organisations/" + id.text() + "/" + verb, {}));
  const std::string effect =
      verb == "suspend" ? " is suspended: all its applications are refused from now on.\n" : " is active again.\n";
  return answer_with(answer, options.authority, context, "Organisation " + id.text() + effect);
}

base::Result<base::ExitCode> create_application(const AdminOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  json::object body{{"environment", std::string(base::name(identity.environment))},
                    {"organisation", identity.organisation.text()},
                    {"application", identity.application.text()}};
  if (!options.name.empty()) body["name"] = options.name;
  if (!options.server_names.empty()) body["server_names"] = to_array(options.server_names);
  BASE_TRY(const json::object answer, api.post("/v1/applications", body));
  const bool is_internal = identity.environment == base::Environment::internal;
  std::string text = "Application " + to_ref(identity) + " is created.\nNext: ";
  if (is_internal && identity.organisation.text() == "operator")
    text += "countersign admin operators set " + identity.application.text() + " --role ROLE\nThen: ";
  if (is_internal && !base::is_reserved_organisation(identity.organisation))
    text += "countersign admin people set " + identity.organisation.text() + " " + identity.application.text() +
            " --role ROLE\nThen: ";
  return answer_with(answer, options.authority, context, text + "countersign admin enrol " + to_ref(identity) + "\n");
}

base::Result<base::ExitCode> set_server_names(const AdminOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const json::object body{{"server_names", to_array(options.server_names)}};
  BASE_TRY(const json::object answer, api.post(application_path(identity) + "/server-names", body));
  return answer_with(
      answer, options.authority, context,
      "The next server certificate of " + to_ref(identity) + " will carry: " + members(answer, "server_names") + "\n");
}

base::Result<base::ExitCode> list_applications(const AdminOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string query = query_of({{"environment", options.environment}, {"organisation", options.organisation}});
  BASE_TRY(const json::object answer, api.get("/v1/applications" + query));
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "environment") + "/" + member(o, "organisation") + "/" + member(o, "application"), state_of(o),
            member(o, "created"), members(o, "server_names"), member(o, "name")};
  };
  return answer_with(
      answer, options.authority, context,
      table_of(answer, "applications", {"APPLICATION", "STATE", "CREATED", "SERVER NAMES", "NAME"}, to_row));
}

base::Result<base::ExitCode> change_application(const AdminOptions& options, Context& context,
                                                const std::string& verb) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post(application_path(identity) + "/" + verb, {}));
  const std::string effect = verb == "suspend" ? " is suspended: it is refused from now on.\n" : " is active again.\n";
  return answer_with(answer, options.authority, context, "Application " + to_ref(identity) + effect);
}

base::Result<base::ExitCode> enrol_application(const AdminOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  json::object body;
  if (!options.purposes.empty()) body["purposes"] = to_array(options.purposes);
  if (!options.life.empty()) {
    BASE_TRY_VOID(base::parse_duration(options.life));
    body["life"] = options.life;
  }
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(json::object answer, api.post(application_path(identity) + "/enrolment-codes", body));
  BASE_TRY(const TrustFile trust, read_trust_file(options.authority.trust_chain_file()));
  const std::string root = base::to_hex(trust.roots.front().fingerprint());
  answer["root_sha256"] = root;
  const std::string code = member(answer, "code");
  const std::string purposes = members(answer, "purposes");
  std::string text = "Enrolment code for " + to_ref(identity) + ", once for each of: " + purposes + "\nGood until " +
                     member(answer, "expires") + ". It is shown only now:\n\n  " + code + "\n\n" +
                     (is_reserved_organisation(identity.organisation)
                          ? "Check this fingerprint there, where the code is used on another machine:"
                          : "Tell the partner this fingerprint by another way than the code, such as the telephone:") +
                     "\n\n  SHA-256 " + root +
                     "\n\nTo be run where the private key shall live:\n  countersign trust-chain --fingerprint " +
                     root + " --authority " + api.authority().to_string() + " --out trust-chain.pem\n";
  const json::value* list = answer.if_contains("purposes");
  if (list != nullptr && list->is_array())
    for (const json::value& purpose : list->get_array())
      if (purpose.is_string())
        text += "  countersign request " + printable({purpose.get_string().data(), purpose.get_string().size()}) +
                " --code " + code + " --authority " + api.authority().to_string() + " --trust-chain trust-chain.pem\n";
  return answer_with(answer, options.authority, context, text);
}

base::Result<base::ExitCode> revoke(const AdminOptions& options, Context& context) {
  BASE_TRY(const x509::Serial serial, x509::Serial::parse(options.serial));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer,
           api.post("/v1/certificates/" + serial.hex() + "/revoke", {{"reason", options.reason}}));
  std::string text =
      "Certificate " + serial.hex() + " is revoked: connections with it end now and it is never accepted again.\n";
  const json::value* others = answer.if_contains("also_revoked");
  if (others != nullptr && others->is_array())
    for (const json::value& other : others->get_array())
      if (other.is_object()) text += "So is " + member(other.get_object(), "serial") + ", which is of the same key.\n";
  return answer_with(answer, options.authority, context, text);
}

/// An application without certificates is not one that is mistyped. Fails: `application.unknown`.
base::Result<void> check_known(ApiClient& api, const base::Identity& identity) {
  const std::string query = query_of(
      {{"environment", std::string(base::name(identity.environment))}, {"organisation", identity.organisation.text()}});
  BASE_TRY(const json::object answer, api.get("/v1/applications" + query));
  const json::value* list = answer.if_contains("applications");
  if (list != nullptr && list->is_array())
    for (const json::value& one : list->get_array())
      if (one.is_object() && member(one.get_object(), "application") == identity.application.text()) return {};
  return base::fail(base::Kind::not_found, "application.unknown", "there is no application " + to_ref(identity));
}

bool is_empty_list(const json::object& answer, std::string_view name) {
  const json::value* list = answer.if_contains(name);
  return list != nullptr && list->is_array() && list->get_array().empty();
}

base::Result<base::ExitCode> list_certificates(const AdminOptions& options, Context& context) {
  BASE_TRY(const ListScope scope,
           narrowed({.environment = options.environment, .organisation = options.organisation}, options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string query = query_of({{"environment", scope.environment},
                                      {"organisation", scope.organisation},
                                      {"application", scope.application},
                                      {"purpose", options.purposes.empty() ? "" : options.purposes.front()},
                                      {"status", options.status},
                                      {"limit", options.limit == 0 ? "" : std::to_string(options.limit)}});
  BASE_TRY(const json::object answer, api.get("/v1/certificates" + query));
  if (!options.application.empty() && is_empty_list(answer, "certificates")) {
    BASE_TRY(const base::Identity identity, parse_application(options.application));
    BASE_TRY_VOID(check_known(api, identity));
  }
  const auto to_row = [](const json::object& o) -> Row {
    return {member(o, "serial"), owner_of(o), member(o, "purpose"), status_of(o), member(o, "not_after")};
  };
  return answer_with(
      answer, options.authority, context,
      table_of(answer, "certificates", {"SERIAL", "APPLICATION", "PURPOSE", "STATUS", "NOT AFTER"}, to_row));
}

base::Result<base::ExitCode> list_audit(const AdminOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string query = query_of({{"after", options.after == 0 ? "" : std::to_string(options.after)},
                                      {"limit", options.limit == 0 ? "" : std::to_string(options.limit)}});
  BASE_TRY(const json::object answer, api.get("/v1/audit" + query));
  const auto to_row = [](const json::object& o) -> Row {
    return {number(o, "sequence"), member(o, "time"), member(o, "actor"), member(o, "action"), member(o, "subject")};
  };
  return answer_with(answer, options.authority, context,
                     table_of(answer, "records", {"SEQUENCE", "TIME", "ACTOR", "ACTION", "SUBJECT"}, to_row));
}

base::Result<base::ExitCode> verify_audit(const AdminOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/audit/verification"));
  const json::value* intact = answer.if_contains("intact");
  const bool holds = intact != nullptr && intact->is_bool() && intact->get_bool();
  const std::string found = holds ? "is intact" : "is BROKEN: " + member(answer, "problem");
  BASE_TRY_VOID(answer_with(answer, options.authority, context,
                            "The audit log of " + number(answer, "records") + " records " + found + "\n"));
  return holds ? base::ExitCode::ok : base::ExitCode::refused;
}

base::Result<base::ExitCode> acknowledge_audit(const AdminOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post("/v1/audit/acknowledge", {}));
  return answer_with(answer, options.authority, context,
                     "Acknowledged, and recorded as such: " + member(answer, "acknowledged") + "\n");
}

using Call = base::Result<base::ExitCode> (*)(const AdminOptions&, Context&);
using ChangeCall = base::Result<base::ExitCode> (*)(const AdminOptions&, Context&, const std::string&);

/// A command whose options are its own; the caller declares them on the returned app.
std::pair<CLI::App*, Options> add_call(CommandTree& tree, CLI::App& parent, const char* name, const char* description,
                                       Call call) {
  auto options = std::make_shared<AdminOptions>();
  CLI::App& app =
      tree.command(parent, name, description, [options, call](Context& context) { return call(*options, context); });
  return {&app, options};
}

std::pair<CLI::App*, Options> add_change(CommandTree& tree, CLI::App& parent, const std::string& verb,
                                         const char* description, ChangeCall call) {
  auto options = std::make_shared<AdminOptions>();
  CLI::App& app = tree.command(parent, verb, description,
                               [options, call, verb](Context& context) { return call(*options, context, verb); });
  return {&app, options};
}

void add_organisation_id(CLI::App& app, AdminOptions& options) {
  app.add_option("organisation", options.id, "1 to 63 of a-z, 0-9 and '-'")->required()->type_name("ORG");
}

void add_application_ref(CLI::App& app, AdminOptions& options) {
  app.add_option("application", options.application, "Such as production/acme/payments")
      ->required()
      ->type_name("ENV/ORG/APP");
}

void add_filters(CLI::App& app, AdminOptions& options) {
  add_choice(app, "--environment", options.environment, {"uat", "production", "internal"}, "Only of this environment");
  app.add_option("--organisation", options.organisation, "Only of this organisation")->type_name("ORG");
}

void add_organisations(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "org", "Organisations: the partners");
  const auto [create, create_options] =
      add_call(tree, group, "create", "Register an organisation", create_organisation);
  add_organisation_id(*create, *create_options);
  create->add_option("--name", create_options->name, "Its name for people [the organisation's id]")->type_name("NAME");
  add_operator_options(*create, create_options->authority);
  const auto [list, list_options] = add_call(tree, group, "list", "List them", list_organisations);
  add_operator_options(*list, list_options->authority);
  for (const auto& [verb, description] : {std::pair{"suspend", "Refuse all its applications until resumed"},
                                          std::pair{"resume", "Let a suspended organisation in again"}}) {
    const auto [app, options] = add_change(tree, group, verb, description, change_organisation);
    add_organisation_id(*app, *options);
    add_operator_options(*app, options->authority);
  }
}

void add_applications(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "app", "Applications: what holds certificates");
  const auto [create, create_options] = add_call(tree, group, "create", "Register an application", create_application);
  add_application_ref(*create, *create_options);
  create->add_option("--name", create_options->name, "Its name for people")->type_name("NAME");
  create
      ->add_option("--server-name", create_options->server_names,
                   "Host name or address for its server certificate; repeatable")
      ->type_name("HOST")
      ->allow_extra_args(false);
  add_operator_options(*create, create_options->authority);
  const auto [names, names_options] =
      add_call(tree, group, "server-names", "Set what its server certificate may name", set_server_names);
  add_application_ref(*names, *names_options);
  names->add_option("host", names_options->server_names, "Host names and addresses")->required()->type_name("HOST");
  add_operator_options(*names, names_options->authority);
  const auto [list, list_options] = add_call(tree, group, "list", "List them", list_applications);
  add_filters(*list, *list_options);
  add_operator_options(*list, list_options->authority);
  for (const auto& [verb, description] : {std::pair{"suspend", "Refuse it until resumed; its certificates stay good"},
                                          std::pair{"resume", "Let a suspended application in again"}}) {
    const auto [app, options] = add_change(tree, group, verb, description, change_application);
    add_application_ref(*app, *options);
    add_operator_options(*app, options->authority);
  }
}

void add_certificates(CommandTree& tree, CLI::App& admin) {
  const auto [enrol, enrol_options] =
      add_call(tree, admin, "enrol", "Make a one-time enrolment code for an application", enrol_application);
  add_application_ref(*enrol, *enrol_options);
  add_choices(*enrol, "--purpose", enrol_options->purposes,
              {"transport", "signing", "service", "server", "ehi", "person"},
              "What it may request; repeatable [transport and signing, for partners]");
  enrol->add_option("--life", enrol_options->life, "How long the code is good, such as 30m, 24h or 7d [24h]")
      ->type_name("DURATION");
  add_operator_options(*enrol, enrol_options->authority);

  const auto [revoke_app, revoke_options] =
      add_call(tree, admin, "revoke", "Revoke a certificate, now and for ever", revoke);
  revoke_app->add_option("serial", revoke_options->serial, "Its serial number, hexadecimal")
      ->required()
      ->type_name("SERIAL");
  add_choice(*revoke_app, "--reason", revoke_options->reason,
             {"unspecified", "key_compromise", "affiliation_changed", "superseded", "cessation_of_operation",
              "privilege_withdrawn"},
             "Why (RFC 5280)")
      ->capture_default_str();
  add_operator_options(*revoke_app, revoke_options->authority);

  const auto [list, list_options] =
      add_call(tree, admin, "list", "List certificates, all or by filter", list_certificates);
  list->add_option("--application", list_options->application, "Only of this application")->type_name("ENV/ORG/APP");
  add_filters(*list, *list_options);
  add_choice(*list, "--status", list_options->status, {"valid", "revoked", "expired"}, "Only with this status");
  add_choices(*list, "--purpose", list_options->purposes,
              {"transport", "signing", "service", "server", "ehi", "person", "ocsp"}, "Only for this purpose")
      ->expected(1);
  list->add_option("--limit", list_options->limit, "At most this many [100]")->type_name("N");
  add_operator_options(*list, list_options->authority);
}

void add_audit(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "audit", "The audit log: who did what, as a chain that shows a break");
  const auto [list, list_options] = add_call(tree, group, "list", "List its records, oldest first", list_audit);
  list->add_option("--after", list_options->after, "Only those behind this sequence number")->type_name("N");
  list->add_option("--limit", list_options->limit, "At most this many [100]")->type_name("N");
  add_operator_options(*list, list_options->authority);
  const auto [verify, verify_options] =
      add_call(tree, group, "verify", "Walk the whole log now; exit code 1 where it is broken", verify_audit);
  add_operator_options(*verify, verify_options->authority);
  const auto [acknowledge, acknowledge_options] = add_call(
      tree, group, "acknowledge", "Say that you looked at a break: the log goes on behind it", acknowledge_audit);
  add_operator_options(*acknowledge, acknowledge_options->authority);
}

}  // namespace

void add_admin(CommandTree& tree) {
  CLI::App& admin =
      tree.group(tree.root(), "admin", "The operator's work: organisations, applications, codes, certificates");
  add_organisations(tree, admin);
  add_applications(tree, admin);
  add_certificates(tree, admin);
  add_revoke_many(tree, admin);
  add_codes(tree, admin);
  add_eab(tree, admin);
  add_log(tree, admin);
  add_contacts(tree, admin);
  add_ehi_servers(tree, admin);
  add_operators(tree, admin);
  add_people(tree, admin);
  add_roots(tree, admin);
  add_clients(tree, admin);
  add_ca(tree, admin);
  add_requests(tree, admin);
  add_refusals(tree, admin);
  add_audit(tree, admin);
}

}  // namespace countersign::cli
