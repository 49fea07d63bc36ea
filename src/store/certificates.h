// Certificates: what was issued and what became of it. Errors as in store/registry.h.
#pragma once

#include "store/applications.h"

namespace countersign::store {

struct CertificateRow {
  std::string serial;       ///< that of its issuance, which must be there
  std::string fingerprint;  ///< SHA-256, hexadecimal
  std::string spki_sha256;
  std::string der;  ///< base64
  ApplicationKey key;
  std::string purpose;
  std::string issuer;  ///< name of the issuing CA
  base::Instant issued_at;
  base::Instant not_before;
  base::Instant not_after;
  std::optional<base::Instant> revoked_at;
  std::optional<std::string> revoked_for;
  std::optional<std::string> replaces = std::nullopt;         ///< serial of the certificate it renewed
  std::optional<base::Instant> first_seen_at = std::nullopt;  ///< when it was first shown in a handshake
  std::optional<std::int64_t> crl_shard = {};                 ///< in which it is listed once it is revoked
};

/// Fails also: `store.conflict` when serial or fingerprint is taken or there is no such issuance.
base::Result<void> insert(Transaction& transaction, const CertificateRow& row);
/// The same for several, all or none.
base::Result<void> insert(Transaction& transaction, const std::vector<CertificateRow>& rows);
base::Result<std::optional<CertificateRow>> find_certificate(Transaction& transaction, const std::string& serial);
base::Result<std::optional<CertificateRow>> find_certificate_by_fingerprint(Transaction& transaction,
                                                                            const std::string& fingerprint);
/// An unknown serial changes nothing.
base::Result<void> revoke_certificate(Transaction& transaction, const std::string& serial, const std::string& reason,
                                      base::Instant at);

/// It was shown in a handshake, for the first time. False when that was known, or there is no such certificate.
base::Result<bool> see_certificate(Transaction& transaction, const std::string& fingerprint, base::Instant at);
/// Those that renewed `serial`, oldest first.
base::Result<std::vector<CertificateRow>> list_successors(Transaction& transaction, const std::string& serial);

enum class CertificateStatus { any, valid, revoked, expired };

struct CertificateFilter {
  ApplicationFilter of;
  std::string purpose;      ///< empty: any
  std::string spki_sha256;  ///< empty: any
  CertificateStatus status = CertificateStatus::any;
  base::Instant now;  ///< decides between valid and expired; a revoked one is revoked even when expired
  int limit = 100;
};
/// Newest first.
base::Result<std::vector<CertificateRow>> list_certificates(Transaction& transaction, const CertificateFilter& filter);
/// Every one of a key, whatever became of it, oldest first.
base::Result<std::vector<CertificateRow>> list_certificates_of_key(Transaction& transaction,
                                                                   const std::string& spki_sha256);
/// Was any certificate of this key ever revoked for that reason?
base::Result<bool> was_key_revoked_for(Transaction& transaction, const std::string& spki_sha256,
                                       const std::string& reason);
/// Which certificates somebody means; what is empty or absent lets everything pass.
struct CertificateSelection {
  ApplicationFilter of;
  std::string spki_sha256;
  std::optional<base::Instant> issued_from = std::nullopt;
  std::optional<base::Instant> issued_until = std::nullopt;  ///< included
};
/// Those that have not expired at `now`, revoked ones included, at most `limit`, in order of serial.
base::Result<std::vector<CertificateRow>> list_selected(Transaction& transaction, const CertificateSelection& selection,
                                                        base::Instant now, int limit);
/// Certificates that are in the log of certificates (store/merkle.h) not yet, in order of issue, at most `limit`.
base::Result<std::vector<CertificateRow>> list_unlogged_certificates(Transaction& transaction, int limit);

}  // namespace countersign::store
