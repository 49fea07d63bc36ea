// Written as DER by hand (X.690): libcrypto's X509 takes five times as long to say the same bytes, in objects that are
// made, copied and encoded one by one. What is written here is read back by libcrypto's decoders before it is signed
// (certificate_reader.cpp), and by all of libcrypto in the tests.
#include "x509/certificate_builder.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <openssl/objects.h>

#include "base/check.h"
#include "crypto/openssl_error.h"
#include "x509/der.h"
#include "x509/extension_oids.h"
#include "x509/name_der.h"
#include "x509/native.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

enum class Critical { no, yes };

constexpr std::size_t kKeyIdLength = 20;
/// X.690 section 11.1: TRUE is all ones in DER.
constexpr std::array<std::uint8_t, 3> kTrue = {der::kBoolean, 1, 0xff};

tl::unexpected<base::Error> cannot(std::string what) {
  return base::unexpected(crypto::openssl_error(base::Kind::invalid, "certificate.build", std::move(what)));
}

/// One after the other (RFC 5280 section 4.1.2.9); whoever writes one of them that cannot be written says so.
class Extensions {
 public:
  void add(base::BytesView oid, Critical critical, base::BytesView value) {
    const base::BytesView flag = critical == Critical::yes ? base::BytesView(kTrue) : base::BytesView();
    const base::Bytes octets = der::element(der::kOctetString, {value});
    der::append(out_, der::kSequence, {oid, flag, octets});
  }
  base::Bytes to_der() const { return der::element(der::constructed(3), {der::element(der::kSequence, {out_})}); }

 private:
  base::Bytes out_;
};

/// RFC 5280 section 4.2.1.9; cA is FALSE by default, and defaults are not written.
bool add_basic_constraints(Extensions& out, const std::optional<CertificateSpec::Ca>& ca) {
  base::Bytes content;
  if (ca && ca->path_length.value_or(0) < 0) return false;
  if (ca) content.assign(kTrue.begin(), kTrue.end());
  if (ca && ca->path_length) der::append_integer(content, static_cast<std::uint64_t>(*ca->path_length));
  out.add(oid_der::kBasicConstraints, Critical::yes, der::element(der::kSequence, {content}));
  return true;
}

unsigned bit_of(KeyUsage usage) {
  switch (usage) {
    case KeyUsage::digital_signature: return 0;
    case KeyUsage::non_repudiation: return 1;
    case KeyUsage::key_encipherment: return 2;
    case KeyUsage::key_agreement: return 4;
    case KeyUsage::cert_sign: return 5;
    case KeyUsage::crl_sign: return 6;
  }
  BASE_UNREACHABLE();
}

/// X.690 section 11.2.2: a list of named bits ends with its last one that is set.
void add_key_usage(Extensions& out, const std::set<KeyUsage>& usages) {
  if (usages.empty()) return;
  unsigned last = 0;
  std::uint8_t bits = 0;
  for (const KeyUsage usage : usages) {
    last = std::max(last, bit_of(usage));
    bits = static_cast<std::uint8_t>(bits | (0x80U >> bit_of(usage)));
  }
  const std::array<std::uint8_t, 2> content = {static_cast<std::uint8_t>(7 - last), bits};
  out.add(oid_der::kKeyUsage, Critical::yes, der::element(der::kBitString, {content}));
}

/// Empty for a text that is no OID.
base::Bytes oid_of(const std::string& dotted) {
  const crypto::Handle<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(dotted.c_str(), 1));
  return object == nullptr ? base::Bytes{} : to_der<i2d_ASN1_OBJECT>(object.get());
}

bool add_extended_key_usage(Extensions& out, const std::vector<std::string>& oids) {
  if (oids.empty()) return true;
  base::Bytes content;
  for (const std::string& dotted : oids) {
    const base::Bytes one = oid_of(dotted);
    if (one.empty()) return false;
    content.insert(content.end(), one.begin(), one.end());
  }
  out.add(oid_der::kExtendedKeyUsage, Critical::no, der::element(der::kSequence, {content}));
  return true;
}

void add_key_ids(Extensions& out, base::BytesView own, base::BytesView issuer) {
  out.add(oid_der::kSubjectKeyId, Critical::no, der::element(der::kOctetString, {own}));
  const base::Bytes id = der::element(der::primitive(0), {issuer});
  out.add(oid_der::kAuthorityKeyId, Critical::no, der::element(der::kSequence, {id}));
}

