#include "x509/certificate_builder.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "crypto/openssl_error.h"
#include "x509/der.h"
#include "x509/native.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using OctetString = crypto::Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using GeneralName = crypto::Handle<GENERAL_NAME, GENERAL_NAME_free>;

enum class Critical { no, yes };

constexpr std::size_t kKeyIdLength = 20;

tl::unexpected<base::Error> cannot(std::string what) {
  return base::unexpected(crypto::openssl_error(base::Kind::invalid, "certificate.build", std::move(what)));
}

bool add(X509* certificate, int nid, void* value, Critical critical) {
  return X509_add1_ext_i2d(certificate, nid, value, critical == Critical::yes ? 1 : 0, X509V3_ADD_DEFAULT) == 1;
}

bool add_basic_constraints(X509* certificate, const std::optional<CertificateSpec::Ca>& ca) {
  const crypto::Handle<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free> constraints(BASIC_CONSTRAINTS_new());
  if (constraints == nullptr) return false;
  constraints->ca = ca ? 0xff : 0;
  if (ca && ca->path_length) {
    constraints->pathlen = ASN1_INTEGER_new();
    if (constraints->pathlen == nullptr || ASN1_INTEGER_set(constraints->pathlen, *ca->path_length) != 1) return false;
  }
  return add(certificate, NID_basic_constraints, constraints.get(), Critical::yes);
}

