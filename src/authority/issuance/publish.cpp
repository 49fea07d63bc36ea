#include "authority/issuance/publish.h"

#include "authority/issuance/enrolment_code.h"
#include "authority/registry/rows.h"
#include "authority/transparency/certificate_log.h"
#include "store/codes.h"
#include "store/issuances.h"

namespace countersign::authority {
namespace {

store::CertificateRow to_row(const Linted& linted, const x509::Certificate& certificate, base::Instant now) {
  const Order& order = linted.checked().order();
  store::CertificateRow row;
  row.serial = certificate.serial().hex();
  row.fingerprint = base::to_hex(certificate.fingerprint());
  row.spki_sha256 = spki_sha256_hex(order.csr.public_key());
  row.der = to_der_base64(certificate);
  row.key = to_key(order.identity);
  row.purpose = trust::name(order.purpose);
  row.issuer = linted.checked().issuer().name;
  row.issued_at = now;
  row.not_before = certificate.not_before();
  row.not_after = certificate.not_after();
  row.replaces = order.replaces;
  row.crl_shard = crl_shard_of(certificate.serial(), linted.checked().issuer().crl_shards);
  return row;
}

base::Result<void> complete_code(Amendment& amendment, const Order& order, const store::CertificateRow& row) {
  if (!order.code_sha256) return {};
  BASE_TRY(const bool done,
           store::redeem(amendment.rows(), {*order.code_sha256, row.purpose, row.spki_sha256, row.serial}));
  if (!done) return code_used();
  return {};
}

base::Result<void> spend_approval(Amendment& amendment, const Approved& approved, const store::CertificateRow& row) {
  if (!approved.request()) return {};
  BASE_TRY(const bool spent, store::spend_request(amendment.rows(), approved.request()->id, row.serial));
  if (spent) return {};
  return base::fail(base::Kind::conflict, "request.changed",
                    "the approval of the request " + approved.request()->id + " was spent or voided meanwhile");
}

}  // namespace

base::Result<void> publish(Ledger& ledger, const Linted& linted, const x509::Certificate& certificate) {
  const Order& order = linted.checked().order();
  const x509::Certificate& issuer = linted.checked().issuer().certificate;
  if (certificate.tbs_der() != linted.tbs().der || !certificate.is_signed_by(issuer.public_key()))
    return base::fail(base::Kind::internal, "signer.faulty",
                      "the signer did not sign what was linted; the certificate is thrown away");
  const store::CertificateRow row = to_row(linted, certificate, ledger.now());
  BASE_TRY(auto amendment, ledger.amend());
  if (ledger.is_shared()) BASE_TRY_VOID(check_again(amendment.rows(), linted.checked()));
  BASE_TRY(const bool was_open, store::finish_issuance(amendment.rows(), row.serial, "issued", row.issued_at));
  if (!was_open)
    return base::fail(base::Kind::internal, "issuance.not_open", "there is no open intent for serial " + row.serial);
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY_VOID(append_to_log(amendment.rows(), certificate));
  BASE_TRY_VOID(complete_code(amendment, order, row));
  BASE_TRY_VOID(spend_approval(amendment, linted.approved(), row));
  const AuditEntry entry{order.asked_by,
                         "certificate.issued",
                         order.identity.to_urn(),
                         {{"serial", row.serial}, {"purpose", row.purpose}, {"fingerprint", row.fingerprint}}};
  BASE_TRY_VOID(amendment.audit(entry));
  BASE_TRY_VOID(amendment.publish(trust::CertificateFact{certificate.fingerprint(), order.identity, order.purpose,
                                                         certificate.not_after(), std::nullopt}));
  return amendment.commit();
}

}  // namespace countersign::authority
