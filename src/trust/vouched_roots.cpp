#include "trust/vouched_roots.h"

#include <algorithm>

namespace countersign::trust {

using x509::Certificate;

bool vouches_for(const Certificate& cross, const Certificate& root, const Certificate& issuer) {
  const std::optional<int> follows = cross.path_length();
  const bool is_for_a_root =
      cross.is_ca() && cross.has_key_usage(x509::KeyUsage::cert_sign) && (!follows || *follows > 0);
  return is_for_a_root && cross.subject().der == root.subject().der &&
         cross.public_key().to_spki() == root.public_key().to_spki() && cross.issuer().der == issuer.subject().der &&
         cross.is_signed_by(issuer.public_key());
}

std::vector<Certificate> believed_roots(const std::vector<Certificate>& installed,
                                        const std::vector<ProposedRoot>& proposed, base::Instant at) {
  std::vector<Certificate> vouching = installed;
  std::vector<bool> taken(proposed.size());
  const auto is_believed = [&](const ProposedRoot& root) {
    if (std::ranges::find(vouching, root.certificate) != vouching.end()) return true;
    return std::ranges::any_of(root.crosses, [&](const Certificate& cross) {
      return cross.not_before() <= at && at <= cross.not_after() &&
             std::ranges::any_of(
                 vouching, [&](const Certificate& issuer) { return vouches_for(cross, root.certificate, issuer); });
    });
  };
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = 0; i < proposed.size(); ++i) {
      if (taken[i] || !is_believed(proposed[i])) continue;
      taken[i] = grew = true;
      vouching.push_back(proposed[i].certificate);
    }
  }
  std::vector<Certificate> believed;
  for (std::size_t i = 0; i < proposed.size(); ++i)
    if (taken[i]) believed.push_back(proposed[i].certificate);
  return believed;
}

}  // namespace countersign::trust
