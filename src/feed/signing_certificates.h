// SigningCertificates: the Signing Certificates that the trust feed tells, by whose they are: what message signatures
// are checked with. Thread-safe.
//
// That one is here says nothing about whether it is believed: its chain and the registry's word on it (trust::admit)
// do, each time it is used. So a revocation needs no word here.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/identity.h"
#include "crypto/digest.h"

namespace countersign::feed {

struct SigningCertificate {
  base::Identity identity;  ///< as the authority tells it; the certificate must say the same
  base::Bytes der;
};

class SigningCertificates {
 public:
  /// No application has more that are looked at; the newest count.
  static constexpr std::size_t kMost = 64;

  struct Kept {
    SigningCertificate told;
    crypto::Digest256 fingerprint;
  };
  using Pointer = std::shared_ptr<const Kept>;

  void add(const SigningCertificate& certificate);
  void replace(const std::vector<SigningCertificate>& all);
  /// Newest first.
  std::vector<Pointer> of_application(const base::Identity& identity) const;
  /// Of all applications of its organisation in its environment.
  std::vector<Pointer> of_organisation(const base::Identity& identity) const;
  std::size_t size() const;

 private:
  using ByOrganisation = std::unordered_map<std::string, std::vector<Pointer>>;
  static void put(ByOrganisation& all, const SigningCertificate& certificate);

  mutable std::mutex mutex_;  ///< once a signed request
  ByOrganisation by_organisation_;
};

}  // namespace countersign::feed
