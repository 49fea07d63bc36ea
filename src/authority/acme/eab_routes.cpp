// Routes by which operators keep the credentials with which partners make ACME accounts.
#include <array>

#include "authority/acme/names.h"
#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "authority/issuance/code_binding.h"
#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

base::json::object to_json(const store::AcmeCredentialRow& row) {
  base::json::array purposes;
  for (const std::string& purpose : row.purposes)
    purposes.emplace_back(purpose);
  base::json::object json{{"kid", row.kid},
                          {"purposes", std::move(purposes)},
                          {"created", base::to_rfc3339(row.created_at)},
                          {"created_by", row.created_by},
                          {"expires", base::to_rfc3339(row.expires_at)}};
  const auto direct = row.account ? parse_direct_use(*row.account) : std::nullopt;
  if (direct) json["enrolled"] = {{"purpose", direct->purpose}, {"spki_sha256", direct->spki_sha256}};
  else if (row.account) json["account"] = *row.account;
  if (row.cancelled_at) json["cancelled"] = base::to_rfc3339(*row.cancelled_at);
  return json;
}

Answer create_credential(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(auto identity, application_to_change(caller, call));
  BASE_TRY(const CodeOrder order, read_code_order(call, std::move(identity)));
  BASE_TRY(const auto made, authority.acme_accounts().create_credential(caller.actor(), order));
  base::json::array listed;
  for (const trust::Purpose purpose : made.purposes)
    listed.emplace_back(trust::name(purpose));
  base::json::array identifiers{base::json::string(order.identity.application.text().c_str()),
                                base::json::string(acme_name(order.identity).c_str())};
  http::Response response = answer(201, {{"kid", made.kid},
                                         {"hmac_key", base::to_base64url(made.key.reveal())},
                                         {"purposes", std::move(listed)},
                                         {"identifiers", std::move(identifiers)},
                                         {"expires", base::to_rfc3339(made.expires)}});
  response.fields.add("Cache-Control", "no-store");
  return response;
}

Answer list_credentials(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto identity, application_in(call));
  BASE_TRY(const auto credentials, authority.acme_accounts().list_credentials(identity));
  base::json::array array;
  for (const store::AcmeCredentialRow& row : credentials)
    array.emplace_back(to_json(row));
  return answer(200, {{"eab_credentials", std::move(array)}});
}

Answer cancel_credential(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.acme_accounts().cancel_credential(caller.actor(), identity, call.arguments[3]));
  return answer(200, to_json(row));
}

}  // namespace

#define CREDENTIALS "/v1/applications/{environment}/{organisation}/{application}/eab-credentials"
std::span<const Route> eab_routes() {
  static constexpr std::array kRoutes = {
      Route{"POST", CREDENTIALS, OperatorHandler{Right::enrol, create_credential}},
      Route{"GET", CREDENTIALS, OperatorHandler{Right::look, list_credentials}},
      Route{"POST", CREDENTIALS "/{kid}/cancel", OperatorHandler{Right::enrol, cancel_credential}},
  };
  return kRoutes;
}
#undef CREDENTIALS

}  // namespace countersign::authority
