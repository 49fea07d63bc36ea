// Revocation: a certificate ends before its time. It acts as soon as the amendment is durable: the fact is in the feed,
// and the authority's own view knows it.
#pragma once

#include <span>

#include "authority/ledger.h"
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

/// "valid", "revoked" or "expired".
std::string_view status_of(const store::CertificateRow& row, base::Instant now);

}  // namespace countersign::authority
