#include "authority/enrolment/renewal.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "base/check.h"

namespace countersign::authority {
namespace {

using base::Kind;
using trust::Purpose;

}  // namespace

bool may_renew(Purpose held, Purpose wanted) {
  switch (held) {
    case Purpose::transport: return wanted == Purpose::transport || wanted == Purpose::signing;
    case Purpose::service: return wanted == Purpose::service || wanted == Purpose::server;
    case Purpose::ehi: return wanted == Purpose::ehi || wanted == Purpose::signing;
    case Purpose::person: return wanted == Purpose::person;
    case Purpose::signing:
    case Purpose::server:
    case Purpose::ocsp: return false;
  }
  BASE_UNREACHABLE();
}

base::Result<store::CertificateRow> find_held_certificate(store::Transaction& rows, const RenewalOrder& order,
                                                          const crypto::PublicKey& key) {
  BASE_TRY(auto held, store::find_certificate_by_fingerprint(rows, base::to_hex(order.held_fingerprint)));
  if (!held)
    return base::fail(Kind::not_found, "certificate.unknown", "the registry does not know the certificate you hold");
  if (held->spki_sha256 == spki_sha256_hex(key))
    return base::fail(Kind::denied, "key.reused",
                      "a renewal needs a new key, and this is the one you have: make a new key and a new CSR");
  return std::move(*held);
}

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

base::Result<std::size_t> note_seen(Ledger& ledger, const Actor& by, const std::vector<std::string>& fingerprints) {
  BASE_TRY(auto amendment, ledger.amend());
  base::json::array seen;
  for (const std::string& fingerprint : fingerprints) {
    BASE_TRY(const bool is_new, store::see_certificate(amendment.rows(), fingerprint, ledger.now()));
    if (is_new) seen.emplace_back(fingerprint);
  }
  const std::size_t count = seen.size();
  if (count == 0) return count;
  BASE_TRY_VOID(amendment.audit({by, "certificate.seen", by.name, {{"fingerprints", std::move(seen)}}}));
  BASE_TRY_VOID(amendment.commit());
  return count;
}

}  // namespace countersign::authority
