#include <algorithm>
#include <array>
#include <limits>

#include "x509/crl.h"
#include "x509/der.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using base::Bytes;
using base::BytesView;

// The OBJECT IDENTIFIERs of extensions, whole: id-ce is 55 1d.
constexpr std::array<std::uint8_t, 5> kAuthorityKeyIdentifier = {0x06, 0x03, 0x55, 0x1d, 0x23};
constexpr std::array<std::uint8_t, 5> kCrlNumber = {0x06, 0x03, 0x55, 0x1d, 0x14};
constexpr std::array<std::uint8_t, 5> kIssuingDistributionPoint = {0x06, 0x03, 0x55, 0x1d, 0x1c};
constexpr std::array<std::uint8_t, 5> kReasonCode = {0x06, 0x03, 0x55, 0x1d, 0x15};
constexpr std::array<std::uint8_t, 3> kTrue = {der::kBoolean, 0x01, 0xff};
constexpr std::array<std::uint8_t, 3> kVersion2 = {der::kInteger, 0x01, 0x01};
constexpr unsigned kUri = 6;
constexpr std::size_t kSerialOctets = 20;

tl::unexpected<base::Error> cannot(std::string what) {
  return base::fail(base::Kind::internal, "crl.build", std::move(what));
}

void append_extension(Bytes& out, BytesView oid, BytesView critical, BytesView value) {
  const Bytes octets = der::element(der::kOctetString, {value});
  der::append(out, der::kSequence, {oid, critical, octets});
}

/// RFC 5280 section 5.3.1: absent rather than unspecified.
void append_reason(Bytes& out, CrlReason reason) {
  if (reason == CrlReason::unspecified) return;
  const std::array<std::uint8_t, 3> code = {der::kEnumerated, 0x01, static_cast<std::uint8_t>(reason)};
  Bytes extension;
  append_extension(extension, kReasonCode, {}, code);
  der::append(out, der::kSequence, {extension});
}

base::Result<Bytes> revoked_list(const std::vector<RevokedCertificate>& revoked) {
  constexpr std::size_t kUsualEntry = 64;
  Bytes list;
  list.reserve(revoked.size() * kUsualEntry);
  Bytes entry;
  for (const RevokedCertificate& one : revoked) {
    const Bytes serial = one.serial.magnitude();
    if (serial.empty() || serial.size() > kSerialOctets) return cannot("a serial number has 1 to 20 octets");
    entry.clear();
    der::append_integer(entry, BytesView(serial));
    der::append_time(entry, one.revoked_at);
    append_reason(entry, one.reason);
    der::append(list, der::kSequence, {entry});
  }
  return list;
}

/// RFC 5280 section 5.2.5: onlyContainsUserCerts is [1], onlyContainsCACerts [2], both DEFAULT FALSE.
base::Result<Bytes> distribution_point(const CrlSpec& spec) {
  Bytes names;
  for (const std::string& url : spec.urls) {
    const bool visible = !url.empty() && std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!visible) return cannot("the URL of a CRL must be visible ASCII");
    der::append(names, der::primitive(kUri), {base::as_bytes(url)});
  }
  const Bytes full_name = der::element(der::constructed(0), {names});
  Bytes scope;
  static constexpr std::array<std::uint8_t, 1> kSet = {0xff};
  if (spec.scope == CrlScope::user_certificates) der::append(scope, der::primitive(1), {kSet});
  if (spec.scope == CrlScope::ca_certificates) der::append(scope, der::primitive(2), {kSet});
  const Bytes name = spec.urls.empty() ? Bytes() : der::element(der::constructed(0), {full_name});
  return der::element(der::kSequence, {name, scope});
}

base::Result<Bytes> extensions(const CrlSpec& spec, const Certificate& issuer) {
  Bytes all;
  const Bytes key_id = der::element(der::primitive(0), {issuer.subject_key_id()});
  append_extension(all, kAuthorityKeyIdentifier, {}, der::element(der::kSequence, {key_id}));
  Bytes number;
  der::append_integer(number, spec.number);
  append_extension(all, kCrlNumber, {}, number);
  if (!spec.urls.empty() || spec.scope != CrlScope::all) {
    BASE_TRY(const Bytes point, distribution_point(spec));
    append_extension(all, kIssuingDistributionPoint, kTrue, point);
  }
  const Bytes list = der::element(der::kSequence, {all});
  return der::element(der::constructed(0), {list});
}

}  // namespace

base::Result<TbsCrl> build_tbs(const CrlSpec& spec, const Certificate& issuer) {
  if (issuer.subject_key_id().empty()) return cannot("the issuer's certificate has no subjectKeyIdentifier");
  if (spec.this_update >= spec.next_update) return cannot("thisUpdate must be before nextUpdate");
  if (spec.number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return cannot("the CRL number does not fit into 63 bits");
  TbsCrl tbs;
  tbs.algorithm_der = signature_algorithm_der(issuer.public_key().type());
  if (tbs.algorithm_der.empty()) return cannot("no CRL is signed with such an issuer key");
  Bytes times;
  der::append_time(times, spec.this_update);
  der::append_time(times, spec.next_update);
  BASE_TRY(const Bytes entries, revoked_list(spec.revoked));
  // RFC 5280 section 5.1.2.6: absent rather than empty.
  const Bytes revoked = entries.empty() ? Bytes() : der::element(der::kSequence, {entries});
  BASE_TRY(const Bytes last, extensions(spec, issuer));
  const BytesView name = base::as_bytes(issuer.subject().der);
  tbs.der = der::element(der::kSequence, {kVersion2, tbs.algorithm_der, name, times, revoked, last});
  return tbs;
}

base::Bytes assemble(const TbsCrl& tbs, base::BytesView signature) {
  Bytes bits;
  der::append_bits(bits, signature);
  return der::element(der::kSequence, {tbs.der, tbs.algorithm_der, bits});
}

}  // namespace countersign::x509