int bit_of(KeyUsage usage) {
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

bool add_key_usage(X509* certificate, const std::set<KeyUsage>& usages) {
  if (usages.empty()) return true;
  const crypto::Handle<ASN1_BIT_STRING, ASN1_BIT_STRING_free> bits(ASN1_BIT_STRING_new());
  if (bits == nullptr) return false;
  for (const KeyUsage usage : usages)
    if (ASN1_BIT_STRING_set_bit(bits.get(), bit_of(usage), 1) != 1) return false;
  return add(certificate, NID_key_usage, bits.get(), Critical::yes);
}

void free_usages(EXTENDED_KEY_USAGE* usages) { EXTENDED_KEY_USAGE_free(usages); }
void free_names(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }

bool add_extended_key_usage(X509* certificate, const std::vector<std::string>& oids) {
  if (oids.empty()) return true;
  const crypto::Handle<EXTENDED_KEY_USAGE, free_usages> usages(EXTENDED_KEY_USAGE_new());
  for (const std::string& oid : oids) {
    ASN1_OBJECT* object = OBJ_txt2obj(oid.c_str(), 1);
    if (usages != nullptr && object != nullptr && sk_ASN1_OBJECT_push(usages.get(), object) > 0) continue;
    ASN1_OBJECT_free(object);
    return false;
  }
  return add(certificate, NID_ext_key_usage, usages.get(), Critical::no);
}

/// RFC 7093 section 2, method 1: the left 160 bits of SHA-256 of the key's BIT STRING.
bool add_subject_key_id(X509* certificate) {
  const crypto::Digest256 digest = crypto::sha256(to_bytes(X509_get0_pubkey_bitstr(certificate)));
  const OctetString id(ASN1_OCTET_STRING_new());
  return id != nullptr && ASN1_OCTET_STRING_set(id.get(), digest.data(), kKeyIdLength) == 1 &&
         add(certificate, NID_subject_key_identifier, id.get(), Critical::no);
}

bool add_authority_key_id(X509* certificate, base::BytesView key_id) {
  const crypto::Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free> authority(AUTHORITY_KEYID_new());
  if (authority == nullptr || key_id.empty()) return false;
  authority->keyid = ASN1_OCTET_STRING_new();
  return authority->keyid != nullptr &&
         ASN1_OCTET_STRING_set(authority->keyid, key_id.data(), static_cast<int>(key_id.size())) == 1 &&
         add(certificate, NID_authority_key_identifier, authority.get(), Critical::no);
}

bool is_ia5(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

GeneralName text_name(int type, const std::string& text) {
  GeneralName name(GENERAL_NAME_new());
  ASN1_IA5STRING* string = ASN1_IA5STRING_new();
  const bool made =
      name != nullptr && is_ia5(text) && ASN1_STRING_set(string, text.data(), static_cast<int>(text.size())) == 1;
  if (!made) {
    ASN1_IA5STRING_free(string);
    return nullptr;
  }
  GENERAL_NAME_set0_value(name.get(), type, string);
  return name;
}

GeneralName address_name(const std::string& text) {
  GeneralName name(GENERAL_NAME_new());
  ASN1_OCTET_STRING* octets = a2i_IPADDRESS(text.c_str());
  if (name == nullptr || octets == nullptr) {
    ASN1_OCTET_STRING_free(octets);
    return nullptr;
  }
  GENERAL_NAME_set0_value(name.get(), GEN_IPADD, octets);
  return name;
}

bool push(GENERAL_NAMES* names, GeneralName name) {
  if (name == nullptr || sk_GENERAL_NAME_push(names, name.get()) <= 0) return false;
  static_cast<void>(name.release());
  return true;
}

/// RFC 5280 section 4.2.1.6: critical when there is no subject to go by.
bool add_alt_names(X509* certificate, const SubjectAltNames& names) {
  if (names.has_others) return false;
  if (names.dns.empty() && names.uris.empty() && names.ip_addresses.empty()) return true;
  const crypto::Handle<GENERAL_NAMES, free_names> all(GENERAL_NAMES_new());
  bool good = all != nullptr;
  for (const std::string& uri : names.uris)
    good = good && push(all.get(), text_name(GEN_URI, uri));
  for (const std::string& dns : names.dns)
    good = good && push(all.get(), text_name(GEN_DNS, dns));
  for (const std::string& address : names.ip_addresses)
    good = good && push(all.get(), address_name(address));
  const bool no_subject = X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0;
  return good && add(certificate, NID_subject_alt_name, all.get(), no_subject ? Critical::yes : Critical::no);
}

void free_points(CRL_DIST_POINTS* points) { CRL_DIST_POINTS_free(points); }
void free_access(AUTHORITY_INFO_ACCESS* access) { AUTHORITY_INFO_ACCESS_free(access); }

/// RFC 5280 section 4.2.1.13: one distribution point with these URLs of the one CRL.
bool add_distribution_point(X509* certificate, const UrlList& urls) {
  if (urls.has_others) return false;
  if (urls.urls.empty()) return true;
  const crypto::Handle<CRL_DIST_POINTS, free_points> points(sk_DIST_POINT_new_null());
  crypto::Handle<DIST_POINT, DIST_POINT_free> point(DIST_POINT_new());
  if (points == nullptr || point == nullptr) return false;
  point->distpoint = DIST_POINT_NAME_new();
  if (point->distpoint == nullptr) return false;
  point->distpoint->type = 0;
  point->distpoint->name.fullname = GENERAL_NAMES_new();
  for (const std::string& url : urls.urls)
    if (!push(point->distpoint->name.fullname, text_name(GEN_URI, url))) return false;
  if (sk_DIST_POINT_push(points.get(), point.get()) <= 0) return false;
  static_cast<void>(point.release());
  return add(certificate, NID_crl_distribution_points, points.get(), Critical::no);
}

bool push_access(AUTHORITY_INFO_ACCESS* access, int method, const std::string& url) {
  crypto::Handle<ACCESS_DESCRIPTION, ACCESS_DESCRIPTION_free> one(ACCESS_DESCRIPTION_new());
  GeneralName location = text_name(GEN_URI, url);
  if (one == nullptr || location == nullptr) return false;
  ASN1_OBJECT_free(one->method);
  one->method = OBJ_nid2obj(method);
  GENERAL_NAME_free(one->location);
  one->location = location.release();
  if (sk_ACCESS_DESCRIPTION_push(access, one.get()) <= 0) return false;
  static_cast<void>(one.release());
  return true;
}

/// RFC 5280 section 4.2.2.1.
bool add_information_access(X509* certificate, const InformationAccess& wanted) {
  if (wanted.has_others) return false;
  if (wanted.ca_issuers.empty() && wanted.ocsp.empty()) return true;
  const crypto::Handle<AUTHORITY_INFO_ACCESS, free_access> access(AUTHORITY_INFO_ACCESS_new());
  if (access == nullptr) return false;
  for (const std::string& url : wanted.ocsp)
    if (!push_access(access.get(), NID_ad_OCSP, url)) return false;
  for (const std::string& url : wanted.ca_issuers)
    if (!push_access(access.get(), NID_ad_ca_issuers, url)) return false;
  return add(certificate, NID_info_access, access.get(), Critical::no);
}

/// RFC 6960 section 4.2.2.2.1: an OCSP responder's certificate is good until it ends; nobody asks the responder about
/// itself.
bool add_ocsp_no_check(X509* certificate) {
  const crypto::Handle<ASN1_NULL, ASN1_NULL_free> null(ASN1_NULL_new());
  return null != nullptr && add(certificate, NID_id_pkix_OCSP_noCheck, null.get(), Critical::no);
}

bool set_times(X509* certificate, const CertificateSpec& spec) {
  return spec.not_before < spec.not_after &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), spec.not_before.unix_seconds()) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), spec.not_after.unix_seconds()) != nullptr;
}

bool set_serial(X509* certificate, const Serial& serial) {
  const base::Bytes magnitude = serial.magnitude();
  return !magnitude.empty() &&
         ASN1_STRING_set(X509_get_serialNumber(certificate), magnitude.data(), static_cast<int>(magnitude.size())) == 1;
}

/// Names in the TBS the algorithm by which PrivateKey::sign signs with a key of this type.
bool set_algorithm(X509* certificate, crypto::KeyType issuer_key) {
  // libcrypto has no setter for this field but X509_sign, which would need the key; the certificate is ours alone here.
  auto* field = const_cast<X509_ALGOR*>(X509_get0_tbs_sigalg(certificate));
  return set_signature_algorithm(field, issuer_key);
}

