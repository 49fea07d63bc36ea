// Routes by which operators keep the contacts of organisations, and see what notices became of.
#include <algorithm>
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"

namespace countersign::authority {
namespace {

constexpr std::int64_t kDefaultLimit = 100;
constexpr std::int64_t kMostAtOnce = 1000;
constexpr std::array<std::string_view, 5> kStates = {"", "pending", "sent", "given_up", "dropped"};

base::json::object to_json(const store::ContactRow& row) {
  base::json::object json{{"contact", row.id}, {"organisation", row.organisation}, {row.kind, row.address}};
  if (row.application) {
    json["environment"] = row.environment.value_or("");
    json["application"] = *row.application;
  }
  json["created"] = base::to_rfc3339(row.created_at);
  json["created_by"] = row.created_by;
  if (row.removed_at) json["removed"] = base::to_rfc3339(*row.removed_at);
  return json;
}

base::json::object to_json(const store::LetterRow& row) {
  base::json::object json{{"letter", row.id},         {"channel", row.channel},
                          {"to", row.recipient},      {"state", row.state},
                          {"attempts", row.attempts}, {"created", base::to_rfc3339(row.created_at)}};
  if (row.contact) json["contact"] = *row.contact;
  if (row.serial) json["serial"] = *row.serial;
  if (row.state == "pending") json["next_attempt"] = base::to_rfc3339(row.next_attempt_at);
  if (row.decided_at) json["decided"] = base::to_rfc3339(*row.decided_at);
  if (row.last_error) json["last_error"] = *row.last_error;
  return json;
}

/// Exactly one of "email" and "webhook".
base::Result<std::variant<courier::MailAddress, courier::WebhookUrl>> read_address(base::JsonReader& reader) {
  using Address = std::variant<courier::MailAddress, courier::WebhookUrl>;
  BASE_TRY(const std::string email, reader.text_or("email", ""));
  BASE_TRY(const std::string webhook, reader.text_or("webhook", ""));
  if (email.empty() == webhook.empty())
    return base::fail(base::Kind::invalid, "address.invalid", "give either 'email' or 'webhook'");
  if (!email.empty()) {
    BASE_TRY(auto address, courier::MailAddress::parse(email));
    return Address(std::move(address));
  }
  BASE_TRY(auto url, courier::WebhookUrl::parse(webhook));
  return Address(std::move(url));
}

base::Result<std::optional<base::Identity>> read_application(base::JsonReader& reader, const base::Slug& organisation) {
  BASE_TRY(const std::string environment, reader.text_or("environment", ""));
  BASE_TRY(const std::string application, reader.text_or("application", ""));
  if (environment.empty() && application.empty()) return std::nullopt;
  BASE_TRY(auto identity, read_identity(environment, organisation.text(), application));
  return identity;
}

Answer add_contact(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(auto organisation, base::Slug::parse(call.arguments[0]));
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(auto address, read_address(reader));
  BASE_TRY(auto application, read_application(reader, organisation));
  BASE_TRY_VOID(reader.finish());
  const NewContact contact{std::move(organisation), std::move(application), std::move(address)};
  BASE_TRY(const auto row, authority.contacts().add(caller.actor(), contact));
  base::json::object json = to_json(row);
  if (row.kind == "webhook") json["secret"] = authority.contacts().secret_of(row).reveal_text();
  http::Response response = answer(201, json);
  response.fields.add("Cache-Control", "no-store");
  return response;
}

Answer list_contacts(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto organisation, base::Slug::parse(call.arguments[0]));
  BASE_TRY(const auto rows, authority.contacts().list(organisation));
  base::json::array array;
  for (const store::ContactRow& row : rows)
    array.emplace_back(to_json(row));
  return answer(200, {{"contacts", std::move(array)}});
}

Answer remove_contact(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto organisation, base::Slug::parse(call.arguments[0]));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.contacts().remove(caller.actor(), organisation, call.arguments[1]));
  return answer(200, to_json(row));
}

Answer list_notices(Authority& authority, const Operator&, const Call& call) {
  store::LetterFilter filter;
  filter.state = call.request.query("state").value_or("");
  if (std::ranges::find(kStates, filter.state) == kStates.end())
    return base::fail(base::Kind::invalid, "query.invalid", "'state' must be pending, sent, given_up or dropped");
  BASE_TRY(const std::int64_t limit, read_number(call.request, {"limit", kDefaultLimit, 1, kMostAtOnce}));
  filter.limit = static_cast<int>(limit);
  BASE_TRY(const auto rows, authority.notices().list(filter));
  base::json::array array;
  for (const store::LetterRow& row : rows)
    array.emplace_back(to_json(row));
  return answer(200, {{"notices", std::move(array)}});
}

constexpr std::array kRoutes = {
    Route{"POST", "/v1/organisations/{organisation}/contacts", OperatorHandler{add_contact}},
    Route{"GET", "/v1/organisations/{organisation}/contacts", OperatorHandler{list_contacts}},
    Route{"POST", "/v1/organisations/{organisation}/contacts/{contact}/remove", OperatorHandler{remove_contact}},
    Route{"GET", "/v1/notices", OperatorHandler{list_notices}},
};

}  // namespace

std::span<const Route> notice_routes() { return kRoutes; }

}  // namespace countersign::authority
