#include "authority/api/json.h"

#include <charconv>

#include "authority/registry/rows.h"
#include "base/config.h"
#include "http/problem.h"

namespace countersign::authority {
namespace {

using base::json::object;

std::string urn_of(const store::ApplicationKey& key) {
  return "urn:countersign:" + key.environment + ":" + key.organisation + ":" + key.application;
}

}  // namespace

object to_json(const store::OrganisationRow& row) {
  return {
      {"id", row.id}, {"name", row.name}, {"suspended", row.suspended}, {"created", base::to_rfc3339(row.created_at)}};
}

object to_json(const store::ApplicationRow& row) {
  base::json::array server_names;
  for (const std::string& name : row.server_names)
    server_names.emplace_back(name);
  return {{"environment", row.key.environment},
          {"organisation", row.key.organisation},
          {"application", row.key.application},
          {"name", row.name},
          {"server_names", std::move(server_names)},
          {"suspended", row.suspended},
          {"urn", urn_of(row.key)},
          {"created", base::to_rfc3339(row.created_at)}};
}

object to_json(const NewCode& code) {
  base::json::array purposes;
  for (const trust::Purpose purpose : code.purposes)
    purposes.emplace_back(trust::name(purpose));
  return {{"code", code.code.text().reveal_text()},
          {"purposes", std::move(purposes)},
          {"expires", base::to_rfc3339(code.expires)}};
}

object to_json(const KnownCode& code) {
  base::json::array purposes;
  base::json::array redeemed;
  for (const store::RedemptionRow& redemption : code.redemptions) {
    purposes.emplace_back(redemption.purpose);
    if (redemption.serial)
      redeemed.emplace_back(object{{"purpose", redemption.purpose}, {"serial", *redemption.serial}});
  }
  object json{{"digest", code.row.code_sha256.substr(0, kShownDigits)},
              {"purposes", std::move(purposes)},
              {"redeemed", std::move(redeemed)},
              {"created", base::to_rfc3339(code.row.created_at)},
              {"created_by", code.row.created_by},
              {"expires", base::to_rfc3339(code.row.expires_at)}};
  if (code.row.cancelled_at) json["cancelled"] = base::to_rfc3339(*code.row.cancelled_at);
  return json;
}

object to_json(const store::CertificateRow& row, base::Instant now) {
  object json{{"serial", row.serial},
              {"urn", urn_of(row.key)},
              {"purpose", row.purpose},
              {"status", status_of(row, now)},
              {"not_before", base::to_rfc3339(row.not_before)},
              {"not_after", base::to_rfc3339(row.not_after)},
              {"fingerprint", row.fingerprint}};
  if (row.revoked_at) json["revoked_at"] = base::to_rfc3339(*row.revoked_at);
  if (row.revoked_for) json["revoked_for"] = *row.revoked_for;
  return json;
}

base::Result<object> to_json(const store::AuditRow& row) {
  auto detail = base::parse_json(row.detail);
  if (!detail)
    return base::unexpected(std::move(detail).error().under("registry.corrupt", "an audit record does not parse"));
  return object{{"sequence", row.sequence}, {"time", base::to_rfc3339_millis(row.at)},
                {"actor", row.actor},       {"action", row.action},
                {"subject", row.subject},   {"detail", std::move(*detail)},
                {"previous", row.previous}, {"hash", row.hash}};
}

object to_json(const Issued& issued, const Hierarchy& hierarchy) {
  const x509::Certificate& certificate = issued.certificate;
  return {{"serial", certificate.serial().hex()},
          {"certificate", certificate.to_pem()},
          {"chain", x509::to_pem(hierarchy.chain_of(*issued.issuer))},
          {"root", hierarchy.root_of(*issued.issuer).certificate.to_pem()},
          {"urn", issued.identity.to_urn()},
          {"not_before", base::to_rfc3339(certificate.not_before())},
          {"not_after", base::to_rfc3339(certificate.not_after())}};
}

base::Result<object> to_json(const KnownRequest& request) {
  const store::RequestRow& row = request.row;
  auto content = base::parse_json(row.content);
  if (!content)
    return base::unexpected(
        std::move(content).error().under("registry.corrupt", "the content of a request does not parse"));
  base::json::array approvals;
  for (const store::ApprovalRow& approval : request.approvals)
    approvals.emplace_back(
        object{{"by", approval.approver}, {"at", base::to_rfc3339(approval.at)}, {"comment", approval.comment}});
  object json{{"request", row.id},
              {"state", request.state},
              {"urn", urn_of(row.key)},
              {"purpose", row.purpose},
              {"content", std::move(*content)},
              {"content_sha256", row.content_sha256},
              {"needed", row.needed},
              {"approvals", std::move(approvals)},
              {"requested_by", row.requested_by},
              {"created", base::to_rfc3339(row.created_at)},
              {"expires", base::to_rfc3339(row.expires_at)}};
  if (row.sponsor) json["sponsor"] = *row.sponsor;
  if (row.decided_at) json["decided"] = base::to_rfc3339(*row.decided_at);
  if (row.refusal) json["refusal"] = *row.refusal;
  if (request.state == "issued" && row.serial) json["serial"] = *row.serial;
  return json;
}

http::Response answer(const Outcome& outcome, const Hierarchy& hierarchy) {
  if (const auto* issued = std::get_if<Issued>(&outcome)) return answer(201, to_json(*issued, hierarchy));
  const Pending& pending = std::get<Pending>(outcome);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pending.retry_after).count();
  http::Response response = answer(202, {{"status", "pending"},
                                         {"request", pending.request},
                                         {"approvals", pending.given},
                                         {"needed", pending.needed},
                                         {"retry_after", seconds}});
  response.fields.add("Retry-After", std::to_string(seconds));
  return response;
}

