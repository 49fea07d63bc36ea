#include "ceremony/ca_profile.h"

#include <algorithm>
#include <array>

#include "ceremony/throw_away.h"
#include "crypto/strength.h"

namespace countersign::ceremony {
namespace {

using x509::Certificate;

constexpr std::size_t kSizeLimit = 8 * 1024;
/// RFC 5280 section 4.1.2.2; at least 64 bits that nobody can foresee.
constexpr std::size_t kSerialLeast = 8;
constexpr std::size_t kSerialMost = 20;
/// Clocks of the machine that signed and of the one that reads may differ so much.
constexpr base::Duration kClockSlack = std::chrono::minutes(10);

bool size_is_bounded(const Certificate& c, const CaRules&) { return c.der().size() <= kSizeLimit; }

bool serial_is_long(const Certificate& c, const CaRules&) {
  const std::size_t octets = c.serial().magnitude().size();
  return octets >= kSerialLeast && octets <= kSerialMost;
}

bool names_are_whole(const Certificate& c, const CaRules&) {
  const x509::Name& subject = c.subject();
  return !subject.common_name.empty() && subject.common_name.size() <= kCaNameLimit && !subject.organisation.empty() &&
         subject.organisation.size() <= kCaNameLimit && c.subject_alt_names().uris.empty() &&
         c.subject_alt_names().dns.empty();
}

bool issuer_is_named(const Certificate& c, const CaRules& rules) {
  if (rules.issuer == nullptr) return c.is_self_issued();
  return c.issuer().der == rules.issuer->subject().der && c.subject().der != c.issuer().der;
}

bool issuer_may_sign(const Certificate&, const CaRules& rules) {
  return rules.issuer == nullptr || (rules.issuer->is_ca() && rules.issuer->has_key_usage(x509::KeyUsage::cert_sign));
}

/// RFC 5280 sections 4.2.1.1, by which who signs for itself need not name itself, and 4.2.1.2.
bool key_ids_link(const Certificate& c, const CaRules& rules) {
  if (c.subject_key_id().empty()) return false;
  if (rules.issuer == nullptr) return c.authority_key_id().empty() || c.authority_key_id() == c.subject_key_id();
  return !c.authority_key_id().empty() && c.authority_key_id() == rules.issuer->subject_key_id();
}

bool key_usage_is_exact(const Certificate& c, const CaRules&) {
  const std::set<x509::KeyUsage> expected = {x509::KeyUsage::cert_sign, x509::KeyUsage::crl_sign};
  return c.key_usages() == std::optional(expected) && !c.extended_key_usages().has_value();
}

/// RFC 5280 section 4.2.1.9: an issuing CA lets none follow, and whoever follows a root is counted by it.
bool path_length_fits(const Certificate& c, const CaRules& rules) {
  const std::optional<int> own = c.path_length();
  if (!c.is_ca() || !own) return false;
  if (rules.rank == CaRank::issuing ? *own != 0 : *own < 1 || *own > kLongestPath) return false;
  if (rules.issuer == nullptr || !rules.issuer->path_length()) return true;
  return *own < *rules.issuer->path_length();
}

bool extensions_are_known(const Certificate& c, const CaRules&) {
  struct Allowed {
    std::string_view oid;
    bool critical;
    bool wanted;
  };
  constexpr std::array kAllowed = {
      Allowed{"2.5.29.19", true, true},           // basicConstraints
      Allowed{"2.5.29.15", true, true},           // keyUsage
      Allowed{"2.5.29.14", false, true},          // subjectKeyIdentifier
      Allowed{"2.5.29.35", false, false},         // authorityKeyIdentifier: the rule key_identifiers asks for it
      Allowed{"2.5.29.31", false, false},         // cRLDistributionPoints
      Allowed{"1.3.6.1.5.5.7.1.1", false, false}  // authorityInfoAccess
  };
  const std::vector<Certificate::Extension> found = c.extensions();
  std::size_t known = 0;
  for (const Allowed& one : kAllowed) {
    const auto count = std::ranges::count_if(
        found, [&](const Certificate::Extension& e) { return e.oid == one.oid && e.critical == one.critical; });
    if (count > 1 || (one.wanted && count == 0)) return false;
    known += static_cast<std::size_t>(count);
  }
  return known == found.size();
}

bool validity_is_bounded(const Certificate& c, const CaRules& rules) {
  const base::Duration longest = rules.rank == CaRank::root ? kLongestRootLife : kLongestIssuingLife;
  return c.not_before() < c.not_after() && c.not_after() - c.not_before() <= longest && c.not_after() > rules.now &&
         c.not_before() <= rules.now + kClockSlack;
}

bool lies_within_issuer(const Certificate& c, const CaRules& rules) {
  return rules.issuer == nullptr ||
         (c.not_before() >= rules.issuer->not_before() && c.not_after() <= rules.issuer->not_after());
}

bool key_is_the_one(const Certificate& c, const CaRules& rules) {
  return c.public_key().to_spki() == rules.key.to_spki();
}

bool key_is_strong(const Certificate& c, const CaRules&) {
  return crypto::check_strength(c.public_key(), crypto::KeyPolicy::certify).has_value();
}

bool signature_is_strong(const Certificate& c, const CaRules&) { return c.has_strong_signature(); }

struct Rule {
  std::string_view name;
  bool (*holds)(const Certificate&, const CaRules&);
  std::string_view wants;
};

constexpr std::array kRules = {
    Rule{"size", size_is_bounded, "at most 8 KiB"},
    Rule{"serial", serial_is_long, "a serial number of 8 to 20 octets, drawn at random"},
    Rule{"names", names_are_whole, "a common name and an organisation of 1 to 64 bytes, and no other names"},
    Rule{"issuer", issuer_is_named, "the name of its issuer, which is not its own unless it signs for itself"},
    Rule{"issuer_may_sign", issuer_may_sign, "an issuer that is a CA and may sign certificates"},
    Rule{"key_identifiers", key_ids_link, "the key identifiers of its own key and of its issuer's"},
    Rule{"key_usage", key_usage_is_exact, "keyCertSign and cRLSign, and no extended key usage"},
    Rule{"path_length", path_length_fits, "pathLen 0 for an issuing CA, 1 or 2 for a root, below that of its issuer"},
    Rule{"extensions", extensions_are_known, "no extension but those of CAs, each once, critical as RFC 5280 says"},
    Rule{"validity", validity_is_bounded, "that it is valid now, for at most 25 years (root) or 11 (issuing CA)"},
    Rule{"within_issuer", lies_within_issuer, "that it neither begins before its issuer nor ends after it"},
    Rule{"key", key_is_the_one, "the very key that was to be certified"},
    Rule{"key_strength", key_is_strong, "a key of P-256, P-384, Ed25519, or RSA from 2048 to 4096 bits"},
    Rule{"signature_algorithm", signature_is_strong, "a signature with SHA-256 or better"},
};

}  // namespace

base::Result<void> check_ca(const Certificate& certificate, const CaRules& rules) {
  for (const Rule& rule : kRules)
    if (!rule.holds(certificate, rules))
      return base::fail(base::Kind::invalid, "ca.profile",
                        "the certificate of '" + certificate.subject().text + "' breaks the rule '" +
                            std::string(rule.name) + "', which wants " + std::string(rule.wants));
  return {};
}

base::Result<Certificate> CaDraft::assemble(base::BytesView signature) const {
  BASE_TRY(auto certificate, x509::assemble(tbs_, signature));
  if (certificate.tbs_der() == tbs_.der && certificate.is_signed_by(signer_)) return certificate;
  return base::fail(base::Kind::internal, "ca.signature",
                    "what was signed is not what was linted, or not by the key of the issuer: it is thrown away");
}

base::Result<CaDraft> draft(const CaOrder& order, const Certificate* issuer, base::Instant now,
                            crypto::Random& random) {
  BASE_TRY(auto serial, x509::Serial::generate(random));
  const x509::CertificateSpec spec{
      .serial = std::move(serial),
      .subject = order.subject,
      .not_before = base::Instant::from_unix_seconds(order.not_before.unix_seconds()),
      .not_after = base::Instant::from_unix_seconds(order.not_after.unix_seconds()),
      .key = order.key,
      .key_usage = {x509::KeyUsage::cert_sign, x509::KeyUsage::crl_sign},
      .extended_key_usage = {},
      .subject_alt_names = {},
      .ca = x509::CertificateSpec::Ca{order.path_length},
      .crl_distribution_points = order.crl,
      .information_access = order.access,
  };
  crypto::PublicKey signer = issuer == nullptr ? order.key : issuer->public_key();
  BASE_TRY(auto tbs, issuer == nullptr ? x509::build_self_issued_tbs(spec)
                                       : x509::build_tbs(spec, *issuer, issuer->public_key()));
  BASE_TRY(auto shown, sign_for_show(tbs, signer));
  if (shown.tbs_der() != tbs.der)
    return base::fail(base::Kind::internal, "ca.profile", "the bytes changed while the certificate was put together");
  BASE_TRY_VOID(check_ca(shown, {order.rank, order.key, issuer, now}));
  return CaDraft(std::move(tbs), std::move(shown), std::move(signer));
}

}  // namespace countersign::ceremony
