#include "authority/revocation/bulk_revocation.h"

#include <algorithm>
#include <array>
#include <map>

#include "authority/registry/rows.h"
#include "crypto/digest.h"

namespace countersign::authority {
namespace {

using base::Kind;
using Rows = std::map<std::string, store::CertificateRow>;  ///< by serial

constexpr std::array<std::string_view, 3> kReasonsOfHolders = {kKeyCompromise, "superseded", "cessation_of_operation"};

base::Result<void> check_reason_of_holder(const std::string& reason) {
  if (std::ranges::find(kReasonsOfHolders, reason) != kReasonsOfHolders.end()) return {};
  return base::fail(Kind::invalid, "reason.unknown",
                    "for your own certificates give key_compromise, superseded or cessation_of_operation");
}

tl::unexpected<base::Error> too_many() {
  return base::fail(Kind::too_large, "revocation.too_many",
                    "at most " + std::to_string(kMostRevokedAtOnce) +
                        " certificates end at once: narrow the selection, by time of issue for example");
}

bool says_something(const RevocationOrder& order) {
  const store::CertificateSelection& selection = order.selection;
  return !order.serials.empty() || !selection.spki_sha256.empty() || !selection.of.environment.empty() ||
         !selection.of.organisation.empty() || !selection.of.application.empty() || selection.issued_from ||
         selection.issued_until;
}

base::Result<std::vector<store::CertificateRow>> find_serials(store::Transaction& rows,
                                                              const std::vector<std::string>& serials) {
  if (serials.size() > kMostRevokedAtOnce) return too_many();
  std::vector<store::CertificateRow> found;
  for (const std::string& text : serials) {
    BASE_TRY(const auto serial, x509::Serial::parse(text));
    BASE_TRY(auto row, store::find_certificate(rows, serial.hex()));
    if (!row)
      return base::fail(Kind::not_found, "certificate.unknown",
                        "there is no certificate with the serial number " + serial.hex());
    found.push_back(std::move(*row));
  }
  return found;
}

base::Result<std::vector<store::CertificateRow>> find(store::Transaction& rows, const RevocationOrder& order,
                                                      base::Instant now) {
  if (!order.serials.empty()) return find_serials(rows, order.serials);
  return store::list_selected(rows, order.selection, now, static_cast<int>(kMostRevokedAtOnce) + 1);
}

/// Would `reason` change anything about it?
bool can_end(const store::CertificateRow& row, const std::string& reason, base::Instant now) {
  if (row.not_after < now) return false;
  return !row.revoked_for || (reason == kKeyCompromise && row.revoked_for != kKeyCompromise);
}

base::Result<RevocationPlan> make_plan(store::Transaction& rows, const RevocationOrder& order, base::Instant now) {
  BASE_TRY_VOID(check_reason(order.reason));
  if (!says_something(order))
    return base::fail(Kind::invalid, "revocation.nothing_said",
                      "say which certificates: by serials, key, environment, organisation, application or time of "
                      "issue");
  BASE_TRY(const auto found, find(rows, order, now));
  Rows ending;
  for (const store::CertificateRow& row : found) {
    if (can_end(row, order.reason, now)) ending.emplace(row.serial, row);
    if (order.reason != kKeyCompromise) continue;
    BASE_TRY(auto others, list_of_same_key(rows, row, now));
    for (store::CertificateRow& other : others)
      ending.emplace(other.serial, std::move(other));
  }
  if (ending.size() > kMostRevokedAtOnce) return too_many();
  RevocationPlan plan;
  std::string text = "countersign revocation 1\n" + order.reason + "\n";
  for (auto& [serial, row] : ending) {
    text += serial + "\n";
    plan.certificates.push_back(std::move(row));
  }
  plan.plan_sha256 = base::to_hex(crypto::sha256(base::as_bytes(text)));
  return plan;
}

}  // namespace

base::Result<RevocationPlan> plan_revocation(Ledger& ledger, const RevocationOrder& order) {
  BASE_TRY(auto rows, ledger.read());
  return make_plan(rows, order, ledger.now());
}

base::Result<RevocationPlan> revoke_as_planned(Ledger& ledger, const Actor& actor, const RevocationOrder& order,
                                               const std::string& plan_sha256) {
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(auto plan, make_plan(amendment.rows(), order, ledger.now()));
  if (plan.plan_sha256 != plan_sha256)
    return base::fail(Kind::conflict, "revocation.changed",
                      "these are not the certificates that you looked at any more: look again");
  if (plan.certificates.empty()) return plan;
  for (store::CertificateRow& row : plan.certificates)
    BASE_TRY_VOID(end_certificate(amendment, actor, row, {order.reason, ledger.now()}));
  BASE_TRY_VOID(amendment.commit());
  return plan;
}

std::span<const std::string_view> reasons_of_holders() { return kReasonsOfHolders; }

base::Result<Revocation> revoke_own(Ledger& ledger, const base::Identity& holder, const x509::Serial& serial,
                                    const std::string& reason) {
  BASE_TRY_VOID(check_reason_of_holder(reason));
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY(const auto row, store::find_certificate(rows, serial.hex()));
    if (!row || row->key != to_key(holder))
      return base::fail(Kind::denied, "certificate.not_yours",
                        "there is no certificate with this serial number among those of " + holder.to_urn());
  }
  return revoke(ledger, {holder.to_urn()}, serial, reason);
}

base::Result<Revocation> revoke_for_organisation(Ledger& ledger, const base::Identity& person,
                                                 const x509::Serial& serial, const std::string& reason) {
  BASE_TRY_VOID(check_reason_of_holder(reason));
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY(const auto row, store::find_certificate(rows, serial.hex()));
    const bool in_reach = row && row->key.organisation == person.organisation.text() &&
                          row->key.environment != base::name(base::Environment::internal);
    if (!in_reach)
      return base::fail(Kind::not_found, "certificate.unknown",
                        "there is no certificate with the serial number " + serial.hex());
  }
  return revoke(ledger, {person.to_urn()}, serial, reason);
}

}  // namespace countersign::authority
