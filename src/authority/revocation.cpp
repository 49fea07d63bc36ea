#include "authority/revocation.h"

#include <algorithm>
#include <array>

#include "authority/rows.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr std::string_view kKeyCompromise = "key_compromise";
constexpr std::array<std::string_view, 6> kReasons = {"unspecified", kKeyCompromise,           "affiliation_changed",
                                                      "superseded",  "cessation_of_operation", "privilege_withdrawn"};

base::Result<void> check_reason(const std::string& reason) {
  if (std::ranges::find(kReasons, reason) != kReasons.end()) return {};
  std::string list;
  for (const std::string_view known : kReasons)
    list += (list.empty() ? "" : ", ") + std::string(known);
  return base::fail(Kind::invalid, "reason.unknown",
                    "'" + reason.substr(0, 40) + "' is not a reason: use one of " + list);
}

}  // namespace

std::span<const std::string_view> revocation_reasons() { return kReasons; }

base::Result<store::CertificateRow> revoke(Ledger& ledger, const Actor& actor, const x509::Serial& serial,
                                           const std::string& reason) {
  BASE_TRY_VOID(check_reason(reason));
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(auto row, store::find_certificate(amendment.rows(), serial.hex()));
  if (!row)
    return base::fail(Kind::not_found, "certificate.unknown",
                      "there is no certificate with the serial number " + serial.hex());
  if (row->revoked_for == reason) return std::move(*row);
  if (row->revoked_for && reason != kKeyCompromise)
    return base::fail(Kind::conflict, "certificate.already_revoked",
                      "the certificate was revoked before, for " + *row->revoked_for);
  if (!row->revoked_at) row->revoked_at = ledger.now();
  row->revoked_for = reason;
  BASE_TRY_VOID(store::revoke_certificate(amendment.rows(), row->serial, reason, *row->revoked_at));
  BASE_TRY(auto fact, to_fact(*row));
  const std::string urn = fact.identity.to_urn();
  BASE_TRY_VOID(amendment.audit({actor, "certificate.revoked", urn, {{"serial", row->serial}, {"reason", reason}}}));
  BASE_TRY_VOID(amendment.publish(std::move(fact)));
  BASE_TRY_VOID(amendment.commit());
  return std::move(*row);
}

std::string_view status_of(const store::CertificateRow& row, base::Instant now) {
  if (row.revoked_at) return "revoked";
  return row.not_after < now ? "expired" : "valid";
}

}  // namespace countersign::authority
