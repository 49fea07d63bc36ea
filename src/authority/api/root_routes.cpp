// Routes by which roots follow each other, and by which their CRLs are brought.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "authority/rotation/root_crl.h"
#include "authority/rotation/roots.h"

namespace countersign::authority {
namespace {

using base::json::object;

object to_json(const RootCa& root) {
  base::json::array crosses;
  for (const x509::Certificate& cross : root.crosses)
    crosses.emplace_back(cross.to_pem());
  return {{"root", root.name},
          {"line", name(root.line)},
          {"state", root.is_trusted ? "trusted" : "retired"},
          {"subject", root.certificate.subject().text},
          {"serial", root.certificate.serial().hex()},
          {"fingerprint", base::to_hex(root.certificate.fingerprint())},
          {"not_before", base::to_rfc3339(root.certificate.not_before())},
          {"not_after", base::to_rfc3339(root.certificate.not_after())},
          {"certificate", root.certificate.to_pem()},
          {"cross_certificates", std::move(crosses)}};
}

tl::unexpected<base::Error> unknown_root(const std::string& named) {
  return base::fail(base::Kind::not_found, "root.unknown", "there is no root '" + named.substr(0, 80) + "'");
}

/// After a change: what acts from now on is loaded before anybody is answered.
Answer answer_with(Authority& authority, int status, const std::string& named) {
  BASE_TRY_VOID(authority.refresh());
  const RootCa* root = authority.hierarchy().find_root(named);
  if (root == nullptr) return unknown_root(named);
  return answer(status, to_json(*root));
}

Answer list_roots(Authority& authority, const Operator&, const Call&) {
  base::json::array list;
  for (const RootCa& root : authority.hierarchy().roots())
    list.emplace_back(to_json(root));
  return answer(200, {{"roots", std::move(list)}});
}

/// {"line":"partner","certificate":"PEM","cross_certificates":["PEM"],"reason":"..."}, the last two optional.
Answer import_root(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string line_text, reader.text("line"));
  BASE_TRY(const std::string pem, reader.text("certificate"));
  std::vector<std::string> crosses;
  if (reader.has("cross_certificates")) {
    BASE_TRY(crosses, reader.texts("cross_certificates"));
  }
  BASE_TRY(std::string reason, reader.text_or("reason", ""));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const Root line, parse_root(line_text));
  BASE_TRY(auto certificate, x509::Certificate::one_from(pem));
  NewRootOrder order{line, std::move(certificate), {}, std::move(reason)};
  for (const std::string& text : crosses) {
    BASE_TRY(auto cross, x509::Certificate::one_from(text));
    order.crosses.push_back(std::move(cross));
  }
  Roots roots(authority.ledger(), authority.hierarchy());
  BASE_TRY(const std::string named, roots.import(caller.actor(), order));
  return answer_with(authority, 201, named);
}

Answer retire_root(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY_VOID(read_empty_body(call));
  Roots roots(authority.ledger(), authority.hierarchy());
  BASE_TRY_VOID(roots.retire(caller.actor(), call.arguments[0]));
  return answer_with(authority, 200, call.arguments[0]);
}

/// {"crl":"PEM"}
Answer import_crl(Authority& authority, const Operator& caller, const Call& call) {
  const RootCa* root = authority.hierarchy().find_root(call.arguments[0]);
  if (root == nullptr) return unknown_root(call.arguments[0]);
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string crl, reader.text("crl"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY_VOID(import_root_crl(authority.ledger(), authority.hierarchy(), caller.actor(), *root, crl));
  return answer(200, {{"root", root->name}});
}

}  // namespace

std::span<const Route> root_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/roots", OperatorHandler{Right::look, list_roots}},
      Route{"POST", "/v1/roots", OperatorHandler{Right::administrate, import_root}},
      Route{"POST", "/v1/roots/{root}/retire", OperatorHandler{Right::administrate, retire_root}},
      Route{"POST", "/v1/roots/{root}/crl", OperatorHandler{Right::administrate, import_crl}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
