#include "authority/registry/refused_certificates.h"

#include <algorithm>

#include "store/certificates.h"

namespace countersign::authority {

base::Result<std::size_t> note_refusals(Ledger& ledger, const std::string& gateway,
                                        const std::vector<feed::RefusalCount>& counts) {
  const base::Instant now = ledger.now();
  BASE_TRY(auto rows, ledger.write_unaudited());
  BASE_TRY_VOID(store::forget_refusals(rows, now - kRefusalMemory));
  std::vector<store::ApplicationKey> touched;
  std::size_t noted = 0;
  for (const feed::RefusalCount& one : counts) {
    BASE_TRY(const auto certificate, store::find_certificate_by_fingerprint(rows, one.fingerprint));
    if (!certificate) continue;
    const store::RefusalRow row{.key = certificate->key,
                                .fingerprint = one.fingerprint,
                                .reason = std::string(trust::name(one.reason)),
                                .serial = certificate->serial,
                                .times = one.count,
                                .first_seen_at = std::min(one.first, now),
                                .last_seen_at = std::min(one.last, now),
                                .gateway = gateway};
    BASE_TRY_VOID(store::add_refusals(rows, row));
    if (std::ranges::find(touched, row.key) == touched.end()) touched.push_back(row.key);
    ++noted;
  }
  for (const store::ApplicationKey& key : touched)
    BASE_TRY_VOID(store::keep_newest_refusals(rows, key, kRefusalsOfApplication));
  BASE_TRY_VOID(rows.commit());
  return noted;
}

}  // namespace countersign::authority
