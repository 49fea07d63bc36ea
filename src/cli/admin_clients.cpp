// `countersign admin clients` and `token-keys`: which applications get access tokens, for what, and by which keys.
#include "base/json_array.h"
#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct ClientOptions {
  AuthorityOptions authority;
  std::string application;
  std::vector<std::string> scopes;
  std::vector<std::string> audiences;
  std::vector<std::string> methods;
  std::string claims;
  std::string secret;
  bool give_up = false;
};
using Options = std::shared_ptr<ClientOptions>;
using Call = base::Result<base::ExitCode> (*)(const ClientOptions&, Context&);

base::Result<json::object> rules_in(const ClientOptions& options) {
  json::object body{{"scopes", base::to_json_array(options.scopes)},
                    {"audiences", base::to_json_array(options.audiences)}};
  if (!options.methods.empty()) body["methods"] = base::to_json_array(options.methods);
  if (options.claims.empty()) return body;
  BASE_TRY(auto claims, base::parse_json(options.claims));
  body["claims"] = std::move(claims);
  return body;
}

base::Result<json::object> post(const ClientOptions& options, Context& context, const std::string& below,
                                const json::object& body) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  return api.post(application_path(identity) + "/client" + below, body);
}

std::string described(const json::object& client) {
  return member(client, "client_id") + " (" + member(client, "state") + ")\n  methods    " +
         members(client, "methods") + "\n  scopes     " + members(client, "scopes") + "\n  audiences  " +
         members(client, "audiences") + "\n";
}

base::Result<base::ExitCode> set_client(const ClientOptions& options, Context& context) {
  BASE_TRY(const json::object body, rules_in(options));
  BASE_TRY(const json::object answer, post(options, context, "", body));
  return answer_with(answer, options.authority, context, "From now on: " + described(answer));
}

base::Result<base::ExitCode> show_client(const ClientOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get(application_path(identity) + "/client"));
  return answer_with(answer, options.authority, context, described(answer));
}

Row client_row(const json::object& client) {
  return {member(client, "client_id"), member(client, "state"), members(client, "methods"), members(client, "scopes"),
          members(client, "audiences")};
}

base::Result<base::ExitCode> list_clients(const ClientOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/clients"));
  return answer_with(answer, options.authority, context,
                     table_of(answer, "clients", {"CLIENT", "STATE", "METHODS", "SCOPES", "AUDIENCES"}, client_row));
}

base::Result<base::ExitCode> disable_client(const ClientOptions& options, Context& context) {
  BASE_TRY(const json::object answer, post(options, context, "/disable", {}));
  return answer_with(answer, options.authority, context, "No token of it is taken any more: " + described(answer));
}

base::Result<base::ExitCode> enable_client(const ClientOptions& options, Context& context) {
  BASE_TRY(const json::object answer, post(options, context, "/enable", {}));
  return answer_with(answer, options.authority, context, "It may get tokens again: " + described(answer));
}

base::Result<base::ExitCode> end_tokens(const ClientOptions& options, Context& context) {
  BASE_TRY(const json::object answer, post(options, context, "/end-tokens", {}));
  return answer_with(answer, options.authority, context,
                     "No token that it had until " + member(answer, "tokens_ended") + " is taken any more.\n");
}

base::Result<base::ExitCode> make_statement(const ClientOptions& options, Context& context) {
  BASE_TRY(const json::object body, rules_in(options));
  BASE_TRY(const json::object answer, post(options, context, "/software-statement", body));
  return answer_with(answer, options.authority, context, member(answer, "software_statement") + "\n");
}

base::Result<base::ExitCode> make_secret(const ClientOptions& options, Context& context) {
  BASE_TRY(const json::object answer, post(options, context, "/secrets", {}));
  return answer_with(answer, options.authority, context,
                     "The client secret is shown only now:\n\n  id      " + member(answer, "id") + "\n  secret  " +
                         member(answer, "client_secret") + "\n");
}

Row secret_row(const json::object& secret) {
  const std::string cancelled = member(secret, "cancelled");
  return {member(secret, "id"), member(secret, "created"), cancelled.empty() ? "" : "cancelled " + cancelled,
          member(secret, "created_by")};
}

