// Routes of ACME (RFC 8555, RFC 9773). Replay-Nonce and the link to the directory are added where answers leave
// (api.cpp).
#include "authority/api/routes.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "authority/acme/json.h"
#include "authority/acme/renewal_info.h"
#include "authority/api/json.h"
#include "authority/registry/rows.h"
#include "authority/revocation/revocation.h"

namespace countersign::authority {
namespace {

using base::Kind;

http::Response located(http::Response response, const std::string& url) {
  response.fields.add("Location", url);
  return response;
}

Answer directory(Authority& authority, const Call& call) {
  BASE_TRY(const std::string origin, acme_origin(authority, call.request));
  return answer(200, to_acme_directory(origin));
}

/// RFC 8555 section 7.2: the nonce itself is on every answer.
Answer new_nonce(Authority&, const Call& call) {
  http::Response response;
  response.status = call.request.head.method == "HEAD" ? 200 : 204;
  return response;
}

Answer answer_account(int status, const store::AcmeAccountRow& account, const std::string& origin) {
  return located(answer(status, to_acme_json(account, origin)), account_url(origin, account.id));
}

/// RFC 8555 sections 7.3, 7.3.1.
Answer new_account(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, KeyRequest::verify(authority, call.request));
  BASE_TRY(const auto payload, request.payload());
  BASE_TRY(auto reader, base::JsonReader::of(payload));
  BASE_TRY(const auto known, authority.acme_accounts().find_account(request.jwk()));
  if (known) return answer_account(200, *known, request.origin());
  BASE_TRY(const bool only_existing, reader.flag_or("onlyReturnExisting", false));
  if (only_existing)
    return base::fail(Kind::invalid, "acme.no_account", "there is no account of this key: make one first");
  BASE_TRY(auto contact, read_contact(payload));
  const NewAccount wanted{request.jwk(), payload.get_object().if_contains("externalAccountBinding"),
                          request.origin() + call.request.head.target, std::move(contact)};
  BASE_TRY(const auto account, authority.acme_accounts().create_account(wanted));
  return answer_account(201, account, request.origin());
}

base::Result<void> require_own(const AccountRequest& request, const std::string& id) {
  if (request.account().id == id) return {};
  return base::fail(Kind::denied, "acme.unauthorized", "this is another account's");
}

/// RFC 8555 sections 7.3.2, 7.3.6.
Answer account(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY_VOID(require_own(request, call.arguments[0]));
  if (!request.has_payload()) return answer_account(200, request.account(), request.origin());
  BASE_TRY(const auto payload, request.payload());
  BASE_TRY(auto reader, base::JsonReader::of(payload));
  BASE_TRY(const std::string status, reader.text_or("status", "valid"));
  AcmeAccounts& accounts = authority.acme_accounts();
  if (status == "deactivated") {
    BASE_TRY(const auto ended, accounts.deactivate(request.account()));
    return answer_account(200, ended, request.origin());
  }
  if (status != "valid") return base::fail(Kind::invalid, "json.type", "'status' can only become deactivated");
  if (!reader.has("contact")) return answer_account(200, request.account(), request.origin());
  BASE_TRY(auto contact, read_contact(payload));
  BASE_TRY(const auto changed, accounts.change_contact(request.account(), std::move(contact)));
  return answer_account(200, changed, request.origin());
}

Answer account_orders(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY_VOID(require_own(request, call.arguments[0]));
  BASE_TRY(const auto orders, AcmeOrders(authority, request.account()).list());
  base::json::array urls;
  for (const store::AcmeOrderRow& order : orders)
    if (order.status != "invalid") urls.emplace_back(order_url(request.origin(), order.id));
  return answer(200, {{"orders", std::move(urls)}});
}

/// RFC 8555 section 7.3.5: the new key signs for the account and the old key, the old one signs that.
Answer key_change(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY(const auto inner, jose::UnverifiedJws::parse_flattened(request.jws().payload()));
  BASE_TRY(const auto key, jwk_in(inner.header()));
  BASE_TRY(const auto verified, inner.verify(key.key()));
  if (inner.text("url") != request.origin() + call.request.head.target || inner.header().contains("nonce"))
    return base::fail(Kind::invalid, "jws.malformed", "the inner JWS needs the same 'url', and no 'nonce'");
  BASE_TRY(const auto payload, base::parse_json(verified.payload()));
  BASE_TRY(auto reader, base::JsonReader::of(payload));
  BASE_TRY(const std::string named, reader.text("account"));
  const base::json::value* old_json = payload.get_object().if_contains("oldKey");
  if (old_json == nullptr) return base::fail(Kind::invalid, "json.missing", "'oldKey' is missing");
  BASE_TRY(const auto old_key, jose::Jwk::parse(*old_json));
  if (named != account_url(request.origin(), request.account().id) ||
      old_key.thumbprint() != request.account().thumbprint)
    return base::fail(Kind::invalid, "jws.malformed", "the inner JWS is for another account or key");
  BASE_TRY(const auto changed, authority.acme_accounts().change_key(request.account(), key));
  return answer_account(200, changed, request.origin());
}

Answer answer_order(int status, const OrderState& state, const std::string& origin) {
  http::Response response = located(answer(status, to_acme_json(state.row, origin)), order_url(origin, state.row.id));
  if (state.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*state.retry_after).count();
    response.fields.add("Retry-After", std::to_string(std::max<std::int64_t>(seconds, 1)));
  }
  return response;
}

