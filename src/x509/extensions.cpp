#include "x509/extensions.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "crypto/openssl_error.h"
#include "x509/der.h"
#include "x509/extension_oids.h"
#include "x509/native.h"
#include "x509/plain_extensions.h"

namespace countersign::x509 {
namespace {

constexpr int kAbsent = -1;

template <auto Free, class T>
struct FreeBy {
  void operator()(T* object) const { Free(object); }
};
template <class T, auto Free>
using Extension = std::unique_ptr<T, FreeBy<Free, T>>;

/// The extension `nid` decoded, or null; `sound` turns false when it is there but cannot be used.
template <class T, auto Free>
Extension<T, Free> read(const X509* certificate, int nid, bool& sound) {
  int critical = kAbsent;
  auto* decoded = static_cast<T*>(X509_get_ext_d2i(certificate, nid, &critical, nullptr));
  if (decoded == nullptr && critical != kAbsent) sound = false;
  return Extension<T, Free>(decoded);
}

void read_key_usage(X509* certificate, ReadExtensions& out) {
  static constexpr std::array<std::pair<std::uint32_t, KeyUsage>, 6> kBits = {{
      {KU_DIGITAL_SIGNATURE, KeyUsage::digital_signature},
      {KU_NON_REPUDIATION, KeyUsage::non_repudiation},
      {KU_KEY_ENCIPHERMENT, KeyUsage::key_encipherment},
      {KU_KEY_AGREEMENT, KeyUsage::key_agreement},
      {KU_KEY_CERT_SIGN, KeyUsage::cert_sign},
      {KU_CRL_SIGN, KeyUsage::crl_sign},
  }};
  if ((X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) == 0) return;
  const std::uint32_t usage = X509_get_key_usage(certificate);
  out.key_usages.emplace();
  for (const auto& [bit, name] : kBits)
    if ((usage & bit) != 0) out.key_usages->insert(name);
}

std::string dotted(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  const int length = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  if (length <= 0 || static_cast<std::size_t>(length) >= text.size()) return "unreadable";
  return {text.data(), static_cast<std::size_t>(length)};
}

void take_usages(const EXTENDED_KEY_USAGE* usages, ReadExtensions& out) {
  out.extended_key_usages.emplace();
  for (int i = 0; usages != nullptr && i < sk_ASN1_OBJECT_num(usages); ++i)
    out.extended_key_usages->push_back(dotted(sk_ASN1_OBJECT_value(usages, i)));
}

void read_extended_key_usage(const X509* certificate, ReadExtensions& out) {
  if (X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1) < 0) return;
  take_usages(read<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>(certificate, NID_ext_key_usage, out.sound).get(), out);
}

std::optional<std::string> address_text(const base::Bytes& octets) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool known = octets.size() == 4 || octets.size() == 16;
  if (!known) return std::nullopt;
  const int family = octets.size() == 4 ? AF_INET : AF_INET6;
  if (inet_ntop(family, octets.data(), text.data(), text.size()) == nullptr) return std::nullopt;
  return std::string(text.data());
}

std::string text_of(const ASN1_STRING* string) { return std::string(base::as_text(to_bytes(string))); }

void read_alt_name(const GENERAL_NAME* name, SubjectAltNames& out) {
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(name, &type);
  const auto* string = static_cast<const ASN1_STRING*>(value);
  if (type == GEN_DNS) {
    out.dns.push_back(text_of(string));
  } else if (type == GEN_URI) {
    out.uris.push_back(text_of(string));
  } else if (auto address = type == GEN_IPADD ? address_text(to_bytes(string)) : std::nullopt) {
    out.ip_addresses.push_back(std::move(*address));
  } else {
    out.has_others = true;
  }
}

void take_alt_names(const GENERAL_NAMES* names, ReadExtensions& out) {
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i)
    read_alt_name(sk_GENERAL_NAME_value(names, i), out.subject_alt_names);
}

void take_access(const AUTHORITY_INFO_ACCESS* access, ReadExtensions& out) {
  for (int i = 0; access != nullptr && i < sk_ACCESS_DESCRIPTION_num(access); ++i) {
    const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access, i);
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(one->location, &type));
    const int method = OBJ_obj2nid(one->method);
    if (type == GEN_URI && method == NID_ad_ca_issuers) out.information_access.ca_issuers.push_back(text_of(value));
    else if (type == GEN_URI && method == NID_ad_OCSP) out.information_access.ocsp.push_back(text_of(value));
    else out.information_access.has_others = true;
  }
}

