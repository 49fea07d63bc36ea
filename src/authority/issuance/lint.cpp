#include "authority/issuance/lint.h"

#include <algorithm>
#include <array>

#include "authority/issuance/serial_number.h"
#include "authority/registry/server_names.h"
#include "ceremony/throw_away.h"
#include "crypto/strength.h"

namespace countersign::authority {
namespace {

using x509::Certificate;

/// A certificate of ours is about 700 bytes, with an RSA-4096 key and many names a few thousand.
constexpr std::size_t kSizeLimit = 8 * 1024;
/// Between check and lint the clock goes on, on a busy machine for seconds, and notBefore was cut to a whole one.
constexpr base::Duration kClockSlack = std::chrono::minutes(1);
/// Longer than any configuration may ask for.
constexpr base::Duration kLongestLife = std::chrono::hours(24 * 826);

bool size_is_bounded(const Certificate& c, const LintRules&) { return c.der().size() <= kSizeLimit; }

bool serial_is_ours(const Certificate& c, const LintRules&) {
  const base::Bytes octets = c.serial().magnitude();
  return octets.size() == kSerialOctets && octets.front() >= 0x01 && octets.front() <= 0x7f;
}

/// RFC 5280 sections 4.1.2.4, 4.2.1.1.
bool issuer_is_named(const Certificate& c, const LintRules& rules) {
  return c.issuer().der == rules.issuer.subject().der && rules.issuer.is_ca();
}

bool key_ids_link(const Certificate& c, const LintRules& rules) {
  return !c.subject_key_id().empty() && !c.authority_key_id().empty() &&
         c.authority_key_id() == rules.issuer.subject_key_id() && c.subject_key_id() != c.authority_key_id();
}

/// Slugs hold no '=', so the text of a name has one for each attribute.
bool subject_is_registered(const Certificate& c, const LintRules& rules) {
  const x509::Name& subject = c.subject();
  return subject.common_name == rules.identity.application.text() &&
         subject.organisation == rules.identity.organisation.text() &&
         subject.organisational_unit == base::name(rules.identity.environment) &&
         std::ranges::count(subject.text, '=') == 3;
}

bool names_are_registered(const Certificate& c, const LintRules& rules) {
  const bool wanted = profile_of(rules.purpose).carries_server_names;
  if (wanted == rules.server_names.empty()) return false;
  const x509::SubjectAltNames expected = to_subject_alt_names(rules.identity.to_urn(), rules.server_names);
  const x509::SubjectAltNames& found = c.subject_alt_names();
  return found.uris == expected.uris && found.dns == expected.dns && found.ip_addresses == expected.ip_addresses &&
         !found.has_others;
}

bool key_usage_is_exact(const Certificate& c, const LintRules& rules) {
  return c.key_usages() == std::optional(profile_of(rules.purpose).key_usage);
}

bool extended_key_usage_is_exact(const Certificate& c, const LintRules& rules) {
  const std::vector<std::string> expected = profile_of(rules.purpose).extended_key_usage;
  const auto& found = c.extended_key_usages();
  return expected.empty() ? !found.has_value() : found == std::optional(expected);
}

bool is_no_ca(const Certificate& c, const LintRules&) { return !c.is_ca(); }

bool extensions_are_known(const Certificate& c, const LintRules& rules) {
  struct Allowed {
    std::string_view oid;
    bool critical;
    bool wanted = true;
  };
  const Profile profile = profile_of(rules.purpose);
  const bool names_status = profile.names_status && !rules.status.urls.empty();
  const std::array allowed = {
      Allowed{"2.5.29.19", true},                                        // basicConstraints
      Allowed{"2.5.29.15", true},                                        // keyUsage
      Allowed{"2.5.29.37", false, !profile.extended_key_usage.empty()},  // extKeyUsage
      Allowed{"2.5.29.17", false},                                       // subjectAltName
      Allowed{"2.5.29.14", false},                                       // subjectKeyIdentifier
      Allowed{"2.5.29.35", false},                                       // authorityKeyIdentifier
      Allowed{"2.5.29.31", false, names_status},                         // cRLDistributionPoints
      Allowed{"1.3.6.1.5.5.7.1.1", false, names_status},                 // authorityInfoAccess
      Allowed{x509::oid::kOcspNoCheck, false, profile.ocsp_no_check == x509::OcspNoCheck::yes},
  };
  const std::vector<Certificate::Extension> found = c.extensions();
  for (const Allowed& extension : allowed) {
    const auto same = [&](const Certificate::Extension& e) {
      return e.oid == extension.oid && e.critical == extension.critical;
    };
    if (std::ranges::count_if(found, same) != (extension.wanted ? 1 : 0)) return false;
  }
  return found.size() == static_cast<std::size_t>(std::ranges::count_if(allowed, &Allowed::wanted));
}

/// RFC 5280 section 4.2.1.13: the one CRL that this serial belongs to, and no other.
bool crl_is_its_own(const Certificate& c, const LintRules& rules) {
  const x509::UrlList& found = c.crl_distribution_points();
  std::vector<std::string> expected;
  if (profile_of(rules.purpose).names_status && !rules.status.urls.empty())
    expected = {rules.status.urls.crl(rules.status.ca, crl_shard_of(c.serial(), rules.status.crl_shards))};
  return found.urls == expected && !found.has_others;
}

/// RFC 5280 section 4.2.2.1: our OCSP responder, and the certificate of its own issuer.
bool access_is_exact(const Certificate& c, const LintRules& rules) {
  const x509::InformationAccess& found = c.information_access();
  std::vector<std::string> ocsp;
  std::vector<std::string> ca_issuers;
  if (profile_of(rules.purpose).names_status && !rules.status.urls.empty()) {
    ocsp = {rules.status.urls.ocsp()};
    ca_issuers = {rules.status.urls.ca(rules.status.ca)};
  }
  return found.ocsp == ocsp && found.ca_issuers == ca_issuers && !found.has_others;
}

bool validity_is_bounded(const Certificate& c, const LintRules& rules) {
  const std::optional<base::Duration> life = profile_of(rules.purpose).life;
  const base::Duration longest = life ? *life + kBackdating + kClockSlack : kLongestLife;
  return c.not_before() <= rules.now && c.not_before() >= rules.now - kBackdating - kClockSlack &&
         c.not_after() > rules.now && c.not_after() - c.not_before() <= longest;
}

bool lies_within_issuer(const Certificate& c, const LintRules& rules) {
  return c.not_before() >= rules.issuer.not_before() && c.not_after() <= rules.issuer.not_after();
}

bool key_is_the_one_proved(const Certificate& c, const LintRules& rules) {
  return c.public_key().to_spki() == rules.key.to_spki() &&
         crypto::check_strength(c.public_key(), crypto::KeyPolicy::certify).has_value();
}

bool signature_is_strong(const Certificate& c, const LintRules&) { return c.has_strong_signature(); }

struct Rule {
  std::string_view name;
  bool (*holds)(const Certificate&, const LintRules&);
};

constexpr std::array kRules = {
    Rule{"size", size_is_bounded},
    Rule{"serial", serial_is_ours},
    Rule{"issuer", issuer_is_named},
    Rule{"key_identifiers", key_ids_link},
    Rule{"subject", subject_is_registered},
    Rule{"subject_alt_names", names_are_registered},
    Rule{"key_usage", key_usage_is_exact},
    Rule{"extended_key_usage", extended_key_usage_is_exact},
    Rule{"basic_constraints", is_no_ca},
    Rule{"extensions", extensions_are_known},
    Rule{"validity", validity_is_bounded},
    Rule{"within_issuer", lies_within_issuer},
    Rule{"key", key_is_the_one_proved},
    Rule{"signature_algorithm", signature_is_strong},
    Rule{"crl", crl_is_its_own},
    Rule{"information_access", access_is_exact},
};

}  // namespace

base::Result<void> apply_rules(const Certificate& certificate, const LintRules& rules) {
  for (const Rule& rule : kRules)
    if (!rule.holds(certificate, rules))
      return base::fail(base::Kind::internal, "lint.failed",
                        "the certificate for " + rules.identity.to_urn() + " breaks the rule '" +
                            std::string(rule.name) + "' and is not signed");
  return {};
}

base::Result<Linted> lint(Approved approved, base::Instant now) {
  const Checked& checked = approved.checked();
  const x509::Certificate& issuer = checked.issuer().certificate;
  BASE_TRY(auto tbs, x509::build_tbs(checked.spec(), issuer, issuer.public_key()));
  BASE_TRY(Certificate shown, ceremony::sign_for_show(tbs, issuer.public_key()));
  if (shown.tbs_der() != tbs.der)
    return base::fail(base::Kind::internal, "lint.failed",
                      "the bytes to be signed changed while the certificate was put together");
  const Order& order = checked.order();
  const crypto::PublicKey key = order.csr.public_key();
  const IssuingCa& ca = checked.issuer();
  const LintRules rules{order.identity,
                        order.purpose,
                        checked.server_names(),
                        key,
                        issuer,
                        now,
                        {checked.status_urls(), ca.name, ca.crl_shards}};
  BASE_TRY_VOID(apply_rules(shown, rules));
  return Linted(std::move(approved), std::move(tbs), std::move(shown));
}

}  // namespace countersign::authority
