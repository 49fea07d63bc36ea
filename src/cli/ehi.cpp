// `countersign ehi`: how the endpoints of a sender are, and what operators do with its outbox, over the sender's own
// local side.
#include "cli/ehi.h"

#include "base/config.h"
#include "cli/admin_answer.h"
#include "cli/command_tree.h"
#include "cli/operator_files.h"
#include "cli/sender_client.h"

namespace countersign::cli {
namespace {

namespace json = base::json;
namespace fs = std::filesystem;

constexpr const char* kDefaultSender = "localhost:7080";
struct EhiOptions {
  AuthorityOptions authority;  ///< its folder, trust chain, operator and --json
  std::string sender;          ///< HOST:PORT
  std::string endpoint;
  std::string state;
  std::uint64_t id = 0;
  std::uint64_t after = 0;
  std::uint64_t limit = 0;
};
using Options = std::shared_ptr<EhiOptions>;
using Call = base::Result<base::ExitCode> (*)(const EhiOptions&, Context&);

/// --sender; else what DATA/countersign.toml says (with port 0: what the running `countersign up` says).
base::Result<net::Endpoint> address_of(const EhiOptions& options) {
  if (!options.sender.empty()) return net::Endpoint::parse(options.sender);
  const fs::path data = options.authority.data;
  std::error_code ignored;
  if (!fs::exists(data / "countersign.toml", ignored)) return net::Endpoint::parse(kDefaultSender);
  BASE_TRY(base::ConfigSection config, base::ConfigSection::load(data / "countersign.toml"));
  BASE_TRY(base::ConfigSection ehi, config.section("ehi"));
  BASE_TRY(const std::string listen, ehi.text_or("listen", kDefaultSender));
  BASE_TRY(net::Endpoint address, net::Endpoint::parse(listen));
  if (address.port == 0) {
    BASE_TRY(address, running_address(data, "ehi"));
  }
  const bool anywhere = address.host == "0.0.0.0" || address.host == "::" || address.host == "127.0.0.1";
  if (anywhere) address.host = "localhost";  // as its certificate says
  return address;
}

base::Result<SenderClient> open(const EhiOptions& options, const Context& context) {
  BASE_TRY(net::Endpoint sender, address_of(options));
  BASE_TRY(trust::TrustSet trust, load_trust(options.authority));
  BASE_TRY(const tls::Credential credential, load_operator(options.authority));
  return SenderClient::make({std::move(sender), std::move(trust), &credential}, context);
}

std::string inner(const json::object& object, std::string_view name, std::string_view member_name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_object() ? member(value->get_object(), member_name) : "";
}

/// "down: ehi.refused expired", "up".
std::string way(const json::object& endpoint, std::string_view name) {
  const json::value* value = endpoint.if_contains(name);
  if (value == nullptr || !value->is_object()) return "";
  const json::object& way = value->get_object();
  std::string text = member(way, "primary");
  if (way.contains("recovery")) text += ", recovery " + member(way, "recovery");
  const std::string code = inner(way, "trouble", "code");
  const std::string reason = inner(way, "trouble", "reason");
  if (code.empty()) return text;
  return text + ": " + code + (reason.empty() ? "" : " " + reason) + " since " + inner(way, "trouble", "since");
}

Row endpoint_row(const json::object& one) {
  return {member(one, "name"), member(one, "environment"), member(one, "url"),
          member(one, "mode"), way(one, "decisions"),      way(one, "advices")};
}

Row message_row(const json::object& one) {
  return {number(one, "id"),       member(one, "endpoint"),    member(one, "kind"),      member(one, "state"),
          number(one, "attempts"), member(one, "accepted_at"), member(one, "last_error")};
}

base::Result<base::ExitCode> show_endpoints(const EhiOptions& options, Context& context) {
  BASE_TRY(SenderClient api, open(options, context));
  const Row header{"NAME", "ENVIRONMENT", "URL", "MODE", "DECISIONS", "ADVICES"};
  if (options.endpoint.empty()) {
    BASE_TRY(const json::object answer, api.get("/v1/endpoints"));
    return answer_with(answer, options.authority, context, table_of(answer, "endpoints", header, endpoint_row));
  }
  BASE_TRY(const json::object answer, api.get("/v1/endpoints/" + percent_encoded(options.endpoint)));
  Shown text = to_table(header, {endpoint_row(answer)});
  for (const char* use : {"decisions", "advices"})
    if (const json::value* value = answer.if_contains(use); value != nullptr && value->is_object())
      if (const std::string detail = inner(value->get_object(), "trouble", "detail"); !detail.empty())
        text += Shown::prose(std::string("\n") + use + ": " + detail + "\n  " +
                             inner(value->get_object(), "trouble", "remedy") + "\n");
  return answer_with(answer, options.authority, context, text);
}

std::string shown_number(std::uint64_t value) { return value == 0 ? "" : std::to_string(value); }

base::Result<base::ExitCode> list(const EhiOptions& options, Context& context, const std::string& state) {
  BASE_TRY(SenderClient api, open(options, context));
  const std::string query = query_of({{"endpoint", options.endpoint},
                                      {"state", state},
                                      {"after", shown_number(options.after)},
                                      {"limit", shown_number(options.limit)}});
  BASE_TRY(const json::object answer, api.get("/v1/outbox" + query));
  const Row header{"ID", "ENDPOINT", "KIND", "STATE", "ATTEMPTS", "ACCEPTED", "LAST ERROR"};
  return answer_with(answer, options.authority, context, table_of(answer, "messages", header, message_row));
}

base::Result<base::ExitCode> list_messages(const EhiOptions& options, Context& context) {
  return list(options, context, options.state);
}

base::Result<base::ExitCode> list_dead(const EhiOptions& options, Context& context) {
  return list(options, context, "dead");
}

std::string path_of(const EhiOptions& options) { return "/v1/outbox/" + std::to_string(options.id); }

base::Result<base::ExitCode> show_message(const EhiOptions& options, Context& context) {
  BASE_TRY(SenderClient api, open(options, context));
  BASE_TRY(const json::object answer, api.get(path_of(options)));
  std::string text;
  for (const char* name : {"endpoint", "kind", "state", "idempotency_key", "order", "accepted_at", "expires_at",
                           "settled_at", "last_error"})
    if (!member(answer, name).empty()) text += std::string(name) + ": " + member(answer, name) + "\n";
  text += "attempts: " + number(answer, "attempts") + "\n\n";
  if (const json::value* fields = answer.if_contains("fields"); fields != nullptr && fields->is_object())
    for (const auto& field : fields->get_object())
      text += printable(std::string_view(field.key())) + ": " + member(fields->get_object(), field.key()) + "\n";
  const auto body = base::from_base64(member(answer, "body_base64"));
  if (body) text += "\n" + printable(base::as_text(*body)) + "\n";
  return answer_with(answer, options.authority, context, text);
}

base::Result<base::ExitCode> replay(const EhiOptions& options, Context& context) {
  const bool one = options.id != 0;
  if (one == !options.endpoint.empty())
    return base::fail(base::Kind::invalid, "usage.replay",
                      "name one message by its ID, or with --endpoint all dead letters of an endpoint");
  BASE_TRY(SenderClient api, open(options, context));
  const std::string path =
      one ? path_of(options) + "/replay" : "/v1/outbox/replay" + query_of({{"endpoint", options.endpoint}});
  BASE_TRY(const json::object answer, api.post(path));
  return answer_with(answer, options.authority, context, number(answer, "replayed") + " replayed\n");
}

base::Result<base::ExitCode> discard(const EhiOptions& options, Context& context) {
  BASE_TRY(SenderClient api, open(options, context));
  BASE_TRY_VOID(api.remove(path_of(options)));
  return answer_with({{"discarded", options.id}}, options.authority, context, "The dead letter is discarded.\n");
}

struct Command {
  const char* name;
  const char* description;
  Call call;
};

CLI::App& add(CommandTree& tree, CLI::App& group, const Command& command, const Options& options) {
  CLI::App& app = tree.command(group, command.name, command.description,
                               [options, call = command.call](Context& context) { return call(*options, context); });
  app.add_option("--sender", options->sender, "Where the sender is [from the data folder, else localhost:7080]")
      ->type_name("HOST:PORT");
  AuthorityOptions& authority = options->authority;
  app.add_option("--data", authority.data, "The data folder of `countersign up`")
      ->envname("COUNTERSIGN_DATA")
      ->type_name(kFolder)
      ->capture_default_str();
  app.add_option("--trust-chain", authority.trust_chain, "The provider's trust chain, PEM [DATA/trust-chain.pem]")
      ->type_name(kFile);
  app.add_option("--operator", authority.operator_credential,
                 "Folder with the operator's admin.pem and admin.key, or service-chain.pem and service.key "
                 "[DATA/authority/operator]")
      ->type_name(kFolder);
  app.add_flag("--json", authority.json, "Print the answer as JSON");
  return app;
}

void add_page(CLI::App& app, EhiOptions& options) {
  app.add_option("--after", options.after, "Only those behind this id")->type_name("ID");
  app.add_option("--limit", options.limit, "At most so many [100]")->type_name("N");
}

}  // namespace

void add_ehi(CommandTree& tree) {
  CLI::App& group = tree.group(tree.root(), "ehi", "A sender's endpoints, and its outbox of advices to partners");
  const auto of_endpoints = std::make_shared<EhiOptions>();
  add(tree, group, {"endpoints", "Show how endpoints are, or one and what is wrong with it", show_endpoints},
      of_endpoints)
      .add_option("endpoint", of_endpoints->endpoint, "This one only [all]")
      ->type_name("NAME");
  const auto of_list = std::make_shared<EhiOptions>();
  CLI::App& list_app =
      add(tree, group, {"outbox", "List messages of the outbox, oldest first", list_messages}, of_list);
  list_app.add_option("endpoint", of_list->endpoint, "Of this endpoint only [all]")->type_name("NAME");
  add_choice(list_app, "--state", of_list->state, {"waiting", "delivered", "dead"}, "Only those");
  add_page(list_app, *of_list);
  const auto of_dead = std::make_shared<EhiOptions>();
  CLI::App& dead = add(tree, group, {"dead-letters", "List messages that were given up", list_dead}, of_dead);
  dead.add_option("endpoint", of_dead->endpoint, "Of this endpoint only [all]")->type_name("NAME");
  add_page(dead, *of_dead);
  const Command of_one[] = {{"show", "Show a message of the outbox, with its fields and body", show_message},
                            {"discard", "Discard a dead letter, for good", discard}};
  for (const Command& command : of_one) {
    const auto options = std::make_shared<EhiOptions>();
    add(tree, group, command, options).add_option("id", options->id, "As listed")->required()->type_name("ID");
  }
  const auto of_replay = std::make_shared<EhiOptions>();
  CLI::App& replay_app =
      add(tree, group, {"replay", "Have a message delivered again, or dead letters of an endpoint", replay}, of_replay);
  replay_app.add_option("id", of_replay->id, "As listed")->type_name("ID");
  replay_app.add_option("--endpoint", of_replay->endpoint, "500 dead letters of this one, oldest first")
      ->type_name("NAME");
  tree.explain(
      replay_app,
      "Whoever does this is named in [ehi] outbox_operators of the sender; to look, outbox_viewers is enough.");
}

}  // namespace countersign::cli
