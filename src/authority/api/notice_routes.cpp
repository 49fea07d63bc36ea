// Routes by which operators keep the contacts of organisations, and see what notices became of.
#include <array>

#include "authority/api/lists.h"

namespace countersign::authority {
namespace {

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
  return answer_contacts(authority, organisation);
}

Answer remove_contact(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto organisation, base::Slug::parse(call.arguments[0]));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.contacts().remove(caller.actor(), organisation, call.arguments[1]));
  return answer(200, to_json(row));
}

Answer list_notices(Authority& authority, const Operator&, const Call& call) {
  return answer_letters(authority, call, "");
}

}  // namespace

std::span<const Route> notice_routes() {
  static constexpr std::array kRoutes = {
      Route{"POST", "/v1/organisations/{organisation}/contacts", OperatorHandler{Right::enrol, add_contact}},
      Route{"GET", "/v1/organisations/{organisation}/contacts", OperatorHandler{Right::look, list_contacts}},
      Route{"POST", "/v1/organisations/{organisation}/contacts/{contact}/remove",
            OperatorHandler{Right::enrol, remove_contact}},
      Route{"GET", "/v1/notices", OperatorHandler{Right::look, list_notices}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
