#include "authority/registry/hierarchy.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "authority/registry/status_urls.h"
#include "base/check.h"
#include "store/issuers.h"
#include "store/statuses.h"

namespace countersign::authority {
namespace {

tl::unexpected<base::Error> corrupt(std::string detail) {
  return base::fail(base::Kind::corrupt, "registry.corrupt", std::move(detail) + "; restore a backup of the registry");
}

/// The last CRL lists what was revoked before the last certificate ended (RFC 5280 section 3.3).
constexpr base::Duration kStatusAfterlife = std::chrono::hours(24);

base::Result<IssuingCa> to_issuing_ca(const store::IssuingCaRow& row, const RootCa& root) {
  const auto environment = base::parse_environment(row.environment);
  if (!environment) return corrupt("the issuing CA '" + row.name + "' does not parse");
  std::set<trust::Purpose> purposes;
  for (const std::string& text : row.purposes) {
    BASE_TRY(const trust::Purpose purpose, to_purpose(text));
    purposes.insert(purpose);
  }
  BASE_TRY(auto certificate, to_certificate(row.der));
  if (row.crl_shards < 1 || row.crl_shards > kCrlShardLimit)
    return corrupt("the issuing CA '" + row.name + "' has no possible number of CRLs");
  BASE_TRY(const CaState state, parse_ca_state(row.state));
  const base::Instant end = certificate.not_after();
  return IssuingCa{row.name,
                   root.line,
                   *environment,
                   std::move(purposes),
                   std::move(certificate),
                   static_cast<std::uint32_t>(row.crl_shards),
                   row.line,
                   row.generation,
                   state,
                   end,
                   root.name};
}

/// A CA that issues no more has nothing to say once the last of its certificates has ended.
base::Result<void> set_end(store::Transaction& rows, IssuingCa& ca) {
  if (ca.state != CaState::superseded && !is_over(ca.state)) return {};
  BASE_TRY(const auto last, store::find_last_end(rows, ca.name));
  ca.speaks_until = std::min(ca.speaks_until, last.value_or(base::Instant{}) + kStatusAfterlife);
  return {};
}

}  // namespace

namespace {

base::Result<std::vector<RootCa>> load_roots(store::Transaction& transaction) {
  BASE_TRY(const auto rows, store::list_roots(transaction));
  std::vector<RootCa> roots;
  for (const store::RootRow& row : rows) {
    const auto line = parse_root(row.line);
    if (!line) return corrupt("the root '" + row.name + "' is none of ours");
    BASE_TRY(auto certificate, to_certificate(row.der));
    roots.push_back({row.name, *line, row.generation, std::move(certificate), row.state == store::kTrustedRoot});
  }
  BASE_TRY(const auto crosses, store::list_cross_certificates(transaction));
  for (const store::CrossCertificateRow& row : crosses) {
    const auto of = std::ranges::find(roots, row.root, &RootCa::name);
    const auto by = std::ranges::find(roots, row.issuer, &RootCa::name);
    BASE_TRY(auto certificate, to_certificate(row.der));
    if (of == roots.end() || by == roots.end() || !trust::vouches_for(certificate, of->certificate, by->certificate))
      return corrupt("a cross certificate of the root '" + row.root + "' is none of it");
    if (by->is_trusted) of->crosses.push_back(std::move(certificate));
  }
  return roots;
}

bool has_one_of_each(const std::vector<RootCa>& roots) {
  const auto has = [&](Root line) {
    return std::ranges::any_of(roots, [&](const RootCa& root) { return root.line == line && root.is_trusted; });
  };
  return has(Root::partner) && has(Root::provider);
}

}  // namespace

base::Result<Hierarchy> Hierarchy::load(store::Transaction& transaction) {
  Hierarchy hierarchy;
  BASE_TRY(hierarchy.roots_, load_roots(transaction));
  BASE_TRY(const auto ca_rows, store::list_issuing_cas(transaction));
  if (hierarchy.roots_.empty() && ca_rows.empty())
    return base::fail(base::Kind::not_found, "authority.not_established", "the registry holds no root yet");
  if (!has_one_of_each(hierarchy.roots_)) return corrupt("a root is missing");
  for (const store::IssuingCaRow& row : ca_rows) {
    const RootCa* root = hierarchy.find_root(row.root);
    if (root == nullptr) return corrupt("the root of the issuing CA '" + row.name + "' is missing");
    BASE_TRY(IssuingCa ca, to_issuing_ca(row, *root));
    if (!ca.certificate.is_signed_by(root->certificate.public_key()))
      return corrupt("the issuing CA '" + row.name + "' is not signed by its root");
    BASE_TRY_VOID(set_end(transaction, ca));
    hierarchy.issuing_cas_.push_back(std::move(ca));
  }
  BASE_TRY(const auto prospective, store::list_prospective_cas(transaction));
  for (const store::ProspectiveCaRow& row : prospective)
    hierarchy.prospective_keys_.insert(row.spki_sha256);
  return hierarchy;
}

const RootCa& Hierarchy::newest_root(Root line) const {
  const RootCa* newest = nullptr;
  for (const RootCa& root : roots_)
    if (root.line == line && root.is_trusted) newest = &root;
  BASE_CHECK(newest != nullptr);  // load() has seen one of each
  return *newest;
}

const x509::Certificate& Hierarchy::first_root(Root line) const {
  const auto first = std::ranges::find(roots_, line, &RootCa::line);
  BASE_CHECK(first != roots_.end());  // load() has seen one of each
  return first->certificate;
}

const RootCa* Hierarchy::find_root(std::string_view name) const {
  const auto found = std::ranges::find(roots_, name, &RootCa::name);
  return found == roots_.end() ? nullptr : &*found;
}

const RootCa& Hierarchy::root_of(const IssuingCa& ca) const {
  const RootCa* root = find_root(ca.root_name);
  BASE_CHECK(root != nullptr);  // load() found it
  return *root;
}

std::vector<x509::Certificate> Hierarchy::chain_of(const IssuingCa& ca) const {
  std::vector<x509::Certificate> chain = {ca.certificate};
  if (ca.root == Root::provider) chain.insert(chain.end(), crosses_above(ca).begin(), crosses_above(ca).end());
  return chain;
}

feed::RootFact to_fact(const RootCa& root) { return {root.certificate, root.crosses}; }

const IssuingCa* Hierarchy::find_issuer(base::Environment environment, trust::Purpose purpose) const {
  const auto found = std::ranges::find_if(issuing_cas_, [&](const IssuingCa& ca) {
    return ca.state == CaState::active && ca.environment == environment && ca.purposes.contains(purpose);
  });
  return found == issuing_cas_.end() ? nullptr : &*found;
}

const IssuingCa* Hierarchy::find_issuing_ca(std::string_view name) const {
  const auto found = std::ranges::find(issuing_cas_, name, &IssuingCa::name);
  return found == issuing_cas_.end() ? nullptr : &*found;
}

std::vector<x509::Certificate> Hierarchy::cas_above(trust::Purpose purpose) const {
  std::vector<x509::Certificate> certificates;
  for (const RootCa& root : roots_)
    if (root.line == Root::partner && root.is_trusted) certificates.push_back(root.certificate);
  for (const IssuingCa& ca : issuing_cas_)
    if (ca.purposes.contains(purpose) && is_trusted(ca.state)) certificates.push_back(ca.certificate);
  return certificates;
}

trust::WithdrawnCa to_withdrawn(const IssuingCa& ca) {
  return {ca.certificate,
          ca.state == CaState::withdrawn ? trust::WithdrawalCause::compromised : trust::WithdrawalCause::retired};
}

std::vector<x509::Certificate> Hierarchy::trust_chain(Root root) const {
  std::vector<x509::Certificate> chain;
  for (const RootCa& one : roots_)
    if (one.line == root && one.is_trusted) chain.push_back(one.certificate);
  for (const IssuingCa& ca : issuing_cas_)
    if (ca.root == root && is_trusted(ca.state)) chain.push_back(ca.certificate);
  return chain;
}

base::Result<trust::TrustSet> Hierarchy::to_trust_set() const {
  std::vector<x509::Certificate> roots;
  for (const RootCa& root : roots_)
    if (root.is_trusted) roots.push_back(root.certificate);
  std::vector<trust::IssuingCa> cas;
  std::vector<trust::WithdrawnCa> withdrawn;
  for (const IssuingCa& ca : issuing_cas_) {
    if (is_trusted(ca.state)) cas.push_back({ca.certificate, ca.environment, ca.purposes});
    if (is_over(ca.state)) withdrawn.push_back(to_withdrawn(ca));
  }
  return trust::TrustSet::of_issuers(std::move(roots), std::move(cas), 1, std::move(withdrawn));
}

std::vector<feed::Fact> Hierarchy::to_facts() const {
  std::vector<feed::Fact> facts;
  for (const RootCa& root : roots_) {
    if (root.is_trusted) facts.emplace_back(to_fact(root));
    else facts.emplace_back(trust::WithdrawnCa{root.certificate, trust::WithdrawalCause::retired});
  }
  for (const IssuingCa& ca : issuing_cas_) {
    if (is_trusted(ca.state)) facts.emplace_back(trust::IssuingCa{ca.certificate, ca.environment, ca.purposes});
    if (is_over(ca.state)) facts.emplace_back(to_withdrawn(ca));
  }
  return facts;
}

bool Hierarchy::has_key(const crypto::PublicKey& key) const {
  const crypto::Digest256 digest = key.spki_sha256();
  const auto same = [&](const x509::Certificate& certificate) {
    return certificate.public_key().spki_sha256() == digest;
  };
  return prospective_keys_.contains(base::to_hex(digest)) ||
         std::ranges::any_of(roots_, [&](const RootCa& root) { return same(root.certificate); }) ||
         std::ranges::any_of(issuing_cas_, [&](const IssuingCa& ca) { return same(ca.certificate); });
}

}  // namespace countersign::authority
