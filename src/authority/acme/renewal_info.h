// ACME Renewal Information (RFC 9773): when a certificate should be renewed, told to whoever names it.
#pragma once

#include "authority/authority.h"
#include "store/certificates.h"

namespace countersign::authority {

/// How often a client should ask again.
inline constexpr base::Duration kRenewalInfoLife = std::chrono::hours(6);

struct RenewalWindow {
  base::Instant start;
  base::Instant end;
};
/// From two thirds of its life, as every renewal here, up to three quarters, so that many do not come at once. Of a
/// revoked one it lies in the past: renew now.
RenewalWindow renewal_window(const store::CertificateRow& row, base::Instant now);

/// base64url(keyIdentifier of the AKI) "." base64url(serial) (RFC 9773 section 4.1).
std::string to_certificate_id(const x509::Certificate& certificate);
/// The certificate of ours that goes by `id`. Fails: `acme.no_certificate`, and as store.
base::Result<store::CertificateRow> find_by_certificate_id(store::Transaction& rows, const std::string& id);

}  // namespace countersign::authority
