// Hierarchy: the roots and issuing CAs of this provider, as the registry lists them. Certificates only; no key is here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "authority/registry/ca_state.h"
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
  std::string line;          ///< the role: of the CAs of one line one issues at a time
  std::int64_t generation;
  CaState state;
  /// Until then it says what became of its certificates, by CRL and OCSP: the end of the last one, or its own.
  base::Instant speaks_until;
};

/// All there are, whatever their state. Belongs to the registry's thread: what rotates is loaded anew between two jobs
/// there, which ends every IssuingCa that was handed out.
class Hierarchy {
 public:
  /// Fails: `registry.corrupt` when a row does not parse or an issuing CA is not signed by its root,
  /// `authority.not_established` when there is none.
  static base::Result<Hierarchy> load(store::Transaction& transaction);

  const std::vector<IssuingCa>& issuing_cas() const { return issuing_cas_; }
  const x509::Certificate& root(Root root) const { return roots_.at(root); }
  /// The active one. Null when no CA of ours issues that.
  const IssuingCa* find_issuer(base::Environment environment, trust::Purpose purpose) const;
  /// Null when there is no issuing CA of that name.
  const IssuingCa* find_issuing_ca(std::string_view name) const;

  /// Does it say anything about its certificates at `now`?
  static bool speaks(const IssuingCa& ca, base::Instant now) {
    return ca.state != CaState::prepared && now <= ca.speaks_until;
  }

  /// What stands above partners' certificates of this purpose: the partner root, then the issuing CAs that are
  /// believed. Never the provider root: a partner that trusted this list for incoming calls would take other partners
  /// for the provider.
  std::vector<x509::Certificate> cas_above(trust::Purpose purpose) const;
  /// The root, then the issuing CAs under it that are believed.
  std::vector<x509::Certificate> trust_chain(Root root) const;
  std::string trust_chain_pem(Root root) const { return x509::to_pem(trust_chain(root)); }
  base::Result<trust::TrustSet> to_trust_set() const;
  std::vector<feed::Fact> to_facts() const;
  /// Is `key` that of a root or issuing CA, or of one that is being prepared?
  bool has_key(const crypto::PublicKey& key) const;

 private:
  std::map<Root, x509::Certificate> roots_;
  std::vector<IssuingCa> issuing_cas_;
  std::set<std::string> prospective_keys_;  ///< SHA-256 of SPKIs, hexadecimal
};

/// Why it is over, as followers are told.
trust::WithdrawnCa to_withdrawn(const IssuingCa& ca);

}  // namespace countersign::authority
