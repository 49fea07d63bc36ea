// The first step of issuance: may this be issued at all, and what exactly would it say?
#pragma once

#include <optional>

#include "authority/issuance/issuance_policy.h"
#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"
#include "authority/registry/status_urls.h"
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
  std::optional<std::string> eab_kid = {};      ///< the credential to be used up by this issuance, where that is one
  const IssuingCa* speaks_for = nullptr;        ///< for purpose `ocsp`, and only then: the CA that is to issue it
  std::optional<std::string> sponsor = {};      ///< the operator who made the credential that asks, if one did
  std::optional<std::string> replaces = {};     ///< serial of the certificate that this one renews
  /// How the order came: by a credential made for it, by a certificate held, or from the platform about itself.
  enum class Origin { enrolment, renewal, platform };
  Origin origin = Origin::enrolment;
};

/// An order that the registry of today allows, with every word of the certificate written. Made only by check().
class Checked {
 public:
  const Order& order() const { return order_; }
  const IssuingCa& issuer() const { return *issuer_; }
  const x509::CertificateSpec& spec() const { return content_.spec; }
  /// The names of servers that the registry allows; empty unless the purpose carries them.
  const std::vector<std::string>& server_names() const { return content_.server_names; }
  /// What the policy gives; the certificate's own is shorter where the issuer's ends earlier.
  base::Duration life() const { return content_.life; }
  /// Where this authority publishes the status of what it issues.
  const StatusUrls& status_urls() const { return content_.status_urls; }

 private:
  friend class Checker;
  struct Content {
    x509::CertificateSpec spec;
    std::vector<std::string> server_names;
    base::Duration life;
    StatusUrls status_urls;
  };
  Checked(Order order, const IssuingCa& issuer, Content content)
      : order_(std::move(order)), issuer_(&issuer), content_(std::move(content)) {}
  Order order_;
  const IssuingCa* issuer_;
  Content content_;
};

/// notBefore lies this much in the past, for clocks that are behind.
inline constexpr base::Duration kBackdating = std::chrono::minutes(5);

/// What a check found in the registry, once more: another authority may have suspended, revoked or certified since.
/// `rows` must be those of the amendment that relies on it. Fails: as Checker::check, `application.changed` when its
/// server names are others now, `issuer.changed` when its issuing CA stopped issuing, and as
/// check_succession_again().
base::Result<void> check_again(store::Transaction& rows, const Checked& checked);

class Checker {
 public:
  struct Terms {
    const IssuancePolicy& policy;  ///< borrowed
    StatusUrls status_urls = {};   ///< what certificates say of where their status is published
  };
  /// Borrows all.
  Checker(Ledger& ledger, const Hierarchy& hierarchy, crypto::Random& random, Terms terms)
      : ledger_(ledger), hierarchy_(hierarchy), random_(random), terms_(std::move(terms)) {}

  /// The application exists and is not suspended, may have this purpose, and its key passes key_policy.h and today's
  /// policy. Every name comes from the registry; the life is the policy's, cut where the issuer's own ends earlier.
  /// Fails: `organisation.unknown`, `application.unknown`, `organisation.suspended`, `application.suspended`,
  /// `application.no_server_names`, `purpose.not_allowed`, `issuer.expired`, and as check_key() and check_key_kind().
  base::Result<Checked> check(const Order& order) const;

 private:
  base::Result<const IssuingCa*> find_issuer(const Order& order) const;
  base::Duration life_of(const Order& order) const;
  base::Result<x509::CertificateSpec> write_spec(const Order& order, const IssuingCa& issuer,
                                                 const std::vector<std::string>& server_names) const;
  Ledger& ledger_;
  const Hierarchy& hierarchy_;
  crypto::Random& random_;
  Terms terms_;
};

}  // namespace countersign::authority
