#include "authority/enrolment/renewal.h"

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