/// RFC 8555 section 7.4.
Answer new_order(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY(const auto payload, request.payload());
  BASE_TRY(const auto wanted, read_order(payload));
  BASE_TRY(const auto state, AcmeOrders(authority, request.account()).create(wanted, authority.random()));
  Answer made = answer_order(201, state, request.origin());
  if (!wanted.replaces || !made) return made;
  base::json::object json = to_acme_json(state.row, request.origin());
  json["replaces"] = *wanted.replaces;  // RFC 9773 section 5
  made->body = base::json::serialize(json);
  return made;
}

Answer order(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY(const auto state, AcmeOrders(authority, request.account()).find(call.arguments[0]));
  return answer_order(200, state, request.origin());
}

base::Result<Asked> finalize(Authority& authority, const Call& call) {
  BASE_TRY(auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY(const auto payload, request.payload());
  BASE_TRY(auto reader, base::JsonReader::of(payload));
  BASE_TRY(const std::string csr, reader.text("csr"));
  BASE_TRY(auto begun, AcmeOrders(authority, request.account()).begin_finalize(call.arguments[0], csr));
  if (const auto* state = std::get_if<OrderState>(&begun)) return answer_order(200, *state, request.origin());
  struct Kept {
    AccountRequest request;
    AcmeOrders::Enrolling enrolling;
  };
  const auto kept =
      std::make_shared<const Kept>(Kept{std::move(request), std::get<AcmeOrders::Enrolling>(std::move(begun))});
  const auto find = [&authority, kept] {
    return AcmeOrders(authority, kept->request.account()).look_up(kept->enrolling);
  };
  const auto tell = [&authority, kept](const Outcome& outcome) -> Answer {
    BASE_TRY(const auto state, AcmeOrders(authority, kept->request.account()).conclude(kept->enrolling, outcome));
    return answer_order(200, state, kept->request.origin());
  };
  return ToIssue{find, tell, "acme order " + kept->enrolling.row.id};
}

/// RFC 8555 section 7.5. Nothing is challenged: there is nothing to perform, and nothing to give up.
Answer authorization(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY(const auto state, AcmeOrders(authority, request.account()).find(call.arguments[0]));
  const std::string& text = call.arguments[1];
  std::size_t number = state.row.identifiers.size();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number >= state.row.identifiers.size())
    return base::fail(Kind::not_found, "acme.no_order", "there is no such authorisation");
  if (request.has_payload())
    return base::fail(Kind::denied, "acme.unauthorized", "an authorisation is the operators' to end, with the account");
  return answer(200, to_authorization(state.row, number));
}

/// RFC 8555 section 7.4.2: the leaf, then its issuing CA.
Answer certificate(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, AccountRequest::verify(authority, call.request));
  BASE_TRY(const auto issued, AcmeOrders(authority, request.account()).find_certificate(call.arguments[0]));
  http::Response response;
  response.fields.add("Content-Type", "application/pem-certificate-chain");
  response.body = x509::to_pem({issued.certificate, issued.issuer->certificate});
  return response;
}

/// Who may end the certificate: an account of its application that may have such, or who has its key.
struct RevocationRequest {
  base::json::value payload;
  std::optional<store::AcmeAccountRow> account;
  std::optional<jose::Jwk> key;
};

