// Revocation: a certificate ends before its time. It acts as soon as the amendment is durable: the fact is in the feed,
// and the authority's own view knows it.
#pragma once

#include <span>

#include "authority/registry/ledger.h"
#include "store/certificates.h"
#include "x509/serial.h"

namespace countersign::authority {

/// The reasons an operator may give (RFC 5280 section 5.3.1, in our spelling).
std::span<const std::string_view> revocation_reasons();

struct Revocation {
  store::CertificateRow certificate;                    ///< the one that was named
  std::vector<store::CertificateRow> of_same_key = {};  ///< the others that ended with it
};

/// With the same reason again it is no failure; key_compromise replaces any other reason, since it bars the key: in the
/// same amendment it ends every certificate of that key that has not expired. Fails: `reason.unknown`,
/// `certificate.unknown`, `certificate.already_revoked`, `certificate.in_use` (the authority's own), `operator.last`,
/// and as store.
base::Result<Revocation> revoke(Ledger& ledger, const Actor& actor, const x509::Serial& serial,
                                const std::string& reason);

/// Parts of a revocation that more than one way to it needs.
inline constexpr std::string_view kKeyCompromise = "key_compromise";
/// Fails: `reason.unknown`.
base::Result<void> check_reason(const std::string& reason);
struct Ending {
  const std::string& reason;
  base::Instant at;
};
/// One row, one audit record, one fact, inside `amendment`. A certificate that was revoked before keeps its day. Fails:
/// `certificate.in_use`, `operator.last`, and as store.
base::Result<void> end_certificate(Amendment& amendment, const Actor& actor, store::CertificateRow& row,
                                   const Ending& ending);
/// Whoever has the key can use each of its certificates: the others that are neither expired nor reported already.
base::Result<std::vector<store::CertificateRow>> list_of_same_key(store::Transaction& rows,
                                                                  const store::CertificateRow& named,
                                                                  base::Instant now);

/// "valid", "revoked" or "expired".
std::string_view status_of(const store::CertificateRow& row, base::Instant now);

}  // namespace countersign::authority
