// The JSON of ACME (RFC 8555 section 7.1): what is read from payloads and answered with. Members that nobody knows are
// passed over here (section 6.1), as nowhere else in the API.
#pragma once

#include "authority/acme/orders.h"
#include "authority/acme/request.h"

namespace countersign::authority {

base::json::object to_acme_directory(const std::string& origin);
base::json::object to_acme_json(const store::AcmeAccountRow& account, const std::string& origin);
base::json::object to_acme_json(const store::AcmeOrderRow& order, const std::string& origin);
std::string order_url(const std::string& origin, const std::string& id);
/// The authorisation for the identifier of that number: valid, as the account is bound to the application.
base::json::object to_authorization(const store::AcmeOrderRow& order, std::size_t number);
/// RFC 8555 section 7.3: an account, or nothing of it that is not a contact.
base::Result<std::vector<std::string>> read_contact(const base::json::value& payload);
/// Fails: `acme.identifier_type`, `acme.unsupported`, as base::JsonReader.
base::Result<NewOrder> read_order(const base::json::value& payload);
/// In the words of the registry (RFC 5280 section 5.3.1). Fails: `acme.revocation_reason`.
base::Result<std::string> to_revocation_reason(std::int64_t code);

}  // namespace countersign::authority
