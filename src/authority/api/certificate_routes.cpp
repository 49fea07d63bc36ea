// Routes by which operators look at certificates and read the audit log.
#include <algorithm>
#include <array>
#include <charconv>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "authority/registry/audit_verification.h"
#include "authority/registry/rows.h"
#include "store/certificate_search.h"

namespace countersign::authority {
namespace {

constexpr std::int64_t kDefaultLimit = 100;
constexpr std::int64_t kMostAtOnce = 1000;

base::Result<store::CertificateStatus> read_status(const http::Request& request) {
  const auto text = request.query("status");
  if (!text) return store::CertificateStatus::any;
  if (*text == "valid") return store::CertificateStatus::valid;
  if (*text == "revoked") return store::CertificateStatus::revoked;
  if (*text == "expired") return store::CertificateStatus::expired;
  return base::fail(base::Kind::invalid, "query.invalid", "'status' must be valid, revoked or expired");
}

base::Result<int> read_limit(const http::Request& request) {
  BASE_TRY(const std::int64_t limit, read_number(request, {"limit", kDefaultLimit, 1, kMostAtOnce}));
  return static_cast<int>(limit);
}

/// "MICROSECONDS.SERIAL", as a page gave it.
std::string to_text(const store::CertificatePlace& place) {
  return std::to_string(place.at.micros) + "." + place.serial;
}

base::Result<std::optional<store::CertificatePlace>> read_place(const http::Request& request) {
  const auto text = request.query("after");
  if (!text) return std::nullopt;
  const std::size_t dot = text->find('.');
  store::CertificatePlace place;
  const char* end = text->data() + std::min(dot, text->size());
  const auto [at, error] = std::from_chars(text->data(), end, place.at.micros);
  const auto serial = x509::Serial::parse(dot == std::string::npos ? "" : text->substr(dot + 1));
  if (error != std::errc() || at != end || !serial)
    return base::fail(base::Kind::invalid, "query.invalid", "'after' must be the 'next' of the page before");
  place.serial = serial->hex();
  return std::optional(std::move(place));
}

Answer list_certificates(Authority& authority, const Operator&, const Call& call) {
  store::CertificateFilter filter;
  filter.of = {call.request.query("environment").value_or(""), call.request.query("organisation").value_or(""),
               call.request.query("application").value_or("")};
  filter.purpose = call.request.query("purpose").value_or("");
  filter.now = authority.clock().now();
  BASE_TRY(filter.status, read_status(call.request));
  BASE_TRY(filter.limit, read_limit(call.request));
  BASE_TRY(const auto after, read_place(call.request));
  if (!filter.of.application.empty() && filter.of.organisation.empty())
    return base::fail(base::Kind::invalid, "query.invalid", "'application' needs its 'organisation'");
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto page, store::search_certificates(rows, filter, after));
  base::json::array array;
  for (const store::CertificateRow& row : page.rows)
    array.emplace_back(to_json(row, filter.now));
  base::json::object json{{"certificates", std::move(array)}};
  if (page.end) json["next"] = to_text(*page.end);
  return answer(200, json);
}

Answer show_certificate(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto serial, x509::Serial::parse(call.arguments[0]));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto row, store::find_certificate(rows, serial.hex()));
  if (!row)
    return base::fail(base::Kind::not_found, "certificate.unknown",
                      "there is no certificate with the serial number " + serial.hex());
  BASE_TRY(const auto certificate, to_certificate(row->der));
  base::json::object json = to_json(*row, authority.clock().now());
  json["certificate"] = certificate.to_pem();
  return answer(200, json);
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

constexpr std::array kRoutes = {
    Route{"GET", "/v1/certificates", OperatorHandler{Right::look, list_certificates}},
    Route{"GET", "/v1/certificates/{serial}", OperatorHandler{Right::look, show_certificate}},
    Route{"GET", "/v1/audit", OperatorHandler{Right::look, read_audit}},
    Route{"GET", "/v1/audit/verification", OperatorHandler{Right::look, show_audit_verification}},
    Route{"POST", "/v1/audit/acknowledge", OperatorHandler{Right::administrate, acknowledge}},
};

}  // namespace

std::span<const Route> certificate_routes() { return kRoutes; }

}  // namespace countersign::authority
