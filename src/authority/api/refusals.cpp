// The list of what gateways refused of the certificates issued here, each with what to do about it.
#include "authority/api/lists.h"
#include "authority/registry/refused_certificates.h"
#include "authority/registry/rows.h"
#include "trust/find_reason.h"

namespace countersign::authority {
namespace {

/// Meaning and remedy are those of docs/refusals.md, from the same table: gateways tell of clients.
base::Result<base::json::object> to_json(const store::RefusalRow& row) {
  BASE_TRY(const auto identity, to_identity(row.key));
  base::json::object json{{"urn", identity.to_urn()},
                          {"serial", row.serial},
                          {"fingerprint", row.fingerprint},
                          {"reason", row.reason},
                          {"count", row.times},
                          {"first_seen", base::to_rfc3339(row.first_seen_at)},
                          {"last_seen", base::to_rfc3339(row.last_seen_at)},
                          {"gateway", row.gateway}};
  if (const auto reason = trust::find_reason(row.reason)) {
    const trust::Explanation& explained = trust::explanation(*reason);
    json["meaning"] = std::string(explained.meaning);
    json["remedy"] = std::string(explained.remedy(trust::Party::client));
  }
  return json;
}

}  // namespace

Answer answer_refusals(Authority& authority, const Call& call, const store::ApplicationFilter& of) {
  BASE_TRY(const int limit, read_limit(call.request));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto found, store::list_refusals(rows, of, limit));
  base::json::array array;
  for (const store::RefusalRow& row : found) {
    BASE_TRY(auto json, to_json(row));
    array.emplace_back(std::move(json));
  }
  return answer(200, {{"refusals", std::move(array)}});
}

}  // namespace countersign::authority
