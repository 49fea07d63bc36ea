// Routes by which issuing CAs come and go. Each change answers with the CA as it is then.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

using base::json::object;

base::json::array to_array(const std::vector<std::string>& texts) {
  return base::json::array(texts.begin(), texts.end());
}

base::Result<void> add_certificate(object& json, const store::IssuingCaRow& row) {
  BASE_TRY(const auto certificate, to_certificate(row.der));
  json["subject"] = certificate.subject().text;
  json["serial"] = certificate.serial().hex();
  json["fingerprint"] = base::to_hex(certificate.fingerprint());
  json["not_before"] = base::to_rfc3339(certificate.not_before());
  json["not_after"] = base::to_rfc3339(certificate.not_after());
  json["certificate"] = certificate.to_pem();
  return {};
}

base::json::array to_json(const std::vector<FollowerStanding>& followers) {
  base::json::array list;
  for (const FollowerStanding& one : followers)
    list.emplace_back(object{{"serial", one.row.serial},
                             {"caller", one.row.caller},
                             {"seen", base::to_rfc3339(one.row.seen_at)},
                             {"concerned", one.concerned},
                             {"holds", one.holds}});
  return list;
}

base::Result<object> to_json(const CaOverview& ca) {
  object json;
  if (ca.prospect) {
    json = {{"name", ca.prospect->name},
            {"line", ca.prospect->line},
            {"generation", ca.prospect->generation},
            {"state", ca.prospect->state},
            {"since", base::to_rfc3339(ca.prospect->created_at)}};
    if (!ca.prospect->csr.empty()) json["csr"] = ca.prospect->csr;
  }
  if (!ca.row) return json;
  json["name"] = ca.row->name;
  json["line"] = ca.row->line;
  json["generation"] = ca.row->generation;
  json["state"] = ca.row->state;
  json["since"] = base::to_rfc3339(ca.row->state_since);
  json["root"] = ca.row->root;
  if (ca.row->use_from) json["use_from"] = base::to_rfc3339(*ca.row->use_from);
  json["environment"] = ca.row->environment;
  json["purposes"] = to_array(ca.row->purposes);
  json["living"] = ca.living;
  json["key_here"] = ca.has_key;
  BASE_TRY_VOID(add_certificate(json, *ca.row));
  return json;
}

base::Result<object> show(Authority& authority, const std::string& name) {
  BASE_TRY(const CaOverview ca, authority.rotation().show(name));
  BASE_TRY(object json, to_json(ca));
  json["followers"] = to_json(ca.followers);
  return json;
}

/// After a change: what acts from now on is loaded before anybody is answered.
Answer answer_with(Authority& authority, int status, const std::string& name, object more = {}) {
  BASE_TRY_VOID(authority.refresh());
  BASE_TRY(object json, show(authority, name));
  for (auto& [key, value] : more)
    json[key] = value;
  return answer(status, json);
}

Answer list_cas(Authority& authority, const Operator&, const Call&) {
  BASE_TRY(const auto cas, authority.rotation().list());
  base::json::array list;
  for (const CaOverview& ca : cas) {
    BASE_TRY(object json, to_json(ca));
    list.emplace_back(std::move(json));
  }
  return answer(200, {{"issuing_cas", std::move(list)}});
}

Answer show_ca(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const object json, show(authority, call.arguments[0]));
  return answer(200, json);
}

/// {"line":"uat-transport","key":"p256"}
Answer prepare(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string line, reader.text("line"));
  BASE_TRY(const std::string key, reader.text_or("key", ""));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const std::string name, authority.rotation().prepare(caller.actor(), line, key));
  return answer_with(authority, 201, name);
}

Answer certify(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY_VOID(authority.rotation().certify(caller.actor(), call.arguments[0]));
  return answer_with(authority, 200, call.arguments[0]);
}

/// {"certificate":"PEM"}
Answer import(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string pem, reader.text("certificate"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const auto certificate, x509::Certificate::one_from(pem));
  BASE_TRY_VOID(authority.rotation().import(caller.actor(), call.arguments[0], certificate));
  return answer_with(authority, 200, call.arguments[0]);
}

Answer cancel(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY_VOID(authority.rotation().cancel(caller.actor(), call.arguments[0]));
  return answer_with(authority, 200, call.arguments[0]);
}

/// {"use_from":"2026-12-24T00:00:00Z"}, optional: announced as the day from which it may be used.
Answer distribute(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  std::optional<base::Instant> use_from;
  if (reader.has("use_from")) {
    BASE_TRY(const std::string text, reader.text("use_from"));
    BASE_TRY(use_from, base::parse_rfc3339(text));
  }
  BASE_TRY_VOID(reader.finish());
  BASE_TRY_VOID(authority.rotation().distribute(caller.actor(), call.arguments[0], use_from));
  return answer_with(authority, 200, call.arguments[0]);
}

/// {"without":["SERIAL"],"reason":"..."}, both optional: followers that may be left behind, and why.
Answer activate(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  ActivationOverride given;
  if (reader.has("without")) {
    BASE_TRY(given.without, reader.texts("without"));
  }
  BASE_TRY(given.reason, reader.text_or("reason", ""));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY_VOID(authority.rotation().activate(caller.actor(), call.arguments[0], given));
  return answer_with(authority, 200, call.arguments[0]);
}

/// {"remaining":N}, optional: so many certificates in use will be refused.
Answer retire(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  RetirementOrder order;
  if (reader.has("remaining")) {
    BASE_TRY(order.remaining, reader.integer("remaining"));
  }
  BASE_TRY_VOID(reader.finish());
  BASE_TRY_VOID(authority.rotation().retire(caller.actor(), call.arguments[0], order));
  return answer_with(authority, 200, call.arguments[0]);
}

/// {"reason":"..."}
Answer withdraw(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string reason, reader.text("reason"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const std::int64_t revoked, authority.rotation().withdraw(caller.actor(), call.arguments[0], reason));
  return answer_with(authority, 200, call.arguments[0], {{"revoked", revoked}});
}

}  // namespace

std::span<const Route> ca_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/issuing-cas", OperatorHandler{Right::look, list_cas}},
      Route{"POST", "/v1/issuing-cas", OperatorHandler{Right::administrate, prepare}},
      Route{"GET", "/v1/issuing-cas/{ca}", OperatorHandler{Right::look, show_ca}},
      Route{"POST", "/v1/issuing-cas/{ca}/certify", OperatorHandler{Right::administrate, certify}},
      Route{"POST", "/v1/issuing-cas/{ca}/certificate", OperatorHandler{Right::administrate, import}},
      Route{"POST", "/v1/issuing-cas/{ca}/cancel", OperatorHandler{Right::administrate, cancel}},
      Route{"POST", "/v1/issuing-cas/{ca}/distribute", OperatorHandler{Right::administrate, distribute}},
      Route{"POST", "/v1/issuing-cas/{ca}/activate", OperatorHandler{Right::administrate, activate}},
      Route{"POST", "/v1/issuing-cas/{ca}/retire", OperatorHandler{Right::administrate, retire}},
      Route{"POST", "/v1/issuing-cas/{ca}/withdraw", OperatorHandler{Right::administrate, withdraw}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
