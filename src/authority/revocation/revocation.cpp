#include "authority/revocation/revocation.h"

#include <algorithm>
#include <array>

#include "authority/registry/operators.h"
#include "authority/registry/own_identities.h"
#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr std::array<std::string_view, 6> kReasons = {"unspecified", kKeyCompromise,           "affiliation_changed",
                                                      "superseded",  "cessation_of_operation", "privilege_withdrawn"};

/// The certificate that the authority shows its callers is its newest one for servers.
base::Result<void> refuse_our_own(store::Transaction& rows, const store::CertificateRow& row, base::Instant now) {
  if (row.key != to_key(authority_identity()) || row.purpose != trust::name(trust::Purpose::server)) return {};
  store::CertificateFilter filter;
  filter.of = {row.key.environment, row.key.organisation, row.key.application};
  filter.purpose = row.purpose;
  filter.status = store::CertificateStatus::valid;
  filter.now = now;
  filter.limit = 1;
  BASE_TRY(const auto newest, store::list_certificates(rows, filter));
  if (newest.empty() || newest.front().serial != row.serial) return {};
  return base::fail(Kind::conflict, "certificate.in_use",
                    "this is the certificate of the authority itself, and nobody would talk to it: stop it, remove "
                    "server.key from its folder, start it, and then revoke this one, which it has replaced");
}

}  // namespace

std::span<const std::string_view> revocation_reasons() { return kReasons; }

base::Result<void> check_reason(const std::string& reason) {
  if (std::ranges::find(kReasons, reason) != kReasons.end()) return {};
  std::string list;
  for (const std::string_view known : kReasons)
    list += (list.empty() ? "" : ", ") + std::string(known);
  return base::fail(Kind::invalid, "reason.unknown",
                    "'" + reason.substr(0, 40) + "' is not a reason: use one of " + list);
}

base::Result<void> end_certificate(Amendment& amendment, const Actor& actor, store::CertificateRow& row,
                                   const Ending& ending) {
  BASE_TRY_VOID(refuse_our_own(amendment.rows(), row, ending.at));
  if (!row.revoked_at) row.revoked_at = ending.at;
  row.revoked_for = ending.reason;
  BASE_TRY_VOID(store::revoke_certificate(amendment.rows(), row.serial, ending.reason, *row.revoked_at));
  BASE_TRY(auto fact, to_fact(row));
  BASE_TRY_VOID(keep_an_operator(amendment.rows(), fact.identity, ending.at));
  const std::string urn = fact.identity.to_urn();
  BASE_TRY_VOID(
      amendment.audit({actor, "certificate.revoked", urn, {{"serial", row.serial}, {"reason", ending.reason}}}));
  amendment.publish(std::move(fact));
  return {};
}

base::Result<std::vector<store::CertificateRow>> list_of_same_key(store::Transaction& rows,
                                                                  const store::CertificateRow& named,
                                                                  base::Instant now) {
  BASE_TRY(auto found, store::list_certificates_of_key(rows, named.spki_sha256));
  std::erase_if(found, [&](const store::CertificateRow& row) {
    return row.serial == named.serial || row.not_after < now || row.revoked_for == kKeyCompromise;
  });
  return found;
}

base::Result<Revocation> revoke(Ledger& ledger, const Actor& actor, const x509::Serial& serial,
                                const std::string& reason) {
  BASE_TRY_VOID(check_reason(reason));
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(auto named, store::find_certificate(amendment.rows(), serial.hex()));
  if (!named)
    return base::fail(Kind::not_found, "certificate.unknown",
                      "there is no certificate with the serial number " + serial.hex());
  if (named->revoked_for && named->revoked_for != reason && reason != kKeyCompromise)
    return base::fail(Kind::conflict, "certificate.already_revoked",
                      "the certificate was revoked before, for " + *named->revoked_for);
  Revocation done{std::move(*named)};
  bool changed = false;
  if (done.certificate.revoked_for != reason) {
    BASE_TRY_VOID(end_certificate(amendment, actor, done.certificate, {reason, ledger.now()}));
    changed = true;
  }
  if (reason == kKeyCompromise) {
    BASE_TRY(done.of_same_key, list_of_same_key(amendment.rows(), done.certificate, ledger.now()));
    for (store::CertificateRow& row : done.of_same_key)
      BASE_TRY_VOID(end_certificate(amendment, actor, row, {reason, ledger.now()}));
    changed = changed || !done.of_same_key.empty();
  }
  if (changed) BASE_TRY_VOID(amendment.commit());
  return done;
}

std::string_view status_of(const store::CertificateRow& row, base::Instant now) {
  if (row.revoked_at) return "revoked";
  return row.not_after < now ? "expired" : "valid";
}

}  // namespace countersign::authority
