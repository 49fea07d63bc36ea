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

/// A root, whatever its state. Of one line several may be believed: old and new.
struct RootCa {
  std::string name;  ///< "partner", from the second generation on "partner-2"
  Root line;
  std::int64_t generation;
  x509::Certificate certificate;
  bool is_trusted;                              ///< else retired
  std::vector<x509::Certificate> crosses = {};  ///< of it, by roots that are believed, too
  /// What its CRL, its certificate's place and its key file are named by.
  std::string key_name() const { return name + "-root"; }
};

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
  std::string root_name = {};  ///< which of the line has signed it
};

/// All there are, whatever their state. Belongs to the registry's thread: what rotates is loaded anew between two jobs
/// there, which ends every IssuingCa that was handed out.
class Hierarchy {
 public:
  /// Fails: `registry.corrupt` when a row does not parse or an issuing CA is not signed by its root,
  /// `authority.not_established` when there is none.
  static base::Result<Hierarchy> load(store::Transaction& transaction);

  const std::vector<IssuingCa>& issuing_cas() const { return issuing_cas_; }
  /// In order of line and generation.
  const std::vector<RootCa>& roots() const { return roots_; }
  /// The newest of the line that is believed.
  const RootCa& newest_root(Root line) const;
  const x509::Certificate& root(Root line) const { return newest_root(line).certificate; }
  /// The one of the first run, believed or not: what is named by a root is named by this one for ever.
  const x509::Certificate& first_root(Root line) const;
  /// What has signed `ca`.
  const RootCa& root_of(const IssuingCa& ca) const;
  /// Null when there is no root of that name.
  const RootCa* find_root(std::string_view name) const;
  /// What is presented between a certificate of `ca` and the roots of old, for those who do not know the new one yet:
  /// cross certificates of its root by roots that are believed.
  const std::vector<x509::Certificate>& crosses_above(const IssuingCa& ca) const { return root_of(ca).crosses; }
  /// What holders of its certificates present behind them: `ca`, and for those of the provider, whom others verify, the
  /// cross certificates above it.
  std::vector<x509::Certificate> chain_of(const IssuingCa& ca) const;
  /// The active one. Null when no CA of ours issues that.
  const IssuingCa* find_issuer(base::Environment environment, trust::Purpose purpose) const;
  /// Null when there is no issuing CA of that name.
  const IssuingCa* find_issuing_ca(std::string_view name) const;

  /// Does it say anything about its certificates at `now`?
  static bool speaks(const IssuingCa& ca, base::Instant now) {
    return ca.state != CaState::prepared && now <= ca.speaks_until;
  }

  /// What stands above partners' certificates of this purpose: the partner roots, then the issuing CAs that are
  /// believed. Never the provider root: a partner that trusted this list for incoming calls would take other partners
  /// for the provider.
  std::vector<x509::Certificate> cas_above(trust::Purpose purpose) const;
  /// The roots of the line that are believed, oldest first, then the issuing CAs under them that are believed.
  std::vector<x509::Certificate> trust_chain(Root root) const;
  std::string trust_chain_pem(Root root) const { return x509::to_pem(trust_chain(root)); }
  base::Result<trust::TrustSet> to_trust_set() const;
  std::vector<feed::Fact> to_facts() const;
  /// Is `key` that of a root or issuing CA, or of one that is being prepared?
  bool has_key(const crypto::PublicKey& key) const;

 private:
  std::vector<RootCa> roots_;
  std::vector<IssuingCa> issuing_cas_;
  std::set<std::string> prospective_keys_;  ///< SHA-256 of SPKIs, hexadecimal
};

/// As the feed tells of it.
feed::RootFact to_fact(const RootCa& root);
/// Why it is over, as followers are told.
trust::WithdrawnCa to_withdrawn(const IssuingCa& ca);

}  // namespace countersign::authority