void read_point(const DIST_POINT* point, UrlList& out) {
  if (point->reasons != nullptr || point->CRLissuer != nullptr || point->distpoint == nullptr) out.has_others = true;
  if (point->distpoint != nullptr) read_point_name(point->distpoint, out);
}

void take_points(const CRL_DIST_POINTS* points, ReadExtensions& out) {
  if (points == nullptr) return;
  if (sk_DIST_POINT_num(points) != 1) out.crl_distribution_points.has_others = true;
  for (int i = 0; i < sk_DIST_POINT_num(points); ++i)
    read_point(sk_DIST_POINT_value(points, i), out.crl_distribution_points);
}

void read_key_ids(const X509* certificate, ReadExtensions& out) {
  const auto own = read<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>(certificate, NID_subject_key_identifier, out.sound);
  out.subject_key_id = to_bytes(own.get());
  const auto issuer = read<AUTHORITY_KEYID, AUTHORITY_KEYID_free>(certificate, NID_authority_key_identifier, out.sound);
  if (issuer != nullptr) out.authority_key_id = to_bytes(issuer->keyid);
}

/// The value of an extension by one of libcrypto's d2i functions; null where it is not exactly that.
template <class T, auto D2i, auto Free>
Extension<T, Free> decode(base::BytesView value) {
  const std::uint8_t* at = value.data();
  Extension<T, Free> decoded(D2i(nullptr, &at, static_cast<long>(value.size())));
  return at == value.data() + value.size() ? std::move(decoded) : nullptr;
}

bool take_plain_constraints(base::BytesView value, ReadExtensions& out) {
  const auto found = decode<BASIC_CONSTRAINTS, d2i_BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>(value);
  if (found == nullptr) return false;
  out.is_ca = found->ca != 0;
  // RFC 5280 section 4.2.1.9: a length is for CAs, and not negative.
  return found->pathlen == nullptr || (out.is_ca && ASN1_STRING_type(found->pathlen) == V_ASN1_INTEGER);
}

bool take_plain_key_usage(base::BytesView value, ReadExtensions& out) {
  static constexpr std::array<std::pair<int, KeyUsage>, 6> kBits = {{
      {0, KeyUsage::digital_signature},
      {1, KeyUsage::non_repudiation},
      {2, KeyUsage::key_encipherment},
      {4, KeyUsage::key_agreement},
      {5, KeyUsage::cert_sign},
      {6, KeyUsage::crl_sign},
  }};
  const auto found = decode<ASN1_BIT_STRING, d2i_ASN1_BIT_STRING, ASN1_BIT_STRING_free>(value);
  if (found == nullptr) return false;
  out.key_usages.emplace();
  for (const auto& [bit, name] : kBits)
    if (ASN1_BIT_STRING_get_bit(found.get(), bit) == 1) out.key_usages->insert(name);
  return !out.key_usages->empty();
}

template <class T, auto D2i, auto Free, auto Take>
bool take_plain(base::BytesView value, ReadExtensions& out) {
  const auto found = decode<T, D2i, Free>(value);
  if (found != nullptr) Take(found.get(), out);
  return found != nullptr;
}

bool take_plain_own_id(base::BytesView value, ReadExtensions& out) {
  out.subject_key_id = to_bytes(decode<ASN1_OCTET_STRING, d2i_ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>(value).get());
  return !out.subject_key_id.empty();
}

bool take_plain_issuer_id(base::BytesView value, ReadExtensions& out) {
  const auto found = decode<AUTHORITY_KEYID, d2i_AUTHORITY_KEYID, AUTHORITY_KEYID_free>(value);
  if (found != nullptr) out.authority_key_id = to_bytes(found->keyid);
  return found != nullptr;
}

bool take_null(base::BytesView value, ReadExtensions&) {
  static constexpr std::array<std::uint8_t, 2> kNull = {0x05, 0x00};
  return std::ranges::equal(value, kNull);
}

