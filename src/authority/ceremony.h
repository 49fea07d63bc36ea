// The ceremony: makes the keys and certificates of all CAs, in memory. The only place where a root key signs.
#pragma once

#include <string>
#include <vector>

#include "authority/profile.h"
#include "authority/status_urls.h"
#include "crypto/private_key.h"
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
  crypto::PrivateKey key;
  x509::Certificate certificate;
  RootCrl crl;
};

struct NewIssuingCa {
  IssuingCaPlan plan;
  crypto::PrivateKey key;
  x509::Certificate certificate;
};

struct Ceremony {
  std::vector<NewRoot> roots;
  std::vector<NewIssuingCa> issuing_cas;
};

struct CeremonyPlan {
  const std::string& provider;
  base::Instant now;
  StatusUrls status_urls = {};  ///< what the issuing CAs' certificates name; empty: nothing
};

/// P-256 keys; roots for 20 years, issuing CAs for 10 with pathLen 0 (RFC 5280 section 4.2.1.9). Fails: as crypto and
/// x509.
base::Result<Ceremony> hold_ceremony(const CeremonyPlan& plan, crypto::Random& random);

/// The name of a root's key file, without ".pem".
std::string root_key_name(Root root);

}  // namespace countersign::authority
