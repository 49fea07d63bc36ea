// The ceremony: has the keys of all CAs made and makes their certificates. The only place where a root key signs.
#pragma once

#include <string>
#include <vector>

#include "authority/founding/ca_keys.h"
#include "authority/registry/profile.h"
#include "authority/registry/status_urls.h"
#include "crypto/random.h"
#include "x509/crl.h"

namespace countersign::authority {

inline constexpr base::Duration kRootLife = std::chrono::hours(24 * 365 * 20 + 24 * 5);
inline constexpr base::Duration kIssuingCaLife = std::chrono::hours(24 * 365 * 10 + 24 * 2);

/// Root keys are open at the ceremony only, so the one CRL of a root, which lists nobody, is made there and is good for
/// as long as its issuing CAs. To end an issuing CA before its time takes the root key.
struct RootCrl {
  x509::CrlSpec spec;
  x509::TbsCrl tbs;
  base::Bytes der;
};

struct NewRoot {
  Root root;
  x509::Certificate certificate;
  RootCrl crl;
};

struct NewIssuingCa {
  IssuingCaPlan plan;
  x509::Certificate certificate;
};

struct Ceremony {
  std::vector<NewRoot> roots;
  std::vector<NewIssuingCa> issuing_cas;
};

/// What a ceremony borrows.
struct CeremonySupplies {
  CaKeys& keys;
  crypto::Random& random;
};

struct CeremonyPlan {
  const std::string& provider;
  base::Instant now;
  StatusUrls status_urls = {};  ///< what the issuing CAs' certificates name; empty: nothing
};

/// Roots for 20 years, issuing CAs for 10 with pathLen 0 (RFC 5280 section 4.2.1.9). Fails: as CaKeys and x509.
base::Result<Ceremony> hold_ceremony(const CeremonyPlan& plan, const CeremonySupplies& supplies);

/// The name of a root's key file, without ".pem".
std::string root_key_name(Root root);

}  // namespace countersign::authority
