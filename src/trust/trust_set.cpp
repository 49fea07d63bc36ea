#include "trust/trust_set.h"

#include <algorithm>

namespace countersign::trust {
namespace {

using Certificates = std::vector<x509::Certificate>;

/// Did one of `issuers` issue it?
bool is_under(const x509::Certificate& certificate, const Certificates& issuers) {
  return std::ranges::any_of(issuers, [&](const x509::Certificate& issuer) {
    return issuer.subject().der == certificate.issuer().der && certificate.is_signed_by(issuer.public_key());
  });
}

/// Those of `all` that lead to one of `issuers`, over others of `all` too; the certificates of what was taken join
/// `issuers`.
template <class Ca>
std::vector<Ca> take_under(std::vector<Ca> all, Certificates& issuers) {
  std::vector<Ca> taken;
  for (bool grew = true; grew;) {
    grew = false;
    for (auto ca = all.begin(); ca != all.end();) {
      if (!is_under(ca->certificate, issuers)) {
        ++ca;
        continue;
      }
      issuers.push_back(ca->certificate);
      taken.push_back(std::move(*ca));
      ca = all.erase(ca);
      grew = true;
    }
  }
  return taken;
}

}  // namespace

base::Result<TrustSet> TrustSet::of_proposed(std::vector<ProposedRoot> roots, std::vector<IssuingCa> issuing_cas,
                                             std::uint64_t generation, std::vector<WithdrawnCa> withdrawn) {
  const auto is_gone = [&](const auto& ca) {
    return std::ranges::any_of(withdrawn, [&](const WithdrawnCa& gone) { return gone.certificate == ca.certificate; });
  };
  std::erase_if(issuing_cas, is_gone);
  std::erase_if(roots, is_gone);
  if (roots.empty() || issuing_cas.empty())
    return base::fail(base::Kind::invalid, "trust.empty",
                      "there is no root or no issuing CA to trust: nobody could be verified");
  std::vector<x509::Certificate> intermediates;
  for (const IssuingCa& ca : issuing_cas)
    intermediates.push_back(ca.certificate);
  for (const WithdrawnCa& gone : withdrawn)
    if (!gone.certificate.is_self_issued()) intermediates.push_back(gone.certificate);
  std::vector<x509::Certificate> certificates;
  for (const ProposedRoot& root : roots)
    certificates.push_back(root.certificate);
  BASE_TRY(x509::AnchorSet anchors, x509::AnchorSet::make(std::move(certificates), std::move(intermediates)));
  return TrustSet(std::move(anchors), std::move(roots), std::move(issuing_cas), std::move(withdrawn), generation);
}

base::Result<TrustSet> TrustSet::of_issuers(const std::vector<x509::Certificate>& roots,
                                            std::vector<IssuingCa> issuing_cas, std::uint64_t generation,
                                            std::vector<WithdrawnCa> withdrawn) {
  std::vector<ProposedRoot> alone;
  for (const x509::Certificate& root : roots)
    alone.push_back({root});
  return of_proposed(std::move(alone), std::move(issuing_cas), generation, std::move(withdrawn));
}

base::Result<TrustSet> TrustSet::of_roots(std::vector<x509::Certificate> roots,
                                          std::vector<x509::Certificate> intermediates) {
  if (roots.empty())
    return base::fail(base::Kind::invalid, "trust.empty", "there is no root to trust: nobody could be verified");
  BASE_TRY(x509::AnchorSet anchors, x509::AnchorSet::make(std::move(roots), std::move(intermediates)));
  return TrustSet(std::move(anchors), {}, {}, {}, 0);
}

base::Result<TrustSet> TrustSet::narrowed_to(const std::vector<x509::Certificate>& roots, base::Instant at) const {
  const Certificates anchors = believed_roots(roots, roots_, at);
  std::vector<ProposedRoot> kept;
  for (const ProposedRoot& root : roots_)
    if (std::ranges::find(anchors, root.certificate) != anchors.end()) kept.push_back(root);
  Certificates issuers = anchors;
  std::vector<IssuingCa> issuing_cas = take_under(issuing_cas_, issuers);
  std::vector<WithdrawnCa> withdrawn = take_under(withdrawn_, issuers);
  return of_proposed(std::move(kept), std::move(issuing_cas), generation_, std::move(withdrawn));
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
