// Routes for people of partners: what their own organisation has, and what a role lets them do about it. No path and no
// query here names an organisation: it is that of the caller's certificate, and what is another's is not found.
#include <algorithm>
#include <array>

#include "authority/api/lists.h"
#include "authority/revocation/bulk_revocation.h"
#include "base/json_array.h"

namespace countersign::authority {
namespace {

/// Codes of one application that people made and that are good for something yet.
constexpr std::ptrdiff_t kMostLivingCodes = 20;

/// As the query narrows it, within the organisation.
store::ApplicationFilter own(const Person& caller, const http::Request& request) {
  store::ApplicationFilter filter = application_filter_in(request);
  filter.organisation = caller.organisation().text();
  return filter;
}

Answer show_organisation(Authority& authority, const Person& caller, const Call&) {
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto row, store::find_organisation(rows, caller.organisation().text()));
  if (!row) return base::fail(base::Kind::not_found, "organisation.unknown", "your organisation is not there");
  auto roles = base::to_json_array(caller.roles(), [](const PersonRole role) { return name(role); });
  return answer(
      200,
      {{"organisation", to_json(*row)}, {"person", caller.identity().application.text()}, {"roles", std::move(roles)}});
}

Answer list_applications(Authority& authority, const Person& caller, const Call& call) {
  return answer_applications(authority, own(caller, call.request));
}

Answer list_certificates(Authority& authority, const Person& caller, const Call& call) {
  return answer_certificates(authority, call, own(caller, call.request));
}

Answer show_certificate(Authority& authority, const Person& caller, const Call& call) {
  BASE_TRY(const auto serial, x509::Serial::parse(call.arguments[0]));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto row, store::find_certificate(rows, serial.hex()));
  if (!row || row->key.organisation != caller.organisation().text()) return unknown_certificate(serial);
  return answer_certificate(authority, *row);
}

Answer revoke_certificate(Authority& authority, const Person& caller, const Call& call) {
  BASE_TRY(const auto serial, x509::Serial::parse(call.arguments[0]));
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string reason, reader.text("reason"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const auto done, revoke_for_organisation(authority.ledger(), caller.identity(), serial, reason));
  return answer(200, to_json(done, authority.clock().now()));
}

/// What operators said to each other about it is theirs.
base::Result<base::json::object> to_own_json(const KnownRequest& request) {
  BASE_TRY(auto json, to_json(request));
  json["given"] = std::ssize(request.approvals);
  json.erase("approvals");
  json.erase("sponsor");
  return json;
}

Answer list_requests(Authority& authority, const Person& caller, const Call& call) {
  BASE_TRY(const auto known, list_known_requests(authority, call, own(caller, call.request)));
  base::json::array array;
  for (const KnownRequest& request : known) {
    BASE_TRY(auto json, to_own_json(request));
    array.emplace_back(std::move(json));
  }
  return answer(200, {{"requests", std::move(array)}});
}

Answer show_request(Authority& authority, const Person& caller, const Call& call) {
  auto known = authority.approvals().find(call.arguments[0]);
  if (!known) return base::unexpected(std::move(known).error());
  if (known->row.key.organisation != caller.organisation().text()) return unknown_request();
  BASE_TRY(const auto json, to_own_json(*known));
  return answer(200, json);
}

Answer list_contacts(Authority& authority, const Person& caller, const Call&) {
  return answer_contacts(authority, caller.organisation());
}

Answer list_notices(Authority& authority, const Person& caller, const Call& call) {
  return answer_letters(authority, call, caller.organisation().text());
}

Answer list_refusals(Authority& authority, const Person& caller, const Call& call) {
  return answer_refusals(authority, call, own(caller, call.request));
}

/// People are let in by the provider alone: for them nobody of a partner makes codes.
base::Result<base::Identity> application_of(const Person& caller, const Call& call) {
  BASE_TRY(auto identity, read_identity(call.arguments[0], caller.organisation().text(), call.arguments[1]));
  if (!is_person(identity)) return identity;
  return base::fail(base::Kind::not_found, "application.unknown",
                    "your organisation has no application " + identity.to_urn());
}

base::Result<void> check_living_codes(Authority& authority, const base::Identity& application) {
  BASE_TRY(const auto codes, authority.enrolment().list_codes(application));
  const base::Instant now = authority.clock().now();
  const auto living = std::ranges::count_if(codes, [&](const KnownCode& code) {
    const auto maker = base::Identity::from_urn(code.row.created_by);
    const auto is_redeemed = [](const store::RedemptionRow& row) { return row.serial.has_value(); };
    return maker && is_person(*maker) && now < code.row.expires_at && !code.row.cancelled_at &&
           !std::ranges::all_of(code.redemptions, is_redeemed);
  });
  if (living < kMostLivingCodes) return {};
  return base::fail(base::Kind::denied, "code.too_many",
                    std::to_string(kMostLivingCodes) +
                        " codes of this application wait to be used already: use them, cancel some, or wait for "
                        "their end");
}

Answer list_codes(Authority& authority, const Person& caller, const Call& call) {
  BASE_TRY(const auto application, application_of(caller, call));
  return answer_codes(authority, application);
}

Answer create_code(Authority& authority, const Person& caller, const Call& call) {
  BASE_TRY(const auto application, application_of(caller, call));
  BASE_TRY(const CodeOrder order, read_code_order(call, application));
  BASE_TRY_VOID(check_living_codes(authority, application));
  BASE_TRY(const auto code, authority.enrolment().create_code(caller.actor(), order));
  return answer_new_code(code);
}

Answer cancel_code(Authority& authority, const Person& caller, const Call& call) {
  BASE_TRY(const auto application, application_of(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto code, authority.enrolment().cancel_code(caller.actor(), application, call.arguments[2]));
  return answer(200, to_json(code));
}

}  // namespace

#define OWN "/v1/own-organisation"
#define APPLICATION OWN "/applications/{environment}/{application}"
std::span<const Route> own_organisation_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", OWN, PersonHandler{PersonRight::look, show_organisation}},
      Route{"GET", OWN "/applications", PersonHandler{PersonRight::look, list_applications}},
      Route{"GET", OWN "/certificates", PersonHandler{PersonRight::look, list_certificates}},
      Route{"GET", OWN "/certificates/{serial}", PersonHandler{PersonRight::look, show_certificate}},
      Route{"POST", OWN "/certificates/{serial}/revoke", PersonHandler{PersonRight::revoke, revoke_certificate}},
      Route{"GET", OWN "/requests", PersonHandler{PersonRight::look, list_requests}},
      Route{"GET", OWN "/requests/{request}", PersonHandler{PersonRight::look, show_request}},
      Route{"GET", OWN "/contacts", PersonHandler{PersonRight::look, list_contacts}},
      Route{"GET", OWN "/notices", PersonHandler{PersonRight::look, list_notices}},
      Route{"GET", OWN "/refusals", PersonHandler{PersonRight::look, list_refusals}},
      Route{"GET", APPLICATION "/enrolment-codes", PersonHandler{PersonRight::look, list_codes}},
      Route{"POST", APPLICATION "/enrolment-codes", PersonHandler{PersonRight::request, create_code}},
      Route{"POST", APPLICATION "/enrolment-codes/{digest}/cancel", PersonHandler{PersonRight::request, cancel_code}},
  };
  return kRoutes;
}
#undef APPLICATION
#undef OWN

}  // namespace countersign::authority
