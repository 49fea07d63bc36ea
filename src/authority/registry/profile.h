// Profiles: the closed tables that say what each purpose is, who may have it, and which CA issues it. Nothing else in
// the authority decides any of the three.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/identity.h"
#include "trust/purpose.h"
#include "x509/certificate_builder.h"

namespace countersign::authority {

/// What a certificate of one purpose says, to the letter (RFC 5280 sections 4.2.1.3 and 4.2.1.12).
struct Profile {
  std::set<x509::KeyUsage> key_usage;
  std::vector<std::string> extended_key_usage;
  bool carries_server_names = false;
  /// Names the CRL and the OCSP responder by which it can be checked (RFC 5280 sections 4.2.1.13 and 4.2.2.1).
  bool names_status = true;
  x509::OcspNoCheck ocsp_no_check = x509::OcspNoCheck::no;
  std::optional<base::Duration> life = {};  ///< absent: as configured
};
Profile profile_of(trust::Purpose purpose);

/// Every purpose, in order.
std::span<const trust::Purpose> all_purposes();
/// The purposes an application may have certificates for, by where it lives; empty: none, no such application may
/// exist.
std::vector<trust::Purpose> purposes_of(base::Environment environment, const base::Slug& organisation);
bool may_have(const base::Identity& identity, trust::Purpose purpose);

/// urn:countersign:internal:service:ocsp: the one identity that has `ocsp` certificates, one of each issuing CA. Nobody
/// can enrol for one: the authority makes them for itself, and only it can order them.
base::Identity ocsp_identity();
/// Short, since nobody can ask whether it was revoked (RFC 6960 section 4.2.2.2.1).
inline constexpr base::Duration kOcspResponderLife = std::chrono::hours(48);

/// The partner root vouches for partners, the provider root for the platform and its calls to partners. They are two,
/// so that a partner who trusts the provider's chain does not thereby trust the other partners.
enum class Root { partner, provider };
std::string_view name(Root root);
/// Fails: `root.unknown`.
base::Result<Root> parse_root(std::string_view text);

/// An issuing CA as first run makes it. `name` is also that of its key file.
struct IssuingCaPlan {
  std::string_view name;
  std::string_view title;  ///< follows the provider's name in the CN
  Root root;
  base::Environment environment;
  std::vector<trust::Purpose> purposes;
};
std::vector<IssuingCaPlan> issuing_ca_plans();

}  // namespace countersign::authority
