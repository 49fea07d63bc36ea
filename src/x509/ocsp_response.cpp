#include "x509/ocsp_response.h"

#include <algorithm>

#include <openssl/x509.h>

#include "base/check.h"
#include "x509/der.h"
#include "x509/native.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using base::Bytes;
using base::BytesView;

/// id-pkix-ocsp-basic: 1.3.6.1.5.5.7.48.1.1, and id-pkix-ocsp-nonce: ...48.1.2, whole.
constexpr std::array<std::uint8_t, 11> kBasic = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
constexpr std::array<std::uint8_t, 11> kNonce = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
constexpr unsigned kByKey = 2;

/// RevokedInfo, with the reason left out where it says nothing (as in RFC 5280 section 5.3.1).
Bytes revoked_info(const OcspStatus& status) {
  Bytes content;
  der::append_generalized_time(content, status.revoked_at);
  if (status.reason != CrlReason::unspecified) {
    const std::array<std::uint8_t, 3> code = {der::kEnumerated, 0x01, static_cast<std::uint8_t>(status.reason)};
    der::append(content, der::constructed(0), {code});
  }
  return der::element(der::constructed(1), {content});
}

Bytes cert_status(const OcspStatus& status) {
  switch (status.kind) {
    case OcspStatus::Kind::good: return der::element(der::primitive(0), {});
    case OcspStatus::Kind::revoked: return revoked_info(status);
    case OcspStatus::Kind::unknown: return der::element(der::primitive(2), {});
  }
  BASE_UNREACHABLE();
}

Bytes response_extensions(BytesView nonce) {
  const Bytes value = der::element(der::kOctetString, {nonce});
  const Bytes extension = der::element(der::kSequence, {kNonce, value});
  const Bytes list = der::element(der::kSequence, {extension});
  return der::element(der::constructed(1), {list});
}

}  // namespace

OcspNames OcspNames::of(const Certificate& certificate) {
  OcspNames names{};
  const BytesView name = base::as_bytes(certificate.subject().der);
  unsigned length = 0;
  BASE_CHECK(
      X509_NAME_digest(X509_get_subject_name(certificate.native()), EVP_sha1(), names.name_sha1.data(), &length) == 1);
  // RFC 6960 section 4.1.1: of the BIT STRING's content, without tag, length and number of unused bits.
  BASE_CHECK(X509_pubkey_digest(certificate.native(), EVP_sha1(), names.key_sha1.data(), &length) == 1);
  names.name_sha256 = crypto::sha256(name);
  names.key_sha256 = crypto::sha256(to_bytes(X509_get0_pubkey_bitstr(certificate.native())));
  return names;
}

bool OcspNames::are_in(const CertId& id) const {
  switch (id.hash) {
    case CertIdHash::sha1:
      return std::ranges::equal(id.issuer_key_hash, key_sha1) && std::ranges::equal(id.issuer_name_hash, name_sha1);
    case CertIdHash::sha256:
      return std::ranges::equal(id.issuer_key_hash, key_sha256) && std::ranges::equal(id.issuer_name_hash, name_sha256);
    case CertIdHash::other: return false;
  }
  BASE_UNREACHABLE();
}

base::Bytes build_response_data(const OcspResponseSpec& spec) {
  Bytes times;
  der::append_generalized_time(times, spec.this_update);
  Bytes next;
  der::append_generalized_time(next, spec.next_update);
  der::append(times, der::constructed(0), {next});

  Bytes answers;
  for (const OcspAnswer& one : spec.answers)
    der::append(answers, der::kSequence, {one.cert_id, cert_status(one.status), times});

  Bytes content;
  const Bytes key = der::element(der::kOctetString, {spec.responder_key});
  der::append(content, der::constructed(kByKey), {key});
  der::append_generalized_time(content, spec.produced_at);
  der::append(content, der::kSequence, {answers});
  const Bytes extensions = spec.nonce ? response_extensions(*spec.nonce) : Bytes();
  return der::element(der::kSequence, {content, extensions});
}

base::Bytes assemble_ocsp_response(base::BytesView response_data, base::BytesView signature,
                                   const Certificate& responder) {
  static constexpr std::array<std::uint8_t, 3> kSuccessful = {der::kEnumerated, 0x01, 0x00};
  const Bytes algorithm = signature_algorithm_der(responder.public_key().type());
  Bytes bits;
  der::append_bits(bits, signature);
  const Bytes list = der::element(der::kSequence, {responder.der()});
  const Bytes certificates = der::element(der::constructed(0), {list});
  const Bytes basic = der::element(der::kSequence, {response_data, algorithm, bits, certificates});
  const Bytes octets = der::element(der::kOctetString, {basic});
  const Bytes typed = der::element(der::kSequence, {kBasic, octets});
  const Bytes bytes = der::element(der::constructed(0), {typed});
  return der::element(der::kSequence, {kSuccessful, bytes});
}

base::Bytes ocsp_refusal(OcspRefusal why) {
  const std::array<std::uint8_t, 3> status = {der::kEnumerated, 0x01, static_cast<std::uint8_t>(why)};
  return der::element(der::kSequence, {status});
}

}  // namespace countersign::x509
