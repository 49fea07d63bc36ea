#include "authority/issuance/issuance_policy.h"

#include <algorithm>
#include <array>
#include <utility>

namespace countersign::authority {
namespace {

using base::Kind;
using crypto::KeyType;

constexpr std::array kKeyTypes = {KeyType::rsa, KeyType::ec_p256, KeyType::ec_p384, KeyType::ed25519};
/// The largest RSA key that is certified; a larger one costs every handshake more than it is worth.
constexpr std::int64_t kMostRsaBits = 4096;
constexpr std::int64_t kLeastRsaBits = 2048;

std::string_view config_name(KeyType type) {
  switch (type) {
    case KeyType::rsa: return "rsa";
    case KeyType::ec_p256: return "p256";
    case KeyType::ec_p384: return "p384";
    case KeyType::ed25519: return "ed25519";
    case KeyType::other: return "other";
  }
  return "other";
}

tl::unexpected<base::Error> bad_value(const base::ConfigSection& section, std::string_view key, std::string detail) {
  return base::fail(Kind::invalid, "config.value", "'" + section.path_of(key) + "' " + std::move(detail));
}

struct Range {
  std::int64_t least;
  std::int64_t most;
};

base::Result<int> read_whole(base::ConfigSection& section, std::string_view key, int otherwise, Range range) {
  BASE_TRY(const std::int64_t value, section.integer_or(key, otherwise));
  if (value < range.least || value > range.most)
    return bad_value(section, key, "must be from " + std::to_string(range.least) + " to " + std::to_string(range.most));
  return static_cast<int>(value);
}

base::Result<std::set<KeyType>> read_key_types(base::ConfigSection& section, std::set<KeyType> otherwise) {
  BASE_TRY(const auto texts, section.texts("key_types"));
  if (!section.has("key_types")) return otherwise;
  std::set<KeyType> types;
  for (const std::string& text : texts) {
    const auto found = std::ranges::find(kKeyTypes, text, config_name);
    if (found == kKeyTypes.end())
      return bad_value(section, "key_types", "knows no '" + text.substr(0, 40) + "': use rsa, p256, p384, ed25519");
    types.insert(*found);
  }
  if (types.empty()) return bad_value(section, "key_types", "must name one kind of key at least");
  return types;
}

base::Result<std::vector<base::Slug>> read_approvers(base::ConfigSection& section) {
  BASE_TRY(const auto texts, section.texts("approvers"));
  std::vector<base::Slug> approvers;
  for (const std::string& text : texts) {
    auto slug = base::Slug::parse(text);
    if (!slug)
      return base::unexpected(std::move(slug).error().under(
          "config.value", "'" + section.path_of("approvers") + "' must hold names of operators, such as \"admin\""));
    approvers.push_back(std::move(*slug));
  }
  return approvers;
}

}  // namespace

base::Result<base::Duration> read_life(base::ConfigSection& section, std::string_view key, base::Duration otherwise) {
  BASE_TRY(const base::Duration life, section.duration_or(key, otherwise));
  if (life < kShortestCertificateLife || life > kLongestCertificateLife)
    return bad_value(section, key, "must be between 1h and 825d");
  return life;
}

base::Result<void> IssuancePolicy::add(base::ConfigSection& section) {
  BASE_TRY(const std::string environment_text, section.text("environment"));
  BASE_TRY(const base::Environment environment, base::parse_environment(environment_text));
  BASE_TRY(const std::string purpose_text, section.text("purpose"));
  BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(purpose_text));
  IssuanceRules rules = default_;
  BASE_TRY(rules.life, read_life(section, "life", default_.life));
  BASE_TRY(rules.key_types, read_key_types(section, rules.key_types));
  BASE_TRY(rules.least_rsa_bits,
           read_whole(section, "least_rsa_bits", rules.least_rsa_bits, {kLeastRsaBits, kMostRsaBits}));
  BASE_TRY(rules.approvers, read_approvers(section));
  BASE_TRY(rules.approvals, read_whole(section, "approvals", 0, {0, kMostApprovals}));
  BASE_TRY(rules.approve_renewals, section.flag_or("approve_renewals", true));
  BASE_TRY(rules.renew_after_expiry, section.duration_or("danger_renew_after_expiry", base::Duration::zero()));
  if (rules.renew_after_expiry < base::Duration::zero() || rules.renew_after_expiry > kLongestLateRenewal)
    return bad_value(section, "danger_renew_after_expiry", "must be from 0s to 30d");
  if (!rules.approvers.empty() && std::cmp_less(rules.approvers.size(), rules.approvals))
    return bad_value(section, "approvers", "must name at least as many operators as there are approvals needed");
  if (!rules_.emplace(std::pair(environment, purpose), std::move(rules)).second)
    return bad_value(section, "purpose", "has a profile for this environment already");
  return {};
}

base::Result<IssuancePolicy> IssuancePolicy::read(std::vector<base::ConfigSection> profiles, base::Duration life) {
  IssuancePolicy policy(life);
  for (base::ConfigSection& section : profiles)
    BASE_TRY_VOID(policy.add(section));
  return policy;
}

const IssuanceRules& IssuancePolicy::rules_for(base::Environment environment, trust::Purpose purpose) const {
  const auto found = rules_.find({environment, purpose});
  return found == rules_.end() ? default_ : found->second;
}

bool IssuancePolicy::can_be_outvoted_by_one() const {
  const bool wanted = std::ranges::any_of(rules_, [](const auto& entry) { return entry.second.approvals > 0; });
  return wanted && rules_for(base::Environment::internal, trust::Purpose::service).approvals == 0;
}

std::vector<std::string> IssuancePolicy::late_renewals() const {
  std::vector<std::string> late;
  for (const auto& [of, rules] : rules_)
    if (rules.renew_after_expiry > base::Duration::zero())
      late.push_back(std::string(base::name(of.first)) + " " + std::string(trust::name(of.second)));
  return late;
}

base::Result<void> check_key_kind(const IssuanceRules& rules, const crypto::PublicKey& key) {
  const bool long_enough = key.type() != KeyType::rsa || key.bits() >= rules.least_rsa_bits;
  if (rules.key_types.contains(key.type()) && long_enough) return {};
  std::string allowed;
  for (const KeyType type : rules.key_types) {
    allowed += (allowed.empty() ? "" : ", ") + std::string(config_name(type));
    if (type == KeyType::rsa) allowed += " of at least " + std::to_string(rules.least_rsa_bits) + " bits";
  }
  return base::fail(
      Kind::denied, "key.not_allowed",
      "keys of this kind are not certified for this purpose here: make a new key (" + allowed + ") and a new CSR");
}

}  // namespace countersign::authority
