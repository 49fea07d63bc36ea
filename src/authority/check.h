// The first step of issuance: may this be issued at all, and what exactly would it say?
#pragma once

#include <optional>

#include "authority/hierarchy.h"
#include "authority/ledger.h"
#include "authority/status_urls.h"
#include "crypto/random.h"
#include "x509/certificate_builder.h"
#include "x509/csr.h"

namespace countersign::authority {

/// What somebody wants. Of the CSR only the key counts, whose possession was proved when it was parsed (law 2).
struct Order {
  base::Identity identity;
  trust::Purpose purpose;
  x509::Csr csr;
  Actor asked_by;
  std::optional<std::string> code_sha256 = {};  ///< the enrolment code to be redeemed by this issuance
  const IssuingCa* speaks_for = nullptr;        ///< for purpose `ocsp`, and only then: the CA that is to issue it
};

/// An order that the registry of today allows, with every word of the certificate written. Made only by check().
class Checked {
 public:
  const Order& order() const { return order_; }
  const IssuingCa& issuer() const { return *issuer_; }
  const x509::CertificateSpec& spec() const { return spec_; }
  /// The names of servers that the registry allows; empty unless the purpose carries them.
  const std::vector<std::string>& server_names() const { return server_names_; }
  /// Where this authority publishes the status of what it issues.
  const StatusUrls& status_urls() const { return status_urls_; }

 private:
  friend class Checker;
  Checked(Order order, const IssuingCa& issuer, x509::CertificateSpec spec, std::vector<std::string> server_names,
          StatusUrls status_urls)
      : order_(std::move(order)),
        issuer_(&issuer),
        spec_(std::move(spec)),
        server_names_(std::move(server_names)),
        status_urls_(std::move(status_urls)) {}
  Order order_;
  const IssuingCa* issuer_;
  x509::CertificateSpec spec_;
  std::vector<std::string> server_names_;
  StatusUrls status_urls_;
};

/// notBefore lies this much in the past, for clocks that are behind.
inline constexpr base::Duration kBackdating = std::chrono::minutes(5);

class Checker {
 public:
  struct Terms {
    base::Duration life;          ///< of certificates, cut where the issuer's own ends earlier
    StatusUrls status_urls = {};  ///< what they say of where their status is published
  };
  /// Borrows all but the terms.
  Checker(Ledger& ledger, const Hierarchy& hierarchy, crypto::Random& random, Terms terms)
      : ledger_(ledger), hierarchy_(hierarchy), random_(random), terms_(std::move(terms)) {}

  /// The application exists and is not suspended, may have this purpose, and its key passes key_policy.h. Every name
  /// comes from the registry. Fails: `organisation.unknown`, `application.unknown`, `organisation.suspended`,
  /// `application.suspended`, `application.no_server_names`, `purpose.not_allowed`, `issuer.expired`, and as
  /// check_key().
  base::Result<Checked> check(const Order& order) const;

 private:
  base::Result<const IssuingCa*> find_issuer(const Order& order) const;
  base::Result<x509::CertificateSpec> write_spec(const Order& order, const IssuingCa& issuer,
                                                 const std::vector<std::string>& server_names) const;
  Ledger& ledger_;
  const Hierarchy& hierarchy_;
  crypto::Random& random_;
  Terms terms_;
};

}  // namespace countersign::authority
