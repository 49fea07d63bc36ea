#include "authority/acme/orders.h"

#include "authority/acme/names.h"
#include "authority/acme/problem.h"
#include "authority/acme/renewal_info.h"
#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

using base::Kind;

/// Refusals that another try cannot change, as against a disk that is full.
bool is_final(const base::Error& error) {
  return error.kind == Kind::invalid || error.kind == Kind::denied || error.kind == Kind::not_found ||
         error.kind == Kind::conflict || error.kind == Kind::too_large;
}

tl::unexpected<base::Error> no_order() {
  return base::fail(Kind::not_found, "acme.no_order", "this account has no such order");
}

}  // namespace

/// RFC 9773 section 5: the certificate must be this application's, and renewed by one order only.
base::Result<std::optional<std::string>> AcmeOrders::check_replaces(store::Transaction& rows, const NewOrder& order,
                                                                    trust::Purpose purpose) {
  if (!order.replaces) return std::nullopt;
  BASE_TRY(const auto replaced, find_by_certificate_id(rows, *order.replaces));
  if (replaced.key != account_.key || replaced.purpose != trust::name(purpose))
    return base::fail(Kind::denied, "acme.replaces", "the certificate to be replaced is not of this application");
  BASE_TRY(const auto others, store::list_acme_replacements(rows, replaced.serial));
  for (const store::AcmeOrderRow& other : others)
    if (other.status == "valid" || other.expires_at > authority_.clock().now())
      return base::fail(Kind::conflict, "acme.already_replaced", "another order replaces this certificate already");
  return replaced.serial;
}

base::Result<OrderState> AcmeOrders::create(const NewOrder& order, crypto::Random& random) {
  BASE_TRY(const auto identity, identity_of(account_));
  BASE_TRY(const auto purposes, purposes_of(account_));
  BASE_TRY(const trust::Purpose purpose, purpose_of_order(order.identifiers, {identity, purposes}));
  const base::Instant now = authority_.clock().now();
  BASE_TRY(std::string id, random_id(random));
  BASE_TRY(auto amendment, authority_.ledger().amend());
  BASE_TRY(const auto count, store::count_acme_orders(amendment.rows(), account_.id, now, now - kOrderLife));
  if (count.open >= kOpenOrders || count.since >= kOrdersADay)
    return base::fail(Kind::denied, "acme.too_many_orders",
                      "this account has " + std::to_string(count.open) + " orders under way and made " +
                          std::to_string(count.since) + " within a day: finish some, or wait");
  BASE_TRY(auto replaces, check_replaces(amendment.rows(), order, purpose));
  store::AcmeOrderRow row{std::move(id), account_.id, std::string(trust::name(purpose)), order.identifiers, "ready"};
  row.replaces = std::move(replaces);
  row.created_at = now;
  row.expires_at = now + kOrderLife;
  BASE_TRY_VOID(store::forget_acme_orders(amendment.rows(), now - kOrdersKept));
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit(
      {holder_of(account_), "acme.order_created", identity.to_urn(), {{"order", row.id}, {"purpose", row.purpose}}}));
  BASE_TRY_VOID(amendment.commit());
  return OrderState{std::move(row)};
}

base::Result<store::AcmeOrderRow> AcmeOrders::find_row(const std::string& id) {
  BASE_TRY(auto rows, authority_.ledger().read());
  BASE_TRY(auto row, store::find_acme_order(rows, id));
  if (!row || row->account != account_.id) return no_order();
  if (row->status == "ready" && authority_.clock().now() >= row->expires_at) row->status = "invalid";
  return std::move(*row);
}

base::Result<OrderState> AcmeOrders::find(const std::string& id) {
  BASE_TRY(auto row, find_row(id));
  if (row.status != "processing" || !row.csr) return OrderState{std::move(row)};
  BASE_TRY(const base::Bytes csr, base::from_base64(*row.csr));
  auto state = advance({row, csr});
  if (state || !is_final(state.error())) return state;
  row.status = "invalid";
  row.csr.reset();
  row.error = base::json::serialize(to_acme_problem(state.error()));
  return settle(std::move(row), "acme.order_refused");
}

