#include "authority/issuance/publish.h"

#include "authority/issuance/enrolment_code.h"
#include "authority/issuance/together.h"
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

base::Result<void> check_signer(const Signed& made) {
  const x509::Certificate& issuer = made.linted->checked().issuer().certificate;
  if (made.certificate->tbs_der() == made.linted->tbs().der && made.certificate->is_signed_by(issuer.public_key()))
    return {};
  return base::fail(base::Kind::internal, "signer.faulty",
                    "the signer did not sign what was linted; the certificate is thrown away");
}

/// What ends with this certificate, and what is said of it.
base::Result<void> finish(Amendment& amendment, const Signed& made, const store::CertificateRow& row) {
  const Order& order = made.linted->checked().order();
  BASE_TRY(const bool was_open, store::finish_issuance(amendment.rows(), row.serial, "issued", row.issued_at));
  if (!was_open)
    return base::fail(base::Kind::internal, "issuance.not_open", "there is no open intent for serial " + row.serial);
  BASE_TRY_VOID(complete_code(amendment, order, row));
  BASE_TRY_VOID(spend_approval(amendment, made.linted->approved(), row));
  BASE_TRY_VOID(
      amendment.audit({order.asked_by,
                       "certificate.issued",
                       order.identity.to_urn(),
                       {{"serial", row.serial}, {"purpose", row.purpose}, {"fingerprint", row.fingerprint}}}));
  amendment.publish(trust::CertificateFact{made.certificate->fingerprint(), order.identity, order.purpose,
                                           made.certificate->not_after(), std::nullopt});
  // Whoever checks messages needs the key itself.
  if (order.purpose == trust::Purpose::signing)
    amendment.publish(feed::SigningCertificate{order.identity, made.certificate->der()});
  return {};
}

base::Result<std::vector<Published>> publish_together(Ledger& ledger, std::span<const Signed> group) {
  std::vector<store::CertificateRow> rows;
  std::vector<LogEntry> entries;
  for (const Signed& made : group) {
    rows.push_back(to_row(*made.linted, *made.certificate, ledger.now()));
    entries.push_back({rows.back().serial, made.certificate->der()});
  }
  BASE_TRY(auto amendment, ledger.amend());
  if (ledger.is_shared())
    for (const Signed& made : group)
      BASE_TRY_VOID(check_again(amendment.rows(), made.linted->checked()));
  BASE_TRY_VOID(store::insert(amendment.rows(), rows));
  BASE_TRY_VOID(append_to_log(amendment.rows(), entries));
  for (std::size_t i = 0; i < group.size(); ++i)
    BASE_TRY_VOID(finish(amendment, group[i], rows[i]));
  BASE_TRY_VOID(amendment.commit());
  return std::vector<Published>(group.size());
}

}  // namespace

std::vector<base::Result<Published>> publish(Ledger& ledger, const std::vector<Signed>& group) {
  std::vector<base::Result<Published>> results;
  std::vector<Signed> good;
  std::vector<std::size_t> places;
  for (const Signed& made : group) {
    auto checked = check_signer(made);
    results.emplace_back(Published());
    if (checked) good.push_back(made), places.push_back(results.size() - 1);
    else results.back() = base::unexpected(std::move(checked).error());
  }
  auto published =
      do_together<Published>(good, [&](std::span<const Signed> some) { return publish_together(ledger, some); });
  for (std::size_t i = 0; i < places.size(); ++i)
    results[places[i]] = std::move(published[i]);
  return results;
}

}  // namespace countersign::authority
