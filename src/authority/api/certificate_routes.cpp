// Routes by which operators look at certificates and read the audit log.
#include <array>

#include "authority/api/lists.h"
#include "authority/registry/audit_verification.h"

namespace countersign::authority {
namespace {

Answer list_certificates(Authority& authority, const Operator&, const Call& call) {
  return answer_certificates(authority, call, application_filter_in(call.request));
}

Answer show_certificate(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto serial, x509::Serial::parse(call.arguments[0]));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto row, store::find_certificate(rows, serial.hex()));
  if (!row) return unknown_certificate(serial);
  return answer_certificate(authority, *row);
}

Answer list_refusals(Authority& authority, const Operator&, const Call& call) {
  return answer_refusals(authority, call, application_filter_in(call.request));
}

Answer read_audit(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const std::int64_t after, read_number(call.request, {"after", 0, 0, INT64_MAX}));
  BASE_TRY(const int limit, read_limit(call.request));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto found, store::list_audit(rows, after, limit));
  base::json::array array;
  for (const store::AuditRow& row : found) {
    BASE_TRY(auto json, to_json(row));
    array.emplace_back(std::move(json));
  }
  return answer(200, {{"records", std::move(array)}});
}

base::json::object to_json(const AuditVerification& found) {
  base::json::object json{{"intact", found.problem.empty()}, {"records", found.records}};
  if (!found.problem.empty()) json["problem"] = found.problem;
  return json;
}

Answer show_audit_verification(Authority& authority, const Operator&, const Call&) {
  BASE_TRY(const auto found, verify_audit(authority.ledger()));
  return answer(200, to_json(found));
}

Answer acknowledge(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto found, acknowledge_audit(authority.ledger(), caller.actor()));
  return answer(200, {{"acknowledged", found.problem}, {"records", found.records}});
}

}  // namespace

std::span<const Route> certificate_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/certificates", OperatorHandler{Right::look, list_certificates}},
      Route{"GET", "/v1/certificates/{serial}", OperatorHandler{Right::look, show_certificate}},
      Route{"GET", "/v1/refusals", OperatorHandler{Right::look, list_refusals}},
      Route{"GET", "/v1/audit", OperatorHandler{Right::look, read_audit}},
      Route{"GET", "/v1/audit/verification", OperatorHandler{Right::look, show_audit_verification}},
      Route{"POST", "/v1/audit/acknowledge", OperatorHandler{Right::administrate, acknowledge}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