/// Of the SEQUENCE: its OID, DEFAULT FALSE or TRUE, and an OCTET STRING (RFC 5280 section 4.1).
struct Encoded {
  base::BytesView oid;
  bool critical;
  base::BytesView value;
};

std::optional<Encoded> take_apart(const der::Element& extension) {
  der::Reader reader(extension.content);
  const auto oid = reader.next(der::kObjectId);
  const auto critical = reader.next(der::kBoolean);
  const auto value = reader.next(der::kOctetString);
  const bool is_default = critical && (critical->content.size() != 1 || critical->content.front() != 0xff);
  if (extension.tag != der::kSequence || !oid || !value || !reader.at_end() || is_default) return std::nullopt;
  return Encoded{oid->whole, critical.has_value(), value->content};
}

struct Plain {
  base::BytesView oid;
  std::string_view dotted;
  bool (*take)(base::BytesView, ReadExtensions&);
};

const std::array<Plain, 9>& plain_ones() {
  static constexpr std::array<Plain, 9> kPlain = {{
      {oid_der::kBasicConstraints, "2.5.29.19", take_plain_constraints},
      {oid_der::kKeyUsage, "2.5.29.15", take_plain_key_usage},
      {oid_der::kExtendedKeyUsage, "2.5.29.37",
       take_plain<EXTENDED_KEY_USAGE, d2i_EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free, take_usages>},
      {oid_der::kSubjectKeyId, "2.5.29.14", take_plain_own_id},
      {oid_der::kAuthorityKeyId, "2.5.29.35", take_plain_issuer_id},
      {oid_der::kSubjectAltName, "2.5.29.17",
       take_plain<GENERAL_NAMES, d2i_GENERAL_NAMES, GENERAL_NAMES_free, take_alt_names>},
      {oid_der::kCrlDistributionPoints, "2.5.29.31",
       take_plain<CRL_DIST_POINTS, d2i_CRL_DIST_POINTS, CRL_DIST_POINTS_free, take_points>},
      {oid_der::kInformationAccess, "1.3.6.1.5.5.7.1.1",
       take_plain<AUTHORITY_INFO_ACCESS, d2i_AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free, take_access>},
      {oid_der::kOcspNoCheck, oid::kOcspNoCheck, take_null},
  }};
  return kPlain;
}

}  // namespace

std::optional<PlainExtensions> read_plain_extensions(base::BytesView list) {
  PlainExtensions read;
  std::set<std::string_view> seen;
  der::Reader reader(list);
  while (!reader.at_end()) {
    const auto element = reader.next();
    const auto one = element ? take_apart(*element) : std::nullopt;
    if (!one) return std::nullopt;
    const auto known =
        std::ranges::find_if(plain_ones(), [&](const Plain& plain) { return std::ranges::equal(plain.oid, one->oid); });
    if (known == plain_ones().end() || !seen.insert(known->dotted).second || !known->take(one->value, read.content))
      return std::nullopt;
    read.list.push_back({std::string(known->dotted), one->critical});
  }
  return read;
}

void read_point_name(const DIST_POINT_NAME* point, UrlList& out) {
  constexpr int kFullName = 0;
  if (point->type != kFullName) {
    out.has_others = true;
    return;
  }
  const GENERAL_NAMES* names = point->name.fullname;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
    if (type == GEN_URI) out.urls.push_back(text_of(static_cast<const ASN1_STRING*>(value)));
    else out.has_others = true;
  }
}

ReadExtensions read_extensions(X509* certificate) {
  ReadExtensions out;
  out.is_ca = (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0;
  read_key_usage(certificate, out);
  read_extended_key_usage(certificate, out);
  take_alt_names(read<GENERAL_NAMES, GENERAL_NAMES_free>(certificate, NID_subject_alt_name, out.sound).get(), out);
  take_access(read<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>(certificate, NID_info_access, out.sound).get(),
              out);
  take_points(read<CRL_DIST_POINTS, CRL_DIST_POINTS_free>(certificate, NID_crl_distribution_points, out.sound).get(),
              out);
  read_key_ids(certificate, out);
  crypto::drop_openssl_errors();
  return out;
}

bool has_invalid_extensions(X509* certificate) {
  const bool invalid = (X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0;
  crypto::drop_openssl_errors();
  return invalid;
}

}  // namespace countersign::x509