/// As X509_set_pubkey does it, where OpenSSL 3.0 has a provider write the key and read it again (180 us).
bool set_key(X509* certificate, const crypto::PublicKey& key) {
  const auto spki = der::Reader(key.to_spki()).next(der::kSequence);
  der::Reader parts(spki ? spki->content : base::BytesView());
  const auto algorithm_der = parts.next(der::kSequence);
  const auto bits = parts.next(der::kBitString);
  if (!algorithm_der || !bits || bits->content.size() < 2 || bits->content.front() != 0) return false;
  const std::uint8_t* at = algorithm_der->whole.data();
  const crypto::Handle<X509_ALGOR, X509_ALGOR_free> algorithm(
      d2i_X509_ALGOR(nullptr, &at, static_cast<long>(algorithm_der->whole.size())));
  const base::BytesView octets = bits->content.subspan(1);
  crypto::Handle<std::uint8_t, crypto::free_openssl_bytes> copy(
      static_cast<std::uint8_t*>(OPENSSL_memdup(octets.data(), octets.size())));
  if (algorithm == nullptr || copy == nullptr) return false;
  const ASN1_OBJECT* name = nullptr;
  const void* parameter = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(&name, &type, &parameter, algorithm.get());
  const bool is_known = type == V_ASN1_OBJECT || type == V_ASN1_NULL || type == V_ASN1_UNDEF;
  if (!is_known) return X509_set_pubkey(certificate, key.native()) == 1;
  void* owned = type == V_ASN1_OBJECT ? OBJ_dup(static_cast<const ASN1_OBJECT*>(parameter)) : nullptr;
  const bool set = X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(certificate), OBJ_dup(name), type, owned, copy.get(),
                                          static_cast<int>(octets.size())) == 1;
  if (set) static_cast<void>(copy.release());
  return set;
}

struct Issuer {
  const X509_NAME* name;
  base::BytesView key_id;  ///< empty: the certificate's own
  crypto::KeyType key_type;
};

base::Result<TbsCertificate> build(const CertificateSpec& spec, const X509_NAME* subject, const Issuer& issuer) {
  const NativeCertificate owner(X509_new());
  X509* certificate = owner.get();
  const bool head = certificate != nullptr && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                    X509_set_subject_name(certificate, subject) == 1 &&
                    X509_set_issuer_name(certificate, issuer.name) == 1;
  if (!head) return cannot("the names could not be set");
  if (!set_serial(certificate, spec.serial)) return cannot("the serial number could not be set");
  if (!set_times(certificate, spec)) return cannot("notBefore must be before notAfter");
  if (spec.key.native() == nullptr || !set_key(certificate, spec.key)) return cannot("the public key could not be set");
  if (!set_algorithm(certificate, issuer.key_type)) return cannot("no certificate is signed with such an issuer key");
  if (!add_basic_constraints(certificate, spec.ca)) return cannot("basicConstraints could not be made");
  if (!add_key_usage(certificate, spec.key_usage)) return cannot("keyUsage could not be made");
  if (!add_extended_key_usage(certificate, spec.extended_key_usage)) return cannot("extKeyUsage could not be made");
  if (!add_subject_key_id(certificate)) return cannot("subjectKeyIdentifier could not be made");
  const crypto::Digest256 own_id = crypto::sha256(to_bytes(X509_get0_pubkey_bitstr(certificate)));
  const base::BytesView own(own_id.data(), kKeyIdLength);
  if (!add_authority_key_id(certificate, issuer.key_id.empty() ? own : issuer.key_id))
    return cannot("authorityKeyIdentifier could not be made");
  if (!add_alt_names(certificate, spec.subject_alt_names)) return cannot("subjectAltName could not be made");
  if (!add_distribution_point(certificate, spec.crl_distribution_points))
    return cannot("cRLDistributionPoints could not be made");
  if (!add_information_access(certificate, spec.information_access))
    return cannot("authorityInfoAccess could not be made");
  if (spec.ocsp_no_check == OcspNoCheck::yes && !add_ocsp_no_check(certificate))
    return cannot("ocsp-nocheck could not be made");
  TbsCertificate tbs{to_der<i2d_re_X509_tbs>(certificate), to_der<i2d_X509_ALGOR>(X509_get0_tbs_sigalg(certificate))};
  if (tbs.der.empty() || tbs.algorithm_der.empty()) return cannot("the certificate could not be encoded");
  return tbs;
}

}  // namespace

base::Result<TbsCertificate> build_tbs(const CertificateSpec& spec, const Certificate& issuer,
                                       const crypto::PublicKey& issuer_key) {
  if (issuer.subject_key_id().empty()) return cannot("the issuer's certificate has no subjectKeyIdentifier");
  BASE_TRY(const NativeName subject, make_name(spec.subject));
  return build(spec, subject.get(),
               {X509_get_subject_name(issuer.native()), issuer.subject_key_id(), issuer_key.type()});
}

base::Result<TbsCertificate> build_self_issued_tbs(const CertificateSpec& spec) {
  BASE_TRY(const NativeName subject, make_name(spec.subject));
  return build(spec, subject.get(), {subject.get(), {}, spec.key.type()});
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
