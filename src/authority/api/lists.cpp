#include "authority/api/lists.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "authority/registry/rows.h"
#include "store/certificate_search.h"

namespace countersign::authority {
namespace {

constexpr std::array<std::string_view, 5> kLetterStates = {"", "pending", "sent", "given_up", "dropped"};

base::Result<store::CertificateStatus> read_status(const http::Request& request) {
  const auto text = request.query("status");
  if (!text) return store::CertificateStatus::any;
  if (*text == "valid") return store::CertificateStatus::valid;
  if (*text == "revoked") return store::CertificateStatus::revoked;
  if (*text == "expired") return store::CertificateStatus::expired;
  return base::fail(base::Kind::invalid, "query.invalid", "'status' must be valid, revoked or expired");
}

tl::unexpected<base::Error> no_place() {
  return base::fail(base::Kind::invalid, "query.invalid", "'after' must be the 'next' of the page before");
}

base::Result<std::optional<store::CertificatePlace>> read_place(const http::Request& request) {
  BASE_TRY(const auto place, read_list_place(request));
  if (!place) return std::nullopt;
  const auto serial = x509::Serial::parse(place->id);
  if (!serial) return no_place();
  return store::CertificatePlace{place->at, serial->hex()};
}

template <class Row>
base::json::object listed(const char* name, const std::vector<Row>& rows) {
  base::json::array array;
  for (const Row& row : rows)
    array.emplace_back(to_json(row));
  return {{name, std::move(array)}};
}

}  // namespace

store::ApplicationFilter application_filter_in(const http::Request& request) {
  return {request.query("environment").value_or(""), request.query("organisation").value_or(""),
          request.query("application").value_or("")};
}

std::string to_text(const ListPlace& place) { return std::to_string(place.at.micros) + "." + place.id; }

base::Result<std::optional<ListPlace>> read_list_place(const http::Request& request) {
  const auto text = request.query("after");
  if (!text) return std::nullopt;
  const std::size_t dot = text->find('.');
  ListPlace place;
  const char* end = text->data() + std::min(dot, text->size());
  const auto [at, error] = std::from_chars(text->data(), end, place.at.micros);
  if (dot != std::string::npos) place.id = text->substr(dot + 1);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (error != std::errc() || at != end || place.id.empty() || !std::ranges::all_of(place.id, is_hex))
    return no_place();
  return std::optional(std::move(place));
}

base::Result<int> read_limit(const http::Request& request) {
  BASE_TRY(const std::int64_t limit, read_number(request, {"limit", kDefaultLimit, 1, kMostAtOnce}));
  return static_cast<int>(limit);
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

base::json::object to_json(const Revocation& done, base::Instant now) {
  base::json::object json = to_json(done.certificate, now);
  base::json::array of_same_key;
  for (const store::CertificateRow& row : done.of_same_key)
    of_same_key.emplace_back(to_json(row, now));
  json["also_revoked"] = std::move(of_same_key);
  return json;
}

tl::unexpected<base::Error> unknown_certificate(const x509::Serial& serial) {
  return base::fail(base::Kind::not_found, "certificate.unknown",
                    "there is no certificate with the serial number " + serial.hex());
}

Answer answer_applications(Authority& authority, const store::ApplicationFilter& filter) {
  BASE_TRY(const auto rows, authority.directory().list_applications(filter));
  return answer(200, listed("applications", rows));
}

Answer answer_certificates(Authority& authority, const Call& call, const store::ApplicationFilter& of) {
  store::CertificateFilter filter;
  filter.of = of;
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
  if (page.end) json["next"] = to_text(ListPlace{page.end->at, page.end->serial});
  return answer(200, json);
}

Answer answer_certificate(Authority& authority, const store::CertificateRow& row) {
  BASE_TRY(const auto certificate, to_certificate(row.der));
  base::json::object json = to_json(row, authority.clock().now());
  json["certificate"] = certificate.to_pem();
  return answer(200, json);
}

base::Result<std::vector<KnownRequest>> list_known_requests(Authority& authority, const Call& call,
                                                            const store::ApplicationFilter& of) {
  store::RequestFilter filter;
  filter.of = of;
  filter.state = call.request.query("state").value_or("");
  filter.now = authority.clock().now();
  BASE_TRY(filter.limit, read_limit(call.request));
  return authority.approvals().list(filter);
}

Answer answer_requests(Authority& authority, const Call& call, const store::ApplicationFilter& of) {
  BASE_TRY(const auto known, list_known_requests(authority, call, of));
  base::json::array array;
  for (const KnownRequest& request : known) {
    BASE_TRY(auto json, to_json(request));
    array.emplace_back(std::move(json));
  }
  return answer(200, {{"requests", std::move(array)}});
}

Answer answer_letters(Authority& authority, const Call& call, const std::string& organisation) {
  store::LetterFilter filter;
  filter.state = call.request.query("state").value_or("");
  filter.organisation = organisation;
  if (std::ranges::find(kLetterStates, filter.state) == kLetterStates.end())
    return base::fail(base::Kind::invalid, "query.invalid", "'state' must be pending, sent, given_up or dropped");
  BASE_TRY(filter.limit, read_limit(call.request));
  BASE_TRY(auto rows, authority.notices().list(filter));
  // In words it names the provider's own hosts.
  if (!organisation.empty())
    for (store::LetterRow& row : rows)
      row.last_error = row.last_error_code;
  return answer(200, listed("notices", rows));
}

Answer answer_contacts(Authority& authority, const base::Slug& organisation) {
  BASE_TRY(const auto rows, authority.contacts().list(organisation));
  return answer(200, listed("contacts", rows));
}

Answer answer_codes(Authority& authority, const base::Identity& identity) {
  BASE_TRY(const auto codes, authority.enrolment().list_codes(identity));
  return answer(200, listed("enrolment_codes", codes));
}

Answer answer_new_code(const NewCode& code) {
  http::Response response = answer(201, to_json(code));
  response.fields.add("Cache-Control", "no-store");
  return response;
}

}  // namespace countersign::authority