base::Result<base::ExitCode> list_secrets(const ClientOptions& options, Context& context) {
  BASE_TRY(const base::Identity identity, parse_application(options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get(application_path(identity) + "/client/secrets"));
  return answer_with(answer, options.authority, context,
                     table_of(answer, "secrets", {"ID", "MADE", "STATE", "MADE BY"}, secret_row));
}

base::Result<base::ExitCode> cancel_secret(const ClientOptions& options, Context& context) {
  BASE_TRY(const json::object answer,
           post(options, context, "/secrets/" + percent_encoded(options.secret) + "/cancel", {}));
  return answer_with(answer, options.authority, context, "The secret " + member(answer, "id") + " is cancelled.\n");
}

Row key_row(const json::object& key) {
  return {member(key, "kid"), member(key, "signs_from"), member(key, "signs_until"), member(key, "known_until")};
}

base::Result<base::ExitCode> tell_keys(const json::object& answer, const ClientOptions& options, Context& context) {
  return answer_with(answer, options.authority, context,
                     table_of(answer, "token_keys", {"KID", "SIGNS FROM", "SIGNS UNTIL", "KNOWN UNTIL"}, key_row));
}

base::Result<base::ExitCode> list_keys(const ClientOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.get("/v1/token-keys"));
  return tell_keys(answer, options, context);
}

base::Result<base::ExitCode> rotate_keys(const ClientOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer,
           api.post(options.give_up ? "/v1/token-keys/give-up" : "/v1/token-keys/rotate", {}));
  return tell_keys(answer, options, context);
}

class Declared {
 public:
  Declared(CommandTree& tree, CLI::App& group) : tree_(tree), group_(group) {}
  std::pair<CLI::App*, Options> add(const char* name, const char* description, Call call) {
    auto options = std::make_shared<ClientOptions>();
    CLI::App& app =
        tree_.command(group_, name, description, [options, call](Context& context) { return call(*options, context); });
    add_operator_options(app, options->authority);
    return {&app, options};
  }
  std::pair<CLI::App*, Options> add_of_application(const char* name, const char* description, Call call) {
    auto made = add(name, description, call);
    made.first->add_option("application", made.second->application, "Such as production/acme/payments")
        ->required()
        ->type_name("ENV/ORG/APP");
    return made;
  }

 private:
  CommandTree& tree_;
  CLI::App& group_;
};

void add_rules(CLI::App& app, ClientOptions& options) {
  app.add_option("--scope", options.scopes, "That it may ask for; repeatable")->type_name("SCOPE");
  app.add_option("--audience", options.audiences, "That its tokens may be for; repeatable [the issuer]")
      ->type_name("URI");
  add_choices(app, "--method", options.methods,
              {"private_key_jwt", "tls_client_auth", "client_secret_basic", "client_secret_post"},
              "How it may prove itself beside its certificate; repeatable [private_key_jwt]");
  app.add_option("--claims", options.claims, "What its tokens say besides, such as '{\"tenant\":\"t-17\"}'")
      ->type_name("JSON");
}

void add_secrets(CommandTree& tree, CLI::App& clients) {
  CLI::App& group = tree.group(clients, "secret", "Client secrets, for who cannot sign");
  Declared declared(tree, group);
  declared.add_of_application("create", "Make one; it is shown once", make_secret);
  declared.add_of_application("list", "List a client's, newest first", list_secrets);
  const auto [cancel, options] = declared.add_of_application("cancel", "End one", cancel_secret);
  cancel->add_option("id", options->secret, "As listed")->required()->type_name("ID");
}

}  // namespace

void add_clients(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "clients", "Which applications get access tokens, and for what");
  Declared declared(tree, group);
  const auto [set, of_set] =
      declared.add_of_application("set", "Make an application a client: with these rules and no others", set_client);
  add_rules(*set, *of_set);
  declared.add_of_application("show", "Show one", show_client);
  declared.add("list", "List all", list_clients);
  declared.add_of_application("disable", "No token for it, and none of its tokens taken", disable_client);
  declared.add_of_application("enable", "Tokens for it again", enable_client);
  declared.add_of_application("end-tokens", "Take none of the tokens that it has now", end_tokens);
  const auto [statement, of_statement] = declared.add_of_application(
      "statement", "Make a software statement, by which it registers itself (RFC 7591)", make_statement);
  add_rules(*statement, *of_statement);
  add_secrets(tree, group);
  CLI::App& keys = tree.group(admin, "token-keys", "The keys that access tokens are signed with");
  Declared of_keys(tree, keys);
  of_keys.add("list", "List those that are known", list_keys);
  const auto [rotate, of_rotate] = of_keys.add("rotate", "Have a new key follow, a day from now", rotate_keys);
  rotate->add_flag("--give-up", of_rotate->give_up,
                   "At once, and take no token of any key before: where one may be known to others");
}

}  // namespace countersign::cli