// GeneralName (RFC 5280 section 4.2.1.6).
constexpr std::uint8_t kDnsName = der::primitive(2);
constexpr std::uint8_t kUri = der::primitive(6);
constexpr std::uint8_t kIpAddress = der::primitive(7);

bool append_text(base::Bytes& out, std::uint8_t tag, const std::string& text) {
  const bool is_ia5 = !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  if (is_ia5) der::append(out, tag, {base::as_bytes(text)});
  return is_ia5;
}

bool append_address(base::Bytes& out, const std::string& text) {
  std::array<std::uint8_t, 16> octets{};
  const bool is_v4 = inet_pton(AF_INET, text.c_str(), octets.data()) == 1;
  if (!is_v4 && inet_pton(AF_INET6, text.c_str(), octets.data()) != 1) return false;
  der::append(out, kIpAddress, {base::BytesView(octets).first(is_v4 ? 4 : 16)});
  return true;
}

/// RFC 5280 section 4.2.1.6: critical when there is no subject to go by.
bool add_alt_names(Extensions& out, const SubjectAltNames& names, Critical critical) {
  if (names.has_others) return false;
  if (names.dns.empty() && names.uris.empty() && names.ip_addresses.empty()) return true;
  base::Bytes content;
  for (const std::string& uri : names.uris)
    if (!append_text(content, kUri, uri)) return false;
  for (const std::string& dns : names.dns)
    if (!append_text(content, kDnsName, dns)) return false;
  for (const std::string& address : names.ip_addresses)
    if (!append_address(content, address)) return false;
  out.add(oid_der::kSubjectAltName, critical, der::element(der::kSequence, {content}));
  return true;
}

/// RFC 5280 section 4.2.1.13: one distribution point with these URLs of the one CRL.
bool add_distribution_point(Extensions& out, const UrlList& urls) {
  if (urls.has_others) return false;
  if (urls.urls.empty()) return true;
  base::Bytes names;
  for (const std::string& url : urls.urls)
    if (!append_text(names, kUri, url)) return false;
  const base::Bytes full_name = der::element(der::constructed(0), {names});
  const base::Bytes point = der::element(der::kSequence, {der::element(der::constructed(0), {full_name})});
  out.add(oid_der::kCrlDistributionPoints, Critical::no, der::element(der::kSequence, {point}));
  return true;
}

bool append_access(base::Bytes& out, base::BytesView method, const std::vector<std::string>& urls) {
  for (const std::string& url : urls) {
    base::Bytes location;
    if (!append_text(location, kUri, url)) return false;
    der::append(out, der::kSequence, {method, location});
  }
  return true;
}

/// RFC 5280 section 4.2.2.1.
bool add_information_access(Extensions& out, const InformationAccess& wanted) {
  if (wanted.has_others) return false;
  if (wanted.ca_issuers.empty() && wanted.ocsp.empty()) return true;
  base::Bytes content;
  if (!append_access(content, oid_der::kOcsp, wanted.ocsp)) return false;
  if (!append_access(content, oid_der::kCaIssuers, wanted.ca_issuers)) return false;
  out.add(oid_der::kInformationAccess, Critical::no, der::element(der::kSequence, {content}));
  return true;
}

/// RFC 6960 section 4.2.2.2.1: an OCSP responder's certificate is good until it ends; nobody asks the responder about
/// itself.
void add_ocsp_no_check(Extensions& out) {
  static constexpr std::array<std::uint8_t, 2> kNull = {0x05, 0x00};
  out.add(oid_der::kOcspNoCheck, Critical::no, kNull);
}

/// The octets of the key's BIT STRING; nothing for what is no SubjectPublicKeyInfo.
std::optional<base::BytesView> key_bits_of(base::BytesView spki) {
  const auto whole = der::Reader(spki).next(der::kSequence);
  der::Reader parts(whole ? whole->content : base::BytesView());
  const bool named = parts.next(der::kSequence).has_value();
  const auto bits = parts.next(der::kBitString);
  if (!named || !bits || bits->content.size() < 2 || bits->content.front() != 0) return std::nullopt;
  return bits->content.subspan(1);
}

