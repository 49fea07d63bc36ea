#include "x509/extensions.h"

#include <array>

#include <arpa/inet.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "crypto/openssl_error.h"
#include "x509/native.h"

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

void read_extended_key_usage(const X509* certificate, ReadExtensions& out) {
  if (X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1) < 0) return;
  out.extended_key_usages.emplace();
  const auto usages = read<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>(certificate, NID_ext_key_usage, out.sound);
  for (int i = 0; usages != nullptr && i < sk_ASN1_OBJECT_num(usages.get()); ++i)
    out.extended_key_usages->push_back(dotted(sk_ASN1_OBJECT_value(usages.get(), i)));
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

void read_alt_names(const X509* certificate, ReadExtensions& out) {
  const auto names = read<GENERAL_NAMES, GENERAL_NAMES_free>(certificate, NID_subject_alt_name, out.sound);
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i)
    read_alt_name(sk_GENERAL_NAME_value(names.get(), i), out.subject_alt_names);
}

void read_information_access(const X509* certificate, ReadExtensions& out) {
  const auto access = read<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>(certificate, NID_info_access, out.sound);
  for (int i = 0; access != nullptr && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
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

void read_distribution_points(const X509* certificate, ReadExtensions& out) {
  const auto points = read<CRL_DIST_POINTS, CRL_DIST_POINTS_free>(certificate, NID_crl_distribution_points, out.sound);
  if (points == nullptr) return;
  if (sk_DIST_POINT_num(points.get()) != 1) out.crl_distribution_points.has_others = true;
  for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i)
    read_point(sk_DIST_POINT_value(points.get(), i), out.crl_distribution_points);
}

void read_key_ids(const X509* certificate, ReadExtensions& out) {
  const auto own = read<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>(certificate, NID_subject_key_identifier, out.sound);
  out.subject_key_id = to_bytes(own.get());
  const auto issuer = read<AUTHORITY_KEYID, AUTHORITY_KEYID_free>(certificate, NID_authority_key_identifier, out.sound);
  if (issuer != nullptr) out.authority_key_id = to_bytes(issuer->keyid);
}

}  // namespace

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
  read_alt_names(certificate, out);
  read_information_access(certificate, out);
  read_distribution_points(certificate, out);
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
