#include "authority/acme/json.h"

#include <algorithm>
#include <array>

namespace countersign::authority {
namespace {

using base::Kind;
using base::json::array;
using base::json::object;

object to_identifier(const std::string& name) { return {{"type", "dns"}, {"value", name}}; }

struct ReasonRow {
  std::int64_t code;
  const char* name;
};
constexpr std::array kReasons = {
    ReasonRow{0, "unspecified"}, ReasonRow{1, "key_compromise"},         ReasonRow{3, "affiliation_changed"},
    ReasonRow{4, "superseded"},  ReasonRow{5, "cessation_of_operation"}, ReasonRow{9, "privilege_withdrawn"}};

}  // namespace

object to_acme_directory(const std::string& origin) {
  const std::string base = origin + "/acme/";
  return {{"newNonce", base + "new-nonce"},
          {"newAccount", base + "new-account"},
          {"newOrder", base + "new-order"},
          {"revokeCert", base + "revoke-cert"},
          {"keyChange", base + "key-change"},
          {"renewalInfo", base + "renewal-info"},
          {"meta", object{{"externalAccountRequired", true}}}};
}

object to_acme_json(const store::AcmeAccountRow& account, const std::string& origin) {
  array contact;
  for (const std::string& one : account.contact)
    contact.emplace_back(one);
  return {{"status", account.status},
          {"contact", std::move(contact)},
          {"orders", account_url(origin, account.id) + "/orders"}};
}

std::string order_url(const std::string& origin, const std::string& id) { return origin + "/acme/order/" + id; }

object to_acme_json(const store::AcmeOrderRow& order, const std::string& origin) {
  array identifiers;
  array authorizations;
  for (std::size_t i = 0; i < order.identifiers.size(); ++i) {
    identifiers.emplace_back(to_identifier(order.identifiers[i]));
    authorizations.emplace_back(origin + "/acme/authz/" + order.id + "/" + std::to_string(i));
  }
  object json{{"status", order.status},
              {"expires", base::to_rfc3339(order.expires_at)},
              {"identifiers", std::move(identifiers)},
              {"authorizations", std::move(authorizations)},
              {"finalize", order_url(origin, order.id) + "/finalize"}};
  if (order.serial) json["certificate"] = origin + "/acme/certificate/" + *order.serial;
  if (order.error) json["error"] = base::parse_json(*order.error).value_or(object{});
  return json;
}

object to_authorization(const store::AcmeOrderRow& order, std::size_t number) {
  return {{"status", "valid"},
          {"expires", base::to_rfc3339(order.expires_at)},
          {"identifier", to_identifier(order.identifiers[number])},
          {"challenges", array{}}};
}

base::Result<std::vector<std::string>> read_contact(const base::json::value& payload) {
  BASE_TRY(auto reader, base::JsonReader::of(payload));
  return reader.texts("contact");
}

base::Result<NewOrder> read_order(const base::json::value& payload) {
  BASE_TRY(auto reader, base::JsonReader::of(payload));
  BASE_TRY(const array* listed, reader.array("identifiers"));
  NewOrder order;
  for (const base::json::value& one : *listed) {
    BASE_TRY(auto identifier, base::JsonReader::of(one));
    BASE_TRY(const std::string type, identifier.text("type"));
    BASE_TRY(std::string value, identifier.text("value"));
    if (type != "dns")
      return base::fail(Kind::invalid, "acme.identifier_type", "an application goes by an identifier of type dns");
    order.identifiers.push_back(std::move(value));
  }
  if (reader.has("notBefore") || reader.has("notAfter"))
    return base::fail(Kind::invalid, "acme.unsupported", "how long a certificate lives is the authority's to say");
  if (reader.has("replaces")) {
    BASE_TRY(order.replaces, reader.text("replaces"));
  }
  return order;
}

base::Result<std::string> to_revocation_reason(std::int64_t code) {
  const auto found = std::ranges::find(kReasons, code, &ReasonRow::code);
  if (found != kReasons.end()) return std::string(found->name);
  return base::fail(Kind::invalid, "acme.revocation_reason", "the reason must be 0, 1, 3, 4, 5 or 9");
}

}  // namespace countersign::authority
