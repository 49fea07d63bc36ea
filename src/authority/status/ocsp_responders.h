// OcspResponders: a key and a short-lived certificate for each issuing CA, by which OCSP responses are signed.
//
// Keys are made here and never leave memory; certificates are issued in the ordinary way, purpose `ocsp`, one by each
// CA, since a response is believed only from whom that very CA appointed. Belongs to the registry's thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "authority/issuance/issuance.h"
#include "authority/registry/directory.h"
#include "authority/status/snapshot.h"

namespace countersign::authority {

class OcspResponders {
 public:
  /// Borrows all.
  OcspResponders(Ledger& ledger, const Hierarchy& hierarchy, Directory& directory, Issuance& issuance)
      : ledger_(ledger), hierarchy_(hierarchy), directory_(directory), issuance_(issuance) {}

  /// Makes those that are missing, past half of their life, or revoked. Whoever cannot be replaced is used until it
  /// ends. Fails: the first error, after all were tried: as Issuance::issue, store.
  base::Result<void> provide();

  /// Null when there is none for that CA.
  std::shared_ptr<const OcspResponder> find(const std::string& ca) const;

 private:
  base::Result<void> register_application();
  base::Result<bool> is_good(const std::string& ca);
  base::Result<void> make(const IssuingCa& ca);

  Ledger& ledger_;
  const Hierarchy& hierarchy_;
  Directory& directory_;
  Issuance& issuance_;
  bool registered_ = false;
  std::map<std::string, std::shared_ptr<const OcspResponder>> responders_;
};

}  // namespace countersign::authority
