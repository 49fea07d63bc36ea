#include "cli/admin_requests.h"

#include "cli/admin_answer.h"
#include "cli/application_ref.h"
#include "cli/command_tree.h"
#include "crypto/digest.h"
#include "x509/certificate.h"

namespace countersign::cli {
namespace {

namespace json = base::json;

struct RequestsOptions {
  AuthorityOptions authority;
  std::string id;
  std::string content;
  std::string comment;
  std::string reason;
  std::string state;
  std::string application;
  std::uint32_t limit = 0;
};
using Options = std::shared_ptr<RequestsOptions>;

std::string ref_of(const json::object& request) {
  const auto identity = base::Identity::from_urn(member(request, "urn"));
  return identity ? to_ref(*identity) : member(request, "urn");
}

std::size_t approvals_in(const json::object& request) {
  const json::value* list = request.if_contains("approvals");
  return list != nullptr && list->is_array() ? list->get_array().size() : 0;
}

std::string progress_of(const json::object& request) {
  return std::to_string(approvals_in(request)) + " of " + number(request, "needed");
}

Row to_row(const json::object& request) {
  return {member(request, "request"),     ref_of(request),      member(request, "purpose"),
          member(request, "state"),       progress_of(request), member(request, "created"),
          member(request, "requested_by")};
}

std::string path_of(const std::string& id) { return "/v1/requests/" + percent_encoded(id); }

base::Result<base::ExitCode> list_requests(const RequestsOptions& options, Context& context) {
  BASE_TRY(const ListScope scope, narrowed({}, options.application));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  const std::string query = query_of({{"environment", scope.environment},
                                      {"organisation", scope.organisation},
                                      {"application", scope.application},
                                      {"state", options.state},
                                      {"limit", options.limit == 0 ? "" : std::to_string(options.limit)}});
  BASE_TRY(const json::object answer, api.get("/v1/requests" + query));
  const Row header{"REQUEST", "APPLICATION", "PURPOSE", "STATE", "APPROVALS", "CREATED", "REQUESTED BY"};
  return answer_with(answer, options.authority, context, table_of(answer, "requests", header, to_row));
}

base::Result<base::ExitCode> show_request(const RequestsOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(json::object answer, api.get(path_of(options.id)));
  BASE_TRY(const ShownRequest shown, read_request(std::move(answer)));
  std::string text = to_lines(shown);
  if (member(shown.answer, "state") == "pending")
    text += "\nTo approve exactly this:\n  countersign admin requests approve " + shown.id + " --content " +
            shown.content_sha256 + "\n";
  return answer_with(shown.answer, options.authority, context, text);
}

/// Reads the request anew; fails where it is not what the caller looked at before.
base::Result<ShownRequest> look_again(ApiClient& api, const RequestsOptions& options) {
  BASE_TRY(json::object answer, api.get(path_of(options.id)));
  BASE_TRY(ShownRequest shown, read_request(std::move(answer)));
  if (options.content.empty() || options.content == shown.content_sha256) return shown;
  return base::fail(base::Kind::conflict, "request.changed",
                    "the request is not the one that you looked at: its content is now " + shown.content_sha256);
}

base::Result<base::ExitCode> approve_request(const RequestsOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const ShownRequest shown, look_again(api, options));
  if (!options.authority.json) context.out << to_lines(shown) << "\n";
  json::object body{{"content_sha256", shown.content_sha256}};
  if (!options.comment.empty()) body["comment"] = options.comment;
  BASE_TRY(const json::object answer, api.post(path_of(options.id) + "/approve", body));
  const bool enough = member(answer, "state") != "pending";
  return answer_with(answer, options.authority, context,
                     "You approved this: " + progress_of(answer) + " approvals are given." +
                         (enough ? " The requester gets the certificate when it asks again.\n"
                                 : " Others must approve it as well.\n"));
}

base::Result<base::ExitCode> refuse_request(const RequestsOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const ShownRequest shown, look_again(api, options));
  const json::object body{{"content_sha256", shown.content_sha256}, {"reason", options.reason}};
  BASE_TRY(const json::object answer, api.post(path_of(options.id) + "/refuse", body));
  return answer_with(answer, options.authority, context,
                     "Request " + shown.id + " of " + ref_of(answer) +
                         " is refused for good. The requester is told the reason when it asks again.\n");
}

using Call = base::Result<base::ExitCode> (*)(const RequestsOptions&, Context&);

std::pair<CLI::App*, Options> add(CommandTree& tree, CLI::App& group, const char* name, const char* description,
                                  Call call) {
  auto options = std::make_shared<RequestsOptions>();
  CLI::App& app =
      tree.command(group, name, description, [options, call](Context& context) { return call(*options, context); });
  return {&app, options};
}

void add_id(CLI::App& app, RequestsOptions& options) {
  app.add_option("request", options.id, "Its id, as listed")->required()->type_name("ID");
}

void add_content(CLI::App& app, RequestsOptions& options) {
  app.add_option("--content", options.content, "Only if its content still has this SHA-256, as `show` prints it")
      ->type_name("HASH");
}

