// The authority's own certificates, issued by itself in the ordinary way: its server certificate, and the operator's
// first credential. Every step may be interrupted and repeated: the key is on disk before its certificate is asked for.
#pragma once

#include "authority/enrolment/enrolment.h"
#include "authority/registry/data_folder.h"
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
  Credentials(Ledger& ledger, const trust::TrustSet& trust, Enrolment& enrolment, Issuance& issuance)
      : ledger_(ledger), trust_(trust), enrolment_(enrolment), issuance_(issuance) {}

  /// Sees to it that there is a server certificate that whoever verifies it now accepts, with the registry's server
  /// names and a third of its life ahead.
  base::Result<Provision> provide_server(const DataFolder& folder);
  /// Is there a server certificate that callers accept now, due or not?
  base::Result<bool> has_usable_server(const DataFolder& folder);
  /// Sees to it that somebody can administrate: makes `operator/admin` unless some operator could get in.
  base::Result<Provision> provide_operator(const DataFolder& folder);
  /// Makes `operator/admin` anew, whoever else there is: resumes the application and replaces the files. The old
  /// certificate stays what it was. Fails: as Issuance::issue, store and files.
  base::Result<void> make_new_operator(const DataFolder& folder);

 private:
  base::Result<bool> is_good_server(const feed::CredentialFiles& files, const base::Identity& identity);
  bool is_believed(const tls::Credential& credential) const;
  base::Result<bool> has_usable_operator();
  /// Key first, then certificate, then both into place.
  base::Result<void> obtain(const feed::CredentialFiles& files, const base::Identity& identity, trust::Purpose purpose);
  base::Result<Issued> certify(const crypto::PrivateKey& key, const base::Identity& identity, trust::Purpose purpose);

  Ledger& ledger_;
  const trust::TrustSet& trust_;
  Enrolment& enrolment_;
  Issuance& issuance_;
};

}  // namespace countersign::authority
