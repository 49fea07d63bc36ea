// Staples: OCSP responses about one certificate, as a public CA's responder would make them.
#pragma once

#include "crypto/private_key.h"
#include "x509/ocsp_response.h"

namespace countersign::testing {

struct StapleRequest {
  const x509::Certificate& subject;
  const x509::Certificate& issuer;
  const crypto::PrivateKey& signer;
  x509::OcspStatus::Kind kind;
  base::Instant this_update;
  base::Instant next_update;
};

/// CertID by SHA-1 (RFC 6960 section 4.1.1).
inline base::Bytes cert_id_of(const x509::Certificate& subject, const x509::Certificate& issuer) {
  const x509::OcspNames names = x509::OcspNames::of(issuer);
  base::Bytes id = {0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00};
  const auto add = [&id](std::uint8_t tag, const auto& octets) {
    id.push_back(tag);
    id.push_back(static_cast<std::uint8_t>(octets.size()));
    id.insert(id.end(), octets.begin(), octets.end());
  };
  add(0x04, names.name_sha1);
  add(0x04, names.key_sha1);
  base::Bytes serial = subject.serial().magnitude();
  if (serial.front() >= 0x80) serial.insert(serial.begin(), 0);
  add(0x02, serial);
  base::Bytes whole = {0x30, static_cast<std::uint8_t>(id.size())};
  whole.insert(whole.end(), id.begin(), id.end());
  return whole;
}

inline base::Bytes make_staple(const StapleRequest& request) {
  const base::Bytes id = cert_id_of(request.subject, request.issuer);
  const x509::OcspStatus status{.kind = request.kind, .revoked_at = request.this_update - std::chrono::hours(2)};
  const x509::OcspResponseSpec spec{.responder_key = x509::OcspNames::of(request.issuer).key_sha1,
                                    .produced_at = request.this_update,
                                    .this_update = request.this_update,
                                    .next_update = request.next_update,
                                    .answers = {{id, status}},
                                    .nonce = std::nullopt};
  const base::Bytes data = x509::build_response_data(spec);
  return x509::assemble_ocsp_response(data, request.signer.sign(data).value(), request.issuer);
}

}  // namespace countersign::testing
