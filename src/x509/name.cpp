#include "x509/name.h"

#include <array>
#include <cstdint>

#include <openssl/x509.h>

#include "crypto/openssl_error.h"
#include "x509/der.h"
#include "x509/name_der.h"
#include "x509/native.h"

namespace countersign::x509 {
namespace {

/// ub-common-name, ub-organization-name and ub-organizational-unit-name of RFC 5280 appendix A.1.
constexpr std::size_t kPartLimit = 64;

std::string to_text(const X509_NAME* name) {
  const crypto::Handle<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long length = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
  return length > 0 ? std::string(data, static_cast<std::size_t>(length)) : std::string();
}

std::string first_part(const X509_NAME* name, int nid) {
  const int index = X509_NAME_get_index_by_NID(name, nid, -1);
  if (index < 0) return {};
  std::uint8_t* raw = nullptr;
  const int length = ASN1_STRING_to_UTF8(&raw, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  const crypto::Handle<std::uint8_t, crypto::free_openssl_bytes> owner(raw);
  return length > 0 ? std::string(base::as_text({raw, static_cast<std::size_t>(length)})) : std::string();
}

bool is_printable_utf8(std::string_view text) {
  const base::BytesView bytes = base::as_bytes(text);
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); ++count) {
    unsigned long value = 0;
    const int used = UTF8_getc(bytes.data() + at, static_cast<int>(bytes.size() - at), &value);
    if (used <= 0 || value < 0x20 || (value >= 0x7f && value < 0xa0)) return false;
    at += static_cast<std::size_t>(used);
  }
  return count <= kPartLimit;
}

tl::unexpected<base::Error> unprintable() {
  return base::fail(base::Kind::invalid, "name.invalid",
                    "a part of a name must be at most 64 characters of UTF-8, none of them a control character");
}

}  // namespace

Name read_name(const X509_NAME* name) {
  Name result{to_text(name), std::string(base::as_text(to_der<i2d_X509_NAME>(name))), first_part(name, NID_commonName),
              first_part(name, NID_organizationName), first_part(name, NID_organizationalUnitName)};
  crypto::drop_openssl_errors();
  return result;
}

base::Result<base::Bytes> to_name_der(const SubjectName& name) {
  static constexpr std::uint8_t kSet = 0x31;
  static constexpr std::uint8_t kUtf8String = 0x0c;
  static constexpr std::array<std::uint8_t, 5> kOrganisation = {0x06, 3, 0x55, 4, 10};
  static constexpr std::array<std::uint8_t, 5> kUnit = {0x06, 3, 0x55, 4, 11};
  static constexpr std::array<std::uint8_t, 5> kCommonName = {0x06, 3, 0x55, 4, 3};
  const struct {
    base::BytesView oid;
    const std::string& text;
  } parts[] = {{kOrganisation, name.organisation}, {kUnit, name.organisational_unit}, {kCommonName, name.common_name}};
  base::Bytes content;
  for (const auto& part : parts) {
    if (part.text.empty()) continue;
    if (!is_printable_utf8(part.text)) return unprintable();
    const base::Bytes value = der::element(kUtf8String, {base::as_bytes(part.text)});
    der::append(content, kSet, {der::element(der::kSequence, {part.oid, value})});
  }
  return der::element(der::kSequence, {content});
}

base::Result<NativeName> make_name(const SubjectName& name) {
  const struct {
    int nid;
    const std::string& text;
  } parts[] = {{NID_organizationName, name.organisation},
               {NID_organizationalUnitName, name.organisational_unit},
               {NID_commonName, name.common_name}};
  NativeName native(X509_NAME_new());
  for (const auto& part : parts) {
    if (part.text.empty()) continue;
    if (!is_printable_utf8(part.text)) return unprintable();
    const base::BytesView bytes = base::as_bytes(part.text);
    if (native == nullptr || X509_NAME_add_entry_by_NID(native.get(), part.nid, V_ASN1_UTF8STRING, bytes.data(),
                                                        static_cast<int>(bytes.size()), -1, 0) != 1)
      return base::unexpected(
          crypto::openssl_error(base::Kind::internal, "name.invalid", "the name could not be made"));
  }
  return native;
}

}  // namespace countersign::x509
