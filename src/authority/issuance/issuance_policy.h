// IssuancePolicy: what the provider's configuration adds to the closed profiles (profile.h), for each environment and
// purpose: how long certificates live, which kinds of key they may have, how many people must approve. It can only
// narrow what a profile allows; what it does not mention is as the profile says, without approval.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "authority/registry/profile.h"
#include "base/config.h"
#include "crypto/public_key.h"

namespace countersign::authority {

inline constexpr base::Duration kDefaultCertificateLife = std::chrono::hours(24 * 350);
inline constexpr base::Duration kShortestCertificateLife = std::chrono::hours(1);
inline constexpr base::Duration kLongestCertificateLife = std::chrono::hours(24 * 825);
inline constexpr int kMostApprovals = 9;
inline constexpr base::Duration kLongestLateRenewal = std::chrono::hours(24 * 30);

/// The rules for one environment and purpose.
struct IssuanceRules {
  base::Duration life = kDefaultCertificateLife;
  std::set<crypto::KeyType> key_types = {crypto::KeyType::rsa, crypto::KeyType::ec_p256, crypto::KeyType::ec_p384,
                                         crypto::KeyType::ed25519};
  int least_rsa_bits = 2048;
  int approvals = 0;                       ///< by so many operators, never the one who made the credential
  bool approve_renewals = true;            ///< do renewals need them, too
  std::vector<base::Slug> approvers = {};  ///< operators who may approve; empty: all
  base::Duration renew_after_expiry{};     ///< so long the last certificate, once it has ended, can be renewed; 0: not
};

/// Immutable; thread-safe.
class IssuancePolicy {
 public:
  /// The same life for everything, and nothing else.
  explicit IssuancePolicy(base::Duration life) { default_.life = life; }
  /// [[authority.profiles]]: each names `environment` and `purpose`, and what differs: `life`, `key_types` (of "rsa",
  /// "p256", "p384", "ed25519"), `least_rsa_bits`, `approvals`, `approve_renewals`, `approvers`,
  /// `danger_renew_after_expiry`. Fails: `config.value`
  /// naming the key, `environment.unknown`, `purpose.unknown`.
  static base::Result<IssuancePolicy> read(std::vector<base::ConfigSection> profiles, base::Duration life);

  const IssuanceRules& rules_for(base::Environment environment, trust::Purpose purpose) const;
  /// Where approvals are wanted of partners' certificates, but a single operator could make the other operators needed.
  bool can_be_outvoted_by_one() const;
  /// "production transport" for each profile that lets certificates be renewed after their end.
  std::vector<std::string> late_renewals() const;

 private:
  base::Result<void> add(base::ConfigSection& section);
  IssuanceRules default_;
  std::map<std::pair<base::Environment, trust::Purpose>, IssuanceRules> rules_;
};

/// Is `key` of a kind and size that the rules take? Fails: `key.not_allowed`, naming what is.
base::Result<void> check_key_kind(const IssuanceRules& rules, const crypto::PublicKey& key);

/// A life that certificates may be given. Fails: `config.value`.
base::Result<base::Duration> read_life(base::ConfigSection& section, std::string_view key, base::Duration otherwise);

}  // namespace countersign::authority
