// Routes for partners: enrolment (the code is the credential), renewal (the certificate is), the trust chain, health.
#include <array>

#include "authority/api/json.h"
#include "authority/api/redemption_call.h"
#include "authority/api/renewal_call.h"
#include "authority/api/routes.h"
#include "authority/enrolment/late_renewal.h"
#include "authority/registry/rows.h"
#include "x509/certs_only.h"

namespace countersign::authority {
namespace {

base::Result<Asked> enrol(Authority& authority, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string code, reader.text("code"));
  BASE_TRY(const std::string purpose_text, reader.text("purpose"));
  BASE_TRY(std::string csr, reader.text("csr"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(purpose_text));
  return to_redeem(authority, {base::Secret(std::string_view(code)), purpose, std::move(csr)},
                   [&authority](const Outcome& outcome) -> Answer { return answer(outcome, authority.hierarchy()); });
}

base::Result<Asked> renew_own(Authority& authority, const tls::VerifiedPeer& peer, const Call& call) {
  return renew(authority, peer, call.request);
}

/// {"purpose":"...","csr":"...","certificate":"PEM","signature":"base64"}: by the key of a certificate that has ended.
base::Result<Asked> renew_late(Authority& authority, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string purpose_text, reader.text("purpose"));
  BASE_TRY(const std::string csr_text, reader.text("csr"));
  BASE_TRY(const std::string held_text, reader.text("certificate"));
  BASE_TRY(const std::string signature_text, reader.text("signature"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(purpose_text));
  BASE_TRY(auto csr, x509::Csr::parse(csr_text));
  BASE_TRY(auto held, x509::Certificate::one_from(held_text));
  BASE_TRY(auto signature, base::from_base64(signature_text));
  const std::string claim = "late:" + base::to_hex(held.fingerprint());
  const auto order = std::make_shared<const LateRenewalOrder>(
      LateRenewalOrder{purpose, std::move(csr), std::move(held), std::move(signature)});
  const auto find = [&authority, order]() -> base::Result<Enquiry> {
    BASE_TRY(const auto row, verify_late_holder(authority.ledger(), *order));
    BASE_TRY(const auto identity, to_identity(row.key));
    BASE_TRY(auto known, authority.enrolment().find_valid(identity, order->purpose, order->csr.public_key()));
    if (known) return Outcome(std::move(*known));
    BASE_TRY(auto wanted,
             check_late_renewal(authority.ledger(), authority.hierarchy(), authority.policy(), *order, row));
    return wanted;
  };
  return ToIssue{
      find, [&authority](const Outcome& outcome) -> Answer { return answer(outcome, authority.hierarchy()); }, claim};
}

Answer trust_chain(Authority& authority, const Call& call) {
  BASE_TRY(const Root root, parse_root(call.request.query("of").value_or("provider")));
  const std::string format = call.request.query("format").value_or("pem");
  http::Response response;
  if (format == "pem") {
    response.fields.add("Content-Type", "application/x-pem-file");
    response.body = authority.hierarchy().trust_chain_pem(root);
    return response;
  }
  if (format != "pkcs7") return base::fail(base::Kind::invalid, "query.invalid", "'format' must be pem or pkcs7");
  BASE_TRY(const base::Bytes bag, x509::to_certs_only(authority.hierarchy().trust_chain(root)));
  response.fields.add("Content-Type", "application/pkcs7-mime; smime-type=certs-only");
  response.body = base::as_text(bag);
  return response;
}

/// What stands in the trust chain already and does not issue yet: partners install it before that.
Answer announcements(Authority& authority, const Call& call) {
  const std::string of = call.request.query("of").value_or("provider");
  BASE_TRY(const Root root, parse_root(of));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto cas, store::list_issuing_cas(rows));
  base::json::array array;
  for (const store::IssuingCaRow& row : cas) {
    const IssuingCa* ca = authority.hierarchy().find_issuing_ca(row.name);
    if (ca == nullptr || ca->root != root || row.state != name(CaState::distributed)) continue;
    base::json::object one{{"ca", row.name},
                           {"line", row.line},
                           {"environment", row.environment},
                           {"purposes", base::json::array(row.purposes.begin(), row.purposes.end())},
                           {"subject", ca->certificate.subject().text},
                           {"fingerprint", base::to_hex(ca->certificate.fingerprint())},
                           {"not_before", base::to_rfc3339(ca->certificate.not_before())},
                           {"not_after", base::to_rfc3339(ca->certificate.not_after())},
                           {"announced", base::to_rfc3339(row.state_since)}};
    if (row.use_from) one["use_from"] = base::to_rfc3339(*row.use_from);
    array.emplace_back(std::move(one));
  }
  return answer(200, {{"of", of}, {"announcements", std::move(array)}});
}

Answer health(Authority& authority, const Call&) {
  BASE_TRY(const auto rows, authority.ledger().read());
  return answer(200, {{"status", "ok"}});
}

}  // namespace

std::span<const Route> public_routes() {
  static constexpr std::array kRoutes = {
      Route{"POST", "/v1/enrolments", OpenAskHandler{enrol}},
      Route{"POST", "/v1/renewals", PeerAskHandler{renew_own}},
      Route{"POST", "/v1/late-renewals", OpenAskHandler{renew_late}},
      Route{"GET", "/v1/trust-chain", OpenHandler{trust_chain}},
      Route{"GET", "/v1/trust-chain/announcements", OpenHandler{announcements}},
      Route{"GET", "/v1/health", OpenHandler{health}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
