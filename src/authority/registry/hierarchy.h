// Hierarchy: the roots and issuing CAs of this provider, as the registry lists them. Certificates only; no key is here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "authority/registry/profile.h"
#include "feed/facts.h"
#include "store/registry.h"
#include "trust/trust_set.h"

namespace countersign::authority {

struct IssuingCa {
  std::string name;
  Root root;
  base::Environment environment;
  std::set<trust::Purpose> purposes;
  x509::Certificate certificate;
  std::uint32_t crl_shards;  ///< of how many its CRL consists, for ever
};

/// Immutable once loaded; thread-safe.
class Hierarchy {
 public:
  /// Fails: `registry.corrupt` when a row does not parse or an issuing CA is not signed by its root,
  /// `authority.not_established` when there is none.
  static base::Result<Hierarchy> load(store::Transaction& transaction);

  const std::vector<IssuingCa>& issuing_cas() const { return issuing_cas_; }
  const x509::Certificate& root(Root root) const { return roots_.at(root); }
  /// Null when no CA of ours issues that.
  const IssuingCa* find_issuer(base::Environment environment, trust::Purpose purpose) const;
  /// Null when there is no issuing CA of that name.
  const IssuingCa* find_issuing_ca(std::string_view name) const;

  /// The root, then the issuing CAs under it.
  std::vector<x509::Certificate> trust_chain(Root root) const;
  std::string trust_chain_pem(Root root) const { return x509::to_pem(trust_chain(root)); }
  base::Result<trust::TrustSet> to_trust_set() const;
  std::vector<feed::Fact> to_facts() const;
  /// Is `key` that of a root or issuing CA?
  bool has_key(const crypto::PublicKey& key) const;

 private:
  std::map<Root, x509::Certificate> roots_;
  std::vector<IssuingCa> issuing_cas_;
};

}  // namespace countersign::authority