/// One line "name  value", nothing where there is no value.
std::string line(const std::string& name, const std::string& value) {
  if (value.empty()) return {};
  return "  " + name + std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') + value + "\n";
}

std::string life_of(const json::object& content) {
  const json::value* value = content.if_contains("life_seconds");
  if (value == nullptr || !value->is_int64()) return {};
  const std::int64_t seconds = value->get_int64();
  constexpr std::int64_t kHour = 3600;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds % kDay == 0) return counted(seconds / kDay, "day");
  if (seconds % kHour == 0) return counted(seconds / kHour, "hour");
  return std::to_string(seconds) + " seconds";
}

/// OIDs of extended key usages as people know them (RFC 5280 section 4.2.1.12).
std::string named_usages(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {{x509::oid::kClientAuth, "clientAuth"},
                                                                             {x509::oid::kServerAuth, "serverAuth"}};
  for (const auto& [oid, name] : kNames)
    if (const std::size_t at = text.find(oid); at != std::string::npos)
      text.insert(at + oid.size(), " (" + std::string(name) + ")");
  return text;
}

std::string content_lines(const json::object& content) {
  return line("identity", member(content, "urn")) + line("purpose", member(content, "purpose")) +
         line("subject", member(content, "subject")) + line("server names", members(content, "server_names")) +
         line("key", member(content, "key")) + line("key SHA-256", member(content, "spki_sha256")) +
         line("key usage", members(content, "key_usage")) +
         line("extended", named_usages(members(content, "extended_key_usage"))) + line("life", life_of(content)) +
         line("issuer", member(content, "issuer")) + line("issuer SHA-256", member(content, "issuer_sha256")) +
         line("replaces", member(content, "replaces"));
}

std::string approval_lines(const json::object& request) {
  const json::value* list = request.if_contains("approvals");
  std::string text;
  if (list == nullptr || !list->is_array()) return text;
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) continue;
    const std::string comment = member(one.get_object(), "comment");
    text += line("approved by", member(one.get_object(), "by") + " at " + member(one.get_object(), "at") +
                                    (comment.empty() ? "" : ": " + comment));
  }
  return text;
}

}  // namespace

base::Result<ShownRequest> read_request(json::object answer) {
  const json::value* content = answer.if_contains("content");
  const std::string id = member(answer, "request");
  if (content == nullptr || !content->is_object() || id.empty())
    return base::fail(base::Kind::corrupt, "request.malformed", "the authority's answer is no request");
  const std::string text = json::serialize(content->get_object());
  std::string hash = base::to_hex(crypto::sha256(base::as_bytes(text)));
  if (hash != member(answer, "content_sha256"))
    return base::fail(base::Kind::corrupt, "request.forged",
                      "the content of the request " + id +
                          " does not have the hash that the authority names: do not approve it, and look at the "
                          "authority's log");
  return ShownRequest{std::move(answer), id, std::move(hash)};
}

std::string to_lines(const ShownRequest& request) {
  const json::object& answer = request.answer;
  return "Request " + request.id + ": " + member(answer, "state") + ", " + progress_of(answer) +
         " approvals\n\nThe certificate would say:\n" + content_lines(answer.at("content").get_object()) +
         "\nHow it came about:\n" + line("requested by", member(answer, "requested_by")) +
         line("sponsor", member(answer, "sponsor")) + line("created", member(answer, "created")) +
         line("expires", member(answer, "expires")) + line("decided", member(answer, "decided")) +
         approval_lines(answer) + line("refused", member(answer, "refusal")) +
         line("serial", member(answer, "serial")) + line("content", request.content_sha256);
}

void add_requests(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "requests", "Certificates that people must approve first");
  const auto [list, list_options] = add(tree, group, "list", "List requests, newest first", list_requests);
  add_choice(*list, "--state", list_options->state, {"pending", "approved", "issued", "refused"}, "Only in this state");
  list->add_option("--application", list_options->application, "Only of this application")->type_name("ENV/ORG/APP");
  list->add_option("--limit", list_options->limit, "At most this many [100]")->type_name("N");
  add_operator_options(*list, list_options->authority);
  const auto [show, show_options] = add(tree, group, "show", "Show all that a certificate would say", show_request);
  add_id(*show, *show_options);
  add_operator_options(*show, show_options->authority);
  const auto [approve, approve_options] =
      add(tree, group, "approve", "Approve exactly what is shown, as one of the people needed", approve_request);
  add_id(*approve, *approve_options);
  add_content(*approve, *approve_options);
  approve->add_option("--comment", approve_options->comment, "Kept with your approval")->type_name("TEXT");
  add_operator_options(*approve, approve_options->authority);
  const auto [refuse, refuse_options] = add(tree, group, "refuse", "Refuse it for good", refuse_request);
  add_id(*refuse, *refuse_options);
  refuse->add_option("--reason", refuse_options->reason, "Why; the requester is told")->required()->type_name("TEXT");
  add_content(*refuse, *refuse_options);
  add_operator_options(*refuse, refuse_options->authority);
}

}  // namespace countersign::cli
