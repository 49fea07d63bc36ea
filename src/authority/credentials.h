// The authority's own certificates, issued by itself in the ordinary way: its server certificate, and the operator's
// first credential. Every step may be interrupted and repeated: the key is on disk before its certificate is asked for.
#pragma once

#include "authority/data_folder.h"
#include "authority/enrolment.h"
#include "feed/credential_files.h"

namespace countersign::authority {

/// FOLDER/server.key and server.pem.
feed::CredentialFiles server_files(const DataFolder& folder);
/// FOLDER/operator/admin.key and admin.pem.
feed::CredentialFiles operator_files(const DataFolder& folder);

enum class Provision { made_now, was_there };

class Credentials {
 public:
  /// Borrows all.
  Credentials(Ledger& ledger, Enrolment& enrolment, Issuance& issuance)
      : ledger_(ledger), enrolment_(enrolment), issuance_(issuance) {}

  /// Sees to it that there is a server certificate with the registry's server names and a third of its life ahead.
  base::Result<Provision> provide_server(const DataFolder& folder);
  /// Sees to it that somebody can administer: makes `operator/admin` unless some operator's certificate is valid.
  base::Result<Provision> provide_operator(const DataFolder& folder);

 private:
  base::Result<bool> is_good_server(const feed::CredentialFiles& files, const base::Identity& identity);
  base::Result<bool> has_valid_operator();
  /// Key first, then certificate, then both into place.
  base::Result<void> obtain(const feed::CredentialFiles& files, const base::Identity& identity, trust::Purpose purpose);
  base::Result<Issued> certify(const crypto::PrivateKey& key, const base::Identity& identity, trust::Purpose purpose);

  Ledger& ledger_;
  Enrolment& enrolment_;
  Issuance& issuance_;
};

/// urn:countersign:internal:service:authority and urn:countersign:internal:operator:admin.
base::Identity authority_identity();
base::Identity admin_identity();

}  // namespace countersign::authority
