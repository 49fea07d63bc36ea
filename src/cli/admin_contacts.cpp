// `countersign admin contacts` and `admin notices`: who is told that a certificate ends, and what became of it.
#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct ContactOptions {
  AuthorityOptions authority;
  std::string organisation;
  std::string application;  ///< ENV/ORG/APP; empty: all of the organisation
  std::string email;
  std::string webhook;
  std::string contact;
  std::string state;
  std::uint32_t limit = 0;
};
using Options = std::shared_ptr<ContactOptions>;
using Call = base::Result<base::ExitCode> (*)(const ContactOptions&, Context&);

std::string contacts_path(const base::Slug& organisation) {
  return "/v1/organisations/" + organisation.text() + "/contacts";
}

Row contact_row(const json::object& contact) {
  const std::string email = member(contact, "email");
  const std::string application = member(contact, "application");
  return {member(contact, "contact"), email.empty() ? member(contact, "webhook") : email,
          application.empty() ? "all" : member(contact, "environment") + "/" + application,
          member(contact, "created_by")};
}

Row notice_row(const json::object& letter) {
  return {member(letter, "created"), member(letter, "to"),       member(letter, "serial"),
          member(letter, "state"),   number(letter, "attempts"), member(letter, "last_error")};
}

base::Result<base::ExitCode> add_contact(const ContactOptions& options, Context& context) {
  BASE_TRY(const base::Slug organisation, base::Slug::parse(options.organisation));
  if (options.email.empty() == options.webhook.empty())
    return base::fail(base::Kind::invalid, "contact.options", "give either --email ADDRESS or --webhook URL");
  json::object body;
  if (!options.email.empty()) body["email"] = options.email;
  if (!options.webhook.empty()) body["webhook"] = options.webhook;
  if (!options.application.empty()) {
    BASE_TRY(const base::Identity identity, parse_application(options.application));
    if (identity.organisation != organisation)
      return base::fail(base::Kind::invalid, "application.unknown",
                        to_ref(identity) + " is no application of " + organisation.text());
    body["environment"] = base::name(identity.environment);
    body["application"] = identity.application.text();
  }
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post(contacts_path(organisation), body));
  const std::string secret = member(answer, "secret");
  std::string text = "The contact " + member(answer, "contact") + " of " + organisation.text() + " is added.\n";
  if (!secret.empty())
    text += "Webhooks to it are signed with this secret, which is not shown again:\n  " + secret + "\n";
  return answer_with(answer, options.authority, context, text);
}

base::Result<base::ExitCode> list_contacts(const ContactOptions& options, Context& context) {
  BASE_TRY(const base::Slug organisation, base::Slug::parse(options.organisation));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get(contacts_path(organisation)));
  return answer_with(answer, options.authority, context,
                     table_of(answer, "contacts", {"CONTACT", "ADDRESS", "FOR", "ADDED BY"}, contact_row));
}

base::Result<base::ExitCode> remove_contact(const ContactOptions& options, Context& context) {
  BASE_TRY(const base::Slug organisation, base::Slug::parse(options.organisation));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string path = contacts_path(organisation) + "/" + percent_encoded(options.contact);
  BASE_TRY(const json::object answer, api.post(path + "/remove", {}));
  return answer_with(answer, options.authority, context,
                     "The contact " + member(answer, "contact") + " is removed: nothing is sent there any more.\n");
}

base::Result<base::ExitCode> list_notices(const ContactOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string query =
      query_of({{"state", options.state}, {"limit", options.limit == 0 ? "" : std::to_string(options.limit)}});
  BASE_TRY(const json::object answer, api.get("/v1/notices" + query));
  const Row header{"CREATED", "TO", "CERTIFICATE", "STATE", "ATTEMPTS", "LAST ERROR"};
  return answer_with(answer, options.authority, context, table_of(answer, "notices", header, notice_row));
}

CLI::App& add(CommandTree& tree, CLI::App& parent, const char* name, const char* description, const Options& options,
              Call call) {
  return tree.command(parent, name, description, [options, call](Context& context) { return call(*options, context); });
}

void add_organisation(CLI::App& app, ContactOptions& options) {
  app.add_option("organisation", options.organisation, "Whose contacts")->required()->type_name("ORG");
}

}  // namespace

void add_contacts(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "contacts", "Who is told that an organisation's certificates end");
  const auto of_add = std::make_shared<ContactOptions>();
  CLI::App& add_app = add(tree, group, "add", "Add an address", of_add, add_contact);
  add_organisation(add_app, *of_add);
  add_app.add_option("--email", of_add->email, "An e-mail address")->type_name("ADDRESS");
  add_app.add_option("--webhook", of_add->webhook, "An https URL; prints the secret that calls are signed with")
      ->type_name("URL");
  add_app.add_option("--application", of_add->application, "Only about this one [all]")->type_name("ENV/ORG/APP");
  add_operator_options(add_app, of_add->authority);
  const auto of_list = std::make_shared<ContactOptions>();
  CLI::App& list = add(tree, group, "list", "List them", of_list, list_contacts);
  add_organisation(list, *of_list);
  add_operator_options(list, of_list->authority);
  const auto of_remove = std::make_shared<ContactOptions>();
  CLI::App& remove = add(tree, group, "remove", "Remove one", of_remove, remove_contact);
  add_organisation(remove, *of_remove);
  remove.add_option("contact", of_remove->contact, "As listed")->required()->type_name("CONTACT");
  add_operator_options(remove, of_remove->authority);

  const auto of_notices = std::make_shared<ContactOptions>();
  CLI::App& notices = add(tree, admin, "notices", "List what was sent about certificates that end, newest first",
                          of_notices, list_notices);
  add_choice(notices, "--state", of_notices->state, {"pending", "sent", "given_up", "dropped"}, "Only in this state");
  notices.add_option("--limit", of_notices->limit, "At most this many [100]")->type_name("N");
  add_operator_options(notices, of_notices->authority);
}

}  // namespace countersign::cli
