#include "authority/registry/hierarchy.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "authority/registry/status_urls.h"
#include "store/issuers.h"

namespace countersign::authority {
namespace {

tl::unexpected<base::Error> corrupt(std::string detail) {
  return base::fail(base::Kind::corrupt, "registry.corrupt", std::move(detail) + "; restore a backup of the registry");
}

base::Result<IssuingCa> to_issuing_ca(const store::IssuingCaRow& row) {
  const auto root = parse_root(row.root);
  const auto environment = base::parse_environment(row.environment);
  if (!root || !environment) return corrupt("the issuing CA '" + row.name + "' does not parse");
  std::set<trust::Purpose> purposes;
  for (const std::string& text : row.purposes) {
    BASE_TRY(const trust::Purpose purpose, to_purpose(text));
    purposes.insert(purpose);
  }
  BASE_TRY(auto certificate, to_certificate(row.der));
  if (row.crl_shards < 1 || row.crl_shards > kCrlShardLimit)
    return corrupt("the issuing CA '" + row.name + "' has no possible number of CRLs");
  return IssuingCa{row.name,
                   *root,
                   *environment,
                   std::move(purposes),
                   std::move(certificate),
                   static_cast<std::uint32_t>(row.crl_shards)};
}

}  // namespace

base::Result<Hierarchy> Hierarchy::load(store::Transaction& transaction) {
  Hierarchy hierarchy;
  BASE_TRY(const auto root_rows, store::list_roots(transaction));
  for (const store::RootRow& row : root_rows) {
    const auto root = parse_root(row.name);
    if (!root) return corrupt("the root '" + row.name + "' is none of ours");
    BASE_TRY(auto certificate, to_certificate(row.der));
    hierarchy.roots_.emplace(*root, std::move(certificate));
  }
  BASE_TRY(const auto ca_rows, store::list_issuing_cas(transaction));
  if (root_rows.empty() && ca_rows.empty())
    return base::fail(base::Kind::not_found, "authority.not_established", "the registry holds no root yet");
  if (hierarchy.roots_.size() != 2) return corrupt("a root is missing");
  for (const store::IssuingCaRow& row : ca_rows) {
    BASE_TRY(IssuingCa ca, to_issuing_ca(row));
    if (!ca.certificate.is_signed_by(hierarchy.root(ca.root).public_key()))
      return corrupt("the issuing CA '" + row.name + "' is not signed by its root");
    hierarchy.issuing_cas_.push_back(std::move(ca));
  }
  return hierarchy;
}

const IssuingCa* Hierarchy::find_issuer(base::Environment environment, trust::Purpose purpose) const {
  const auto found = std::ranges::find_if(issuing_cas_, [&](const IssuingCa& ca) {
    return ca.environment == environment && ca.purposes.contains(purpose);
  });
  return found == issuing_cas_.end() ? nullptr : &*found;
}

const IssuingCa* Hierarchy::find_issuing_ca(std::string_view name) const {
  const auto found = std::ranges::find(issuing_cas_, name, &IssuingCa::name);
  return found == issuing_cas_.end() ? nullptr : &*found;
}

std::vector<x509::Certificate> Hierarchy::trust_chain(Root root) const {
  std::vector<x509::Certificate> chain = {roots_.at(root)};
  for (const IssuingCa& ca : issuing_cas_)
    if (ca.root == root) chain.push_back(ca.certificate);
  return chain;
}

base::Result<trust::TrustSet> Hierarchy::to_trust_set() const {
  std::vector<x509::Certificate> roots;
  for (const auto& [root, certificate] : roots_)
    roots.push_back(certificate);
  std::vector<trust::IssuingCa> cas;
  for (const IssuingCa& ca : issuing_cas_)
    cas.push_back({ca.certificate, ca.environment, ca.purposes});
  return trust::TrustSet::of_issuers(std::move(roots), std::move(cas), 1);
}

std::vector<feed::Fact> Hierarchy::to_facts() const {
  std::vector<feed::Fact> facts;
  for (const auto& [root, certificate] : roots_)
    facts.emplace_back(feed::RootFact{certificate});
  for (const IssuingCa& ca : issuing_cas_)
    facts.emplace_back(trust::IssuingCa{ca.certificate, ca.environment, ca.purposes});
  return facts;
}

bool Hierarchy::has_key(const crypto::PublicKey& key) const {
  const crypto::Digest256 digest = key.spki_sha256();
  const auto same = [&](const x509::Certificate& certificate) {
    return certificate.public_key().spki_sha256() == digest;
  };
  return std::ranges::any_of(roots_, [&](const auto& entry) { return same(entry.second); }) ||
         std::ranges::any_of(issuing_cas_, [&](const IssuingCa& ca) { return same(ca.certificate); });
}

}  // namespace countersign::authority
