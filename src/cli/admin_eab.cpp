// `countersign admin eab`: the credentials with which a partner's certbot or lego makes its ACME account.
#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct EabOptions {
  AuthorityOptions authority;
  std::string application;
  std::vector<std::string> purposes;
  std::string life;
  std::string kid;
};

base::Result<base::ExitCode> create_credential(const EabOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  json::object body;
  json::array purposes;
  for (const std::string& purpose : options.purposes)
    purposes.emplace_back(purpose);
  if (!purposes.empty()) body["purposes"] = std::move(purposes);
  if (!options.life.empty()) body["life"] = options.life;
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post(application_path(identity) + "/eab-credentials", body));
  const std::string authority = api.authority().to_string();
  const std::string kid = member(answer, "kid");
  const std::string hmac_key = member(answer, "hmac_key");
  const std::string account = " --server https://" + authority + "/acme/directory";
  const std::string& name = identity.application.text();
  return answer_with(
      answer, options.authority, context,
      "Credential for one ACME account of " + to_ref(identity) + ", or for one certificate by CMP, to be used until\n" +
          member(answer, "expires") + ". The key is shown only now:\n\n  kid       " + kid + "\n  hmac_key  " +
          hmac_key +
          "\n\nWith trust-chain.pem, the provider's trust chain (docs/enrolment.md shows each in full):\n\n"
          "  REQUESTS_CA_BUNDLE=trust-chain.pem certbot certonly" +
          account + " --eab-kid " + kid + " --eab-hmac-key " + hmac_key +
          " --standalone --agree-tos -m you@example.com --no-eff-email -d " + name +
          "\n\n  LEGO_CA_CERTIFICATES=trust-chain.pem lego" + account + " --accept-tos --email you@example.com --eab" +
          " --kid " + kid + " --hmac " + hmac_key + " --domains " + name + " --http run" +
          "\n\n  openssl cmp -cmd ir -server " + authority + " -path .well-known/cmp -tls_used -tls_trusted" +
          " trust-chain.pem -trusted trust-chain.pem -ref " + kid + " -secret pass:" + hmac_key +
          " -newkey NEW.key -subject /CN=any -certout " + name + ".pem -extracertsout issuer.pem\n");
}

Row to_row(const json::object& credential) {
  const std::string cancelled = member(credential, "cancelled");
  return {member(credential, "kid"),
          members(credential, "purposes"),
          credential.contains("enrolled") ? "(used by CMP)" : member(credential, "account"),
          member(credential, "expires"),
          cancelled.empty() ? "" : "cancelled " + cancelled,
          member(credential, "created_by")};
}

base::Result<base::ExitCode> list_credentials(const EabOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get(application_path(identity) + "/eab-credentials"));
  const Row header{"KID", "PURPOSES", "ACCOUNT", "EXPIRES", "STATE", "MADE BY"};
  return answer_with(answer, options.authority, context, table_of(answer, "eab_credentials", header, to_row));
}

base::Result<base::ExitCode> cancel_credential(const EabOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string path = application_path(identity) + "/eab-credentials/" + percent_encoded(options.kid);
  BASE_TRY(const json::object answer, api.post(path + "/cancel", {}));
  return answer_with(answer, options.authority, context,
                     "The credential " + member(answer, "kid") + " of " + to_ref(identity) +
                         " is cancelled, and so is the account that was made with it. Its certificates stay.\n");
}

using Call = base::Result<base::ExitCode> (*)(const EabOptions&, Context&);
CLI::App& add(CommandTree& tree, CLI::App& group, const std::pair<const char*, const char*>& named,
              const std::shared_ptr<EabOptions>& options, Call call) {
  CLI::App& app = tree.command(group, named.first, named.second,
                               [options, call](Context& context) { return call(*options, context); });
  app.add_option("application", options->application, "Such as production/acme/payments")
      ->required()
      ->type_name("ENV/ORG/APP");
  return app;
}

}  // namespace

void add_eab(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "eab", "Credentials for ACME accounts (external account binding, RFC 8555)");
  const auto creating = std::make_shared<EabOptions>();
  CLI::App& create = add(tree, group, {"create", "Make one for an application"}, creating, create_credential);
  add_choices(create, "--purpose", creating->purposes, {"transport", "signing", "ehi"},
              "What its account may order; repeatable [all that the application may have]");
  create.add_option("--life", creating->life, "Until when an account can be made, such as 30m, 24h or 7d [24h]")
      ->type_name("DURATION");
  add_operator_options(create, creating->authority);
  const auto listing = std::make_shared<EabOptions>();
  CLI::App& list = add(tree, group, {"list", "List an application's, newest first"}, listing, list_credentials);
  add_operator_options(list, listing->authority);
  const auto cancelling = std::make_shared<EabOptions>();
  CLI::App& cancel =
      add(tree, group, {"cancel", "End one, and the account made with it"}, cancelling, cancel_credential);
  cancel.add_option("kid", cancelling->kid, "Its key identifier, as listed")->required()->type_name("KID");
  add_operator_options(cancel, cancelling->authority);
}

}  // namespace countersign::cli