struct Issuer {
  base::BytesView name;
  base::BytesView key_id;  ///< empty: the certificate's own
  crypto::KeyType key_type;
};

base::Result<base::Bytes> write_extensions(const CertificateSpec& spec, base::BytesView own_id, const Issuer& issuer) {
  Extensions out;
  const bool no_subject =
      spec.subject.common_name.empty() && spec.subject.organisation.empty() && spec.subject.organisational_unit.empty();
  if (!add_basic_constraints(out, spec.ca)) return cannot("basicConstraints could not be made");
  add_key_usage(out, spec.key_usage);
  if (!add_extended_key_usage(out, spec.extended_key_usage)) return cannot("extKeyUsage could not be made");
  add_key_ids(out, own_id, issuer.key_id.empty() ? own_id : issuer.key_id);
  if (!add_alt_names(out, spec.subject_alt_names, no_subject ? Critical::yes : Critical::no))
    return cannot("subjectAltName could not be made");
  if (!add_distribution_point(out, spec.crl_distribution_points))
    return cannot("cRLDistributionPoints could not be made");
  if (!add_information_access(out, spec.information_access)) return cannot("authorityInfoAccess could not be made");
  if (spec.ocsp_no_check == OcspNoCheck::yes) add_ocsp_no_check(out);
  return out.to_der();
}

/// TBSCertificate, version 3 (RFC 5280 section 4.1).
base::Result<TbsCertificate> build(const CertificateSpec& spec, base::BytesView subject, const Issuer& issuer) {
  static constexpr std::array<std::uint8_t, 5> kVersion3 = {der::constructed(0), 3, der::kInteger, 1, 2};
  const base::Bytes magnitude = spec.serial.magnitude();
  if (magnitude.empty()) return cannot("the serial number could not be set");
  if (spec.not_before >= spec.not_after) return cannot("notBefore must be before notAfter");
  base::Bytes serial;
  der::append_integer(serial, magnitude);
  base::Bytes times;
  der::append_time(times, spec.not_before);
  der::append_time(times, spec.not_after);
  const base::Bytes validity = der::element(der::kSequence, {times});
  const auto bits = spec.key.native() == nullptr ? std::nullopt : key_bits_of(spec.key.to_spki());
  if (!bits) return cannot("the public key could not be set");
  const base::Bytes algorithm = signature_algorithm_der(issuer.key_type);
  if (algorithm.empty()) return cannot("no certificate is signed with such an issuer key");
  // RFC 7093 section 2, method 1: the left 160 bits of SHA-256 of the key's BIT STRING.
  const crypto::Digest256 own_id = crypto::sha256(*bits);
  BASE_TRY(const base::Bytes extensions, write_extensions(spec, base::BytesView(own_id).first(kKeyIdLength), issuer));
  return TbsCertificate{der::element(der::kSequence, {kVersion3, serial, algorithm, issuer.name, validity, subject,
                                                      spec.key.to_spki(), extensions}),
                        algorithm};
}

}  // namespace

base::Result<TbsCertificate> build_tbs(const CertificateSpec& spec, const Certificate& issuer,
                                       const crypto::PublicKey& issuer_key) {
  if (issuer.subject_key_id().empty()) return cannot("the issuer's certificate has no subjectKeyIdentifier");
  BASE_TRY(const base::Bytes subject, to_name_der(spec.subject));
  return build(spec, subject, {base::as_bytes(issuer.subject().der), issuer.subject_key_id(), issuer_key.type()});
}

base::Result<TbsCertificate> build_self_issued_tbs(const CertificateSpec& spec) {
  BASE_TRY(const base::Bytes subject, to_name_der(spec.subject));
  return build(spec, subject, {subject, {}, spec.key.type()});
}

namespace {

base::Bytes put_together(const TbsCertificate& tbs, base::BytesView signature) {
  base::Bytes bits;
  der::append_bits(bits, signature);
  return der::element(der::kSequence, {tbs.der, tbs.algorithm_der, bits});
}

}  // namespace

base::Result<Certificate> assemble(const TbsCertificate& tbs, base::BytesView signature) {
  return Certificate::from_der(put_together(tbs, signature));
}

base::Result<Certificate> assemble_to_read(const TbsCertificate& tbs, base::BytesView signature) {
  return Certificate::read_der(put_together(tbs, signature));
}

}  // namespace countersign::x509