base::Result<std::vector<store::AcmeOrderRow>> AcmeOrders::list() {
  BASE_TRY(auto rows, authority_.ledger().read());
  return store::list_acme_orders(rows, account_.id, kListedOrders);
}

/// RFC 8555 section 11.1: a key that signs requests is not certified as well.
base::Result<void> AcmeOrders::refuse_account_key(const crypto::PublicKey& key) {
  const auto jwk = jose::Jwk::from(key);
  if (!jwk) return {};  // it is refused where keys are judged
  BASE_TRY(auto rows, authority_.ledger().read());
  BASE_TRY(const auto account, store::find_acme_account_of_key(rows, jwk->thumbprint()));
  if (!account) return {};
  return base::fail(Kind::invalid, "acme.bad_csr", "the key is that of an account: make another for the certificate");
}

base::Result<OrderState> AcmeOrders::finalize(const std::string& id, const std::string& csr) {
  BASE_TRY(auto begun, begin_finalize(id, csr));
  if (auto* state = std::get_if<OrderState>(&begun)) return std::move(*state);
  return advance(std::get<Enrolling>(begun));
}

base::Result<std::variant<OrderState, AcmeOrders::Enrolling>> AcmeOrders::begin_finalize(const std::string& id,
                                                                                         const std::string& csr) {
  BASE_TRY(auto row, find_row(id));
  const auto der = base::from_base64url(csr);
  if (!der || der->empty())
    return base::fail(Kind::invalid, "acme.bad_csr", "'csr' must be base64url of a certificate request in DER");
  BASE_TRY(const auto request, x509::Csr::parse(base::as_text(*der)));
  BASE_TRY_VOID(refuse_account_key(request.public_key()));
  if (row.status == "valid") {
    // The answer may have been lost: whoever asks with the same key again is told the same.
    BASE_TRY(const auto issued, find_certificate(row.serial.value_or("")));
    if (issued.certificate.public_key().to_spki() == request.public_key().to_spki()) return OrderState{std::move(row)};
  }
  if (row.status != "ready")
    return base::fail(Kind::denied, "acme.not_ready", "this order is " + row.status + ": make a new one");
  return Enrolling{std::move(row), *der};
}

/// A key that has a certificate already gets no second one: what comes back is what a crash cut off from this order, or
/// one that is older than it, and then the client would take its old certificate for a new one.
base::Result<void> AcmeOrders::refuse_old_certificate(const store::AcmeOrderRow& order, const Issued& issued) {
  BASE_TRY(auto rows, authority_.ledger().read());
  BASE_TRY(const auto row, store::find_certificate(rows, issued.certificate.serial().hex()));
  if (row && row->issued_at >= order.created_at) return {};
  return base::fail(Kind::denied, "key.reused",
                    "this key has a certificate already, and a renewal needs a new key: make one, and a new CSR");
}

/// The operator who made the account's credential, and so may not approve what it asks for.
base::Result<std::string> AcmeOrders::find_sponsor() {
  BASE_TRY(auto rows, authority_.ledger().read());
  BASE_TRY(const auto credential, store::find_acme_credential(rows, account_.kid));
  if (!credential) return base::fail(Kind::corrupt, "registry.corrupt", "the credential of the account is missing");
  return credential->created_by;
}