http::Response answer(int status, const object& body) {
  return http::json_response(status, base::json::serialize(body));
}

base::Result<base::json::value> read_body(const Call& call) {
  if (call.request.body.empty()) return base::json::value(object{});
  return base::parse_json(call.request.body);
}

base::Result<void> read_empty_body(const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(const auto reader, base::JsonReader::of(body));
  return reader.finish();
}

base::Result<std::vector<std::string>> read_texts(const Call& call, const std::string& member) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  if (!reader.has(member)) return base::fail(base::Kind::invalid, "json.missing", "'" + member + "' is missing");
  BASE_TRY(auto texts, reader.texts(member));
  BASE_TRY_VOID(reader.finish());
  return texts;
}

base::Result<std::vector<trust::Purpose>> read_purposes(base::JsonReader& reader) {
  BASE_TRY(const auto texts, reader.texts("purposes"));
  std::vector<trust::Purpose> purposes;
  for (const std::string& text : texts) {
    BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(text));
    purposes.push_back(purpose);
  }
  return purposes;
}

base::Result<CodeOrder> read_code_order(const Call& call, base::Identity identity) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(auto purposes, read_purposes(reader));
  CodeOrder order{std::move(identity), std::move(purposes)};
  if (reader.has("life")) {
    BASE_TRY(const std::string life, reader.text("life"));
    BASE_TRY(order.life, base::parse_duration(life));
  }
  BASE_TRY_VOID(reader.finish());
  return order;
}

base::Result<base::Identity> read_identity(std::string_view environment, std::string_view organisation,
                                           std::string_view application) {
  BASE_TRY(const base::Environment parsed, base::parse_environment(environment));
  BASE_TRY(auto organisation_slug, base::Slug::parse(organisation));
  BASE_TRY(auto application_slug, base::Slug::parse(application));
  return base::Identity{parsed, std::move(organisation_slug), std::move(application_slug)};
}

base::Result<base::Identity> application_in(const Call& call) {
  return read_identity(call.arguments[0], call.arguments[1], call.arguments[2]);
}

base::Result<base::Identity> application_to_change(const Operator& caller, const Call& call) {
  BASE_TRY(auto identity, application_in(call));
  BASE_TRY_VOID(caller.may_change(identity));
  return identity;
}

base::Result<std::int64_t> read_number(const http::Request& request, const NumberQuery& query) {
  const auto text = request.query(query.name);
  if (!text) return query.otherwise;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  if (whole && number >= query.least && number <= query.most) return number;
  return base::fail(base::Kind::invalid, "query.invalid",
                    "'" + std::string(query.name) + "' must be a whole number from " + std::to_string(query.least) +
                        " to " + std::to_string(query.most));
}

}  // namespace countersign::authority
