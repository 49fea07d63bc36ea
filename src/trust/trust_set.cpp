#include "trust/trust_set.h"

#include <algorithm>

namespace countersign::trust {

base::Result<TrustSet> TrustSet::of_issuers(std::vector<x509::Certificate> roots, std::vector<IssuingCa> issuing_cas,
                                            std::uint64_t generation, std::vector<WithdrawnCa> withdrawn) {
  std::erase_if(issuing_cas, [&](const IssuingCa& ca) {
    return std::ranges::any_of(withdrawn, [&](const WithdrawnCa& gone) { return gone.certificate == ca.certificate; });
  });
  if (roots.empty() || issuing_cas.empty())
    return base::fail(base::Kind::invalid, "trust.empty",
                      "there is no root or no issuing CA to trust: nobody could be verified");
  std::vector<x509::Certificate> intermediates;
  for (const IssuingCa& ca : issuing_cas)
    intermediates.push_back(ca.certificate);
  for (const WithdrawnCa& gone : withdrawn)
    intermediates.push_back(gone.certificate);
  BASE_TRY(x509::AnchorSet anchors, x509::AnchorSet::make(std::move(roots), std::move(intermediates)));
  return TrustSet(std::move(anchors), std::move(issuing_cas), std::move(withdrawn), generation);
}

base::Result<TrustSet> TrustSet::of_roots(std::vector<x509::Certificate> roots,
                                          std::vector<x509::Certificate> intermediates) {
  if (roots.empty())
    return base::fail(base::Kind::invalid, "trust.empty", "there is no root to trust: nobody could be verified");
  BASE_TRY(x509::AnchorSet anchors, x509::AnchorSet::make(std::move(roots), std::move(intermediates)));
  return TrustSet(std::move(anchors), {}, {}, 0);
}

const IssuingCa* TrustSet::find_issuing_ca(const x509::Certificate& certificate) const {
  for (const IssuingCa& ca : issuing_cas_)
    if (ca.certificate == certificate) return &ca;
  return nullptr;
}

const WithdrawnCa* TrustSet::find_withdrawn(const x509::Certificate& certificate) const {
  const auto found = std::ranges::find(withdrawn_, certificate, &WithdrawnCa::certificate);
  return found == withdrawn_.end() ? nullptr : &*found;
}

}  // namespace countersign::trust
