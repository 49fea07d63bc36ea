// The first step of issuance: may this be issued at all, and what exactly would it say?
#pragma once

#include <optional>

#include "authority/hierarchy.h"
#include "authority/ledger.h"
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
};

/// An order that the registry of today allows, with every word of the certificate written. Made only by check().
class Checked {
 public:
  const Order& order() const { return order_; }
  const IssuingCa& issuer() const { return *issuer_; }
  const x509::CertificateSpec& spec() const { return spec_; }
  /// The names of servers that the registry allows; empty unless the purpose carries them.
  const std::vector<std::string>& server_names() const { return server_names_; }

 private:
  friend class Checker;
  Checked(Order order, const IssuingCa& issuer, x509::CertificateSpec spec, std::vector<std::string> server_names)
      : order_(std::move(order)), issuer_(&issuer), spec_(std::move(spec)), server_names_(std::move(server_names)) {}
  Order order_;
  const IssuingCa* issuer_;
  x509::CertificateSpec spec_;
  std::vector<std::string> server_names_;
};

/// notBefore lies this much in the past, for clocks that are behind.
inline constexpr base::Duration kBackdating = std::chrono::minutes(5);

/// What a check found in the registry, once more: another authority may have suspended, revoked or certified since.
/// `rows` must be those of the amendment that relies on it. Fails: as Checker::check, `application.changed` when its
/// server names are others now.
base::Result<void> check_again(store::Transaction& rows, const Checked& checked);

class Checker {
 public:
  /// Borrows all; `life` is that of certificates, cut where the issuer's own ends earlier.
  Checker(Ledger& ledger, const Hierarchy& hierarchy, crypto::Random& random, base::Duration life)
      : ledger_(ledger), hierarchy_(hierarchy), random_(random), life_(life) {}

  /// The application exists and is not suspended, may have this purpose, and its key passes key_policy.h. Every name
  /// comes from the registry. Fails: `organisation.unknown`, `application.unknown`, `organisation.suspended`,
  /// `application.suspended`, `application.no_server_names`, `purpose.not_allowed`, `issuer.expired`, and as
  /// check_key().
  base::Result<Checked> check(const Order& order) const;

 private:
  base::Result<x509::CertificateSpec> write_spec(const Order& order, const IssuingCa& issuer,
                                                 const std::vector<std::string>& server_names) const;
  Ledger& ledger_;
  const Hierarchy& hierarchy_;
  crypto::Random& random_;
  base::Duration life_;
};

}  // namespace countersign::authority