base::Result<RevocationRequest> read_revocation(Authority& authority, const http::Request& request) {
  if (names_its_key(request)) {
    BASE_TRY(const auto by_key, KeyRequest::verify(authority, request));
    BASE_TRY(auto payload, by_key.payload());
    return RevocationRequest{std::move(payload), std::nullopt, by_key.jwk()};
  }
  BASE_TRY(const auto by_account, AccountRequest::verify(authority, request));
  BASE_TRY(auto payload, by_account.payload());
  return RevocationRequest{std::move(payload), by_account.account(), std::nullopt};
}

base::Result<Actor> may_revoke(const RevocationRequest& request, const store::CertificateRow& row,
                               const x509::Certificate& certificate) {
  BASE_TRY(const trust::Purpose purpose, to_purpose(row.purpose));
  const bool is_partners = purpose == trust::Purpose::transport || purpose == trust::Purpose::signing;
  if (is_partners && request.key && request.key->key().to_spki() == certificate.public_key().to_spki())
    return Actor{"key-of:" + row.serial};
  const auto& account = request.account;
  if (account && account->key == row.key &&
      std::ranges::find(account->purposes, row.purpose) != account->purposes.end())
    return holder_of(*account);
  return base::fail(Kind::denied, "acme.unauthorized", "this certificate is not yours to revoke");
}

/// RFC 8555 section 7.6.
Answer revoke_certificate(Authority& authority, const Call& call) {
  BASE_TRY(const auto request, read_revocation(authority, call.request));
  BASE_TRY(auto reader, base::JsonReader::of(request.payload));
  BASE_TRY(const std::string text, reader.text("certificate"));
  BASE_TRY(const std::int64_t code, reader.integer_or("reason", 0));
  BASE_TRY(const std::string reason, to_revocation_reason(code));
  BASE_TRY(const base::Bytes der, base::from_base64url(text));
  BASE_TRY(const auto named, x509::Certificate::from_der(der));
  std::optional<store::CertificateRow> row;
  {
    BASE_TRY(auto rows, authority.ledger().read());
    BASE_TRY(row, store::find_certificate(rows, named.serial().hex()));
  }
  if (!row || row->fingerprint != base::to_hex(named.fingerprint()))
    return base::fail(Kind::not_found, "acme.no_certificate", "this authority issued no such certificate");
  BASE_TRY(const Actor actor, may_revoke(request, *row, named));
  if (row->revoked_at && row->revoked_for == reason)
    return base::fail(Kind::conflict, "certificate.already_revoked", "this certificate is revoked already");
  BASE_TRY_VOID(revoke(authority.ledger(), actor, named.serial(), reason));
  return http::Response{};
}

/// RFC 9773 section 4.2.
Answer renewal_info(Authority& authority, const Call& call) {
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto row, find_by_certificate_id(rows, call.arguments[0]));
  const RenewalWindow window = renewal_window(row, authority.clock().now());
  http::Response response = answer(
      200, {{"suggestedWindow",
             base::json::object{{"start", base::to_rfc3339(window.start)}, {"end", base::to_rfc3339(window.end)}}}});
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kRenewalInfoLife).count();
  response.fields.add("Retry-After", std::to_string(seconds));
  return response;
}

}  // namespace

std::span<const Route> acme_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/acme/directory", OpenHandler{directory}},
      Route{"GET", "/acme/new-nonce", OpenHandler{new_nonce}},
      Route{"POST", "/acme/new-account", OpenHandler{new_account}},
      Route{"POST", "/acme/account/{account}", OpenHandler{account}},
      Route{"POST", "/acme/account/{account}/orders", OpenHandler{account_orders}},
      Route{"POST", "/acme/key-change", OpenHandler{key_change}},
      Route{"POST", "/acme/new-order", OpenHandler{new_order}},
      Route{"POST", "/acme/order/{order}", OpenHandler{order}},
      Route{"POST", "/acme/order/{order}/finalize", OpenAskHandler{finalize}},
      Route{"POST", "/acme/authz/{order}/{number}", OpenHandler{authorization}},
      Route{"POST", "/acme/certificate/{serial}", OpenHandler{certificate}},
      Route{"POST", "/acme/revoke-cert", OpenHandler{revoke_certificate}},
      Route{"GET", "/acme/renewal-info/{certificate}", OpenHandler{renewal_info}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
