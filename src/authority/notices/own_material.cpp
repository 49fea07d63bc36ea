#include "authority/notices/own_material.h"

#include <map>

#include "base/check.h"
#include "store/crls.h"
#include "store/statuses.h"

namespace countersign::authority {
namespace {

using Kind = OwnMaterial::Kind;

/// The issuers whose CRLs somebody looks at.
std::set<std::string> speaking(const Hierarchy& hierarchy, base::Instant now) {
  std::set<std::string> names;
  for (const RootCa& root : hierarchy.roots())
    if (root.is_trusted) names.insert(root.key_name());
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    if (Hierarchy::speaks(ca, now)) names.insert(ca.name);
  return names;
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::crl: return "CRL";
    case Kind::ocsp_responder: return "OCSP responder";
  }
  BASE_UNREACHABLE();
}

base::Result<std::vector<OwnMaterial>> list_own_material(store::Transaction& rows, const Hierarchy& hierarchy,
                                                         base::Instant now) {
  const std::set<std::string> wanted = speaking(hierarchy, now);
  std::map<std::string, OwnMaterial> first_over;
  BASE_TRY(const auto crls, store::list_crl_times(rows));
  for (const store::CrlTimes& crl : crls) {
    if (!wanted.contains(crl.key.issuer)) continue;
    OwnMaterial one{Kind::crl,
                    "crl:" + crl.key.issuer + ":" + std::to_string(crl.key.shard) + ":" + std::to_string(crl.number),
                    crl.key.issuer, crl.this_update, crl.next_update};
    const auto [known, is_new] = first_over.emplace(crl.key.issuer, one);
    if (!is_new && one.good_until < known->second.good_until) known->second = std::move(one);
  }
  std::vector<OwnMaterial> material;
  for (auto& [issuer, crl] : first_over)
    material.push_back(std::move(crl));
  for (const IssuingCa& ca : hierarchy.issuing_cas()) {
    if (!Hierarchy::speaks(ca, now)) continue;
    BASE_TRY(const auto newest, store::find_newest_responder(rows, ca.name));
    if (newest)
      material.push_back({Kind::ocsp_responder, newest->serial, ca.name, newest->issued_at, newest->not_after});
  }
  return material;
}

}  // namespace countersign::authority