base::Result<Enquiry> AcmeOrders::look_up(const Enrolling& enrolling) {
  BASE_TRY(const auto now, find_row(enrolling.row.id));
  if (now.status != enrolling.row.status) {
    // Another call about it came first: of the same key it has the same answer, of another it comes too late.
    BASE_TRY(const auto request, x509::Csr::parse(base::as_text(enrolling.csr)));
    auto issued = find_certificate(now.serial.value_or(""));
    if (issued && issued->certificate.public_key().to_spki() == request.public_key().to_spki())
      return Outcome(std::move(*issued));
    return base::fail(Kind::denied, "acme.not_ready", "this order is " + now.status + ": make a new one");
  }
  BASE_TRY(const auto identity, identity_of(account_));
  BASE_TRY(const trust::Purpose purpose, to_purpose(enrolling.row.purpose));
  BASE_TRY(const std::string sponsor, find_sponsor());
  BASE_TRY(auto request, x509::Csr::parse(base::as_text(enrolling.csr)));
  return authority_.enrolment().look_up(DirectOrder{.identity = identity,
                                                    .purpose = purpose,
                                                    .csr = std::move(request),
                                                    .asked_by = holder_of(account_),
                                                    .sponsor = sponsor});
}

/// Has the enrolment go on, and the order follow it.
base::Result<OrderState> AcmeOrders::advance(const Enrolling& enrolling) {
  BASE_TRY(auto found, look_up(enrolling));
  if (const auto* known = std::get_if<Outcome>(&found)) return conclude(enrolling, *known);
  BASE_TRY(const auto outcome, authority_.issuance().issue(std::get<Order>(found)));
  return conclude(enrolling, outcome);
}

/// The order is written after the certificate: what a crash cuts off in between is found again by the same key.
base::Result<OrderState> AcmeOrders::conclude(const Enrolling& enrolling, const Outcome& outcome) {
  store::AcmeOrderRow row = enrolling.row;
  if (const auto* pending = std::get_if<Pending>(&outcome)) {
    const bool is_news = row.status != "processing";
    row.status = "processing";
    row.csr = base::to_base64(enrolling.csr);
    if (!is_news) return OrderState{std::move(row), pending->retry_after};
    BASE_TRY(auto state, settle(std::move(row), "acme.order_pending"));
    state.retry_after = pending->retry_after;
    return state;
  }
  BASE_TRY_VOID(refuse_old_certificate(row, std::get<Issued>(outcome)));
  const std::string serial = std::get<Issued>(outcome).certificate.serial().hex();
  BASE_TRY(auto now, find_row(row.id));
  if (now.status == "valid" && now.serial == serial) return OrderState{std::move(now)};
  row.status = "valid";
  row.csr.reset();
  row.serial = serial;
  return settle(std::move(row), "acme.order_fulfilled");
}

base::Result<OrderState> AcmeOrders::settle(store::AcmeOrderRow row, const char* action) {
  BASE_TRY(const auto identity, identity_of(account_));
  BASE_TRY(auto amendment, authority_.ledger().amend());
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  base::json::object detail{{"order", row.id}};
  if (row.serial) detail["serial"] = *row.serial;
  BASE_TRY_VOID(amendment.audit({holder_of(account_), action, identity.to_urn(), std::move(detail)}));
  BASE_TRY_VOID(amendment.commit());
  return OrderState{std::move(row)};
}

base::Result<Issued> AcmeOrders::find_certificate(const std::string& serial) {
  BASE_TRY(auto rows, authority_.ledger().read());
  BASE_TRY(const auto order, store::find_acme_order_of(rows, account_.id, serial));
  BASE_TRY(const auto row, store::find_certificate(rows, serial));
  if (!order || !row)
    return base::fail(Kind::not_found, "acme.no_certificate", "no order of this account gave such a certificate");
  BASE_TRY(auto identity, to_identity(row->key));
  BASE_TRY(auto certificate, to_certificate(row->der));
  const IssuingCa* issuer = authority_.hierarchy().find_issuing_ca(row->issuer);
  if (issuer == nullptr) return base::fail(Kind::corrupt, "registry.corrupt", "the issuing CA is missing");
  return Issued{std::move(certificate), std::move(identity), issuer};
}

}  // namespace countersign::authority
