#include "authority/acme/renewal_info.h"

#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

tl::unexpected<base::Error> no_certificate() {
  return base::fail(base::Kind::not_found, "acme.no_certificate", "there is no such certificate");
}

/// The contents of the DER INTEGER: a leading zero where the first bit is set (RFC 9773 section 4.1).
base::Bytes serial_octets(const x509::Serial& serial) {
  base::Bytes octets = serial.magnitude();
  if (octets.empty() || (octets.front() & 0x80U) != 0) octets.insert(octets.begin(), 0);
  return octets;
}

}  // namespace

RenewalWindow renewal_window(const store::CertificateRow& row, base::Instant now) {
  const base::Duration life = row.not_after - row.not_before;
  if (row.revoked_at) return {now - std::chrono::hours(2), now - std::chrono::hours(1)};
  return {row.not_before + life * 2 / 3, row.not_before + life * 3 / 4};
}

std::string to_certificate_id(const x509::Certificate& certificate) {
  return base::to_base64url(certificate.authority_key_id()) + "." +
         base::to_base64url(serial_octets(certificate.serial()));
}

base::Result<store::CertificateRow> find_by_certificate_id(store::Transaction& rows, const std::string& id) {
  const std::size_t dot = id.find('.');
  if (dot == std::string::npos) return no_certificate();
  const auto octets = base::from_base64url(std::string_view(id).substr(dot + 1));
  if (!octets || octets->empty()) return no_certificate();
  BASE_TRY(auto row, store::find_certificate(rows, x509::Serial::from_magnitude(*octets).hex()));
  if (!row) return no_certificate();
  BASE_TRY(const auto certificate, to_certificate(row->der));
  if (to_certificate_id(certificate) != id) return no_certificate();
  return std::move(*row);
}

}  // namespace countersign::authority
