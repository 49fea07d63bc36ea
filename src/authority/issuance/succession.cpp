#include "authority/issuance/succession.h"

#include <algorithm>
#include <utility>

#include "authority/registry/rows.h"

namespace countersign::authority {

using base::Kind;

base::Result<void> check_successors(store::Transaction& rows, const store::CertificateRow& held) {
  BASE_TRY(const auto successors, store::list_successors(rows, held.serial));
  const auto used = std::ranges::find_if(successors, [](const auto& row) { return row.first_seen_at.has_value(); });
  if (used != successors.end())
    return base::fail(Kind::denied, "renewal.superseded",
                      "this certificate was renewed, and its successor " + used->serial +
                          " is in use: renew with that one. If you do not know it, somebody else has your key: tell "
                          "the provider");
  const auto unused = std::ranges::count_if(successors, [](const auto& row) { return !row.revoked_at; });
  if (std::cmp_less(unused, kMostUnusedSuccessors)) return {};
  return base::fail(Kind::denied, "renewal.too_many",
                    "this certificate was renewed " + std::to_string(unused) +
                        " times, and none of the new ones has been used: use one of them, or ask an operator to "
                        "revoke them");
}

base::Result<void> check_is_last(store::Transaction& rows, const store::CertificateRow& held) {
  store::CertificateFilter filter;
  filter.of = {held.key.environment, held.key.organisation, held.key.application};
  filter.purpose = held.purpose;
  filter.limit = 1;
  BASE_TRY(const auto newest, store::list_certificates(rows, filter));
  BASE_TRY(const auto successors, store::list_successors(rows, held.serial));
  if (!newest.empty() && newest.front().serial == held.serial && successors.empty()) return {};
  return base::fail(
      Kind::denied, "renewal.not_last",
      "another certificate followed this one: renew with that, or ask the provider for an enrolment code");
}

tl::unexpected<base::Error> held_is_revoked() {
  return base::fail(Kind::denied, "certificate.revoked",
                    "this certificate was revoked, and renews nothing: ask the provider for an enrolment code");
}

base::Result<void> check_succession_again(store::Transaction& rows, const Checked& checked) {
  const Order& order = checked.order();
  if (!order.replaces) return {};
  BASE_TRY(const auto held, store::find_certificate(rows, *order.replaces));
  if (!held) return base::fail(Kind::corrupt, "registry.corrupt", "the certificate that is renewed is missing");
  if (held->revoked_at) return held_is_revoked();
  BASE_TRY(const auto successors, store::list_successors(rows, held->serial));
  if (std::ranges::find(successors, spki_sha256_hex(order.csr.public_key()), &store::CertificateRow::spki_sha256) !=
      successors.end())
    return base::fail(Kind::conflict, "renewal.answered",
                      "another authority has answered this very renewal in this moment: ask again");
  // When it was asked for, to the second. No handshake lets an ended one in: such an order came as a late renewal.
  const base::Instant asked_at = checked.spec().not_before + kBackdating;
  return held->not_after <= asked_at ? check_is_last(rows, *held) : check_successors(rows, *held);
}

}  // namespace countersign::authority
