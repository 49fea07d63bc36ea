#include "x509/certificate_reader.h"

#include <algorithm>
#include <array>

#include <openssl/x509.h>

#include "crypto/openssl_error.h"
#include "x509/der.h"
#include "x509/native.h"
#include "x509/plain_extensions.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

/// The parts of a TBSCertificate (RFC 5280 section 4.1), whole elements but for `serial`.
struct Parts {
  base::BytesView serial;
  base::BytesView issuer;
  base::BytesView not_before;
  base::BytesView not_after;
  base::BytesView subject;
  base::BytesView spki;
  base::BytesView extensions;  ///< what the SEQUENCE of them holds
};

bool is_algorithm_of_ours(base::BytesView algorithm) {
  using crypto::KeyType;
  return std::ranges::any_of(
      std::array{KeyType::ec_p256, KeyType::ec_p384, KeyType::ed25519, KeyType::rsa},
      [&](KeyType type) { return std::ranges::equal(algorithm, signature_algorithm_der(type)); });
}

bool has_version_3(der::Reader& reader) {
  static constexpr std::array<std::uint8_t, 3> kVersion3 = {der::kInteger, 1, 2};
  const auto version = reader.next(der::constructed(0));
  return version && std::ranges::equal(version->content, kVersion3);
}

std::optional<Parts> take_tbs_apart(base::BytesView tbs, base::BytesView algorithm) {
  der::Reader reader(tbs);
  if (!has_version_3(reader)) return std::nullopt;
  const auto serial = reader.next(der::kInteger);
  const auto named = reader.next(der::kSequence);
  const auto issuer = reader.next(der::kSequence);
  const auto validity = reader.next(der::kSequence);
  const auto subject = reader.next(der::kSequence);
  const auto spki = reader.next(der::kSequence);
  const auto extensions = reader.next(der::constructed(3));
  if (!serial || !named || !issuer || !validity || !subject || !spki || !extensions || !reader.at_end())
    return std::nullopt;
  der::Reader times(validity->content);
  const auto not_before = times.next();
  const auto not_after = times.next();
  der::Reader inside(extensions->content);
  const auto list = inside.next(der::kSequence);
  const bool whole = not_before && not_after && times.at_end() && list && inside.at_end() &&
                     std::ranges::equal(named->whole, algorithm);
  if (!whole) return std::nullopt;
  return Parts{serial->content, issuer->whole, not_before->whole, not_after->whole,
               subject->whole,  spki->whole,   list->content};
}

std::optional<Parts> take_apart(base::BytesView der) {
  der::Reader outside(der);
  const auto certificate = outside.next(der::kSequence);
  if (!certificate || !outside.at_end()) return std::nullopt;
  der::Reader reader(certificate->content);
  const auto tbs = reader.next(der::kSequence);
  const auto algorithm = reader.next(der::kSequence);
  const auto signature = reader.next(der::kBitString);
  const bool whole = tbs && algorithm && signature && reader.at_end() && signature->content.size() > 1 &&
                     signature->content.front() == 0 && is_algorithm_of_ours(algorithm->whole);
  return whole ? take_tbs_apart(tbs->content, algorithm->whole) : std::nullopt;
}

/// Positive, in the fewest octets (X.690 section 8.3.2).
bool is_plain_serial(base::BytesView content) {
  if (content.empty() || (content[0] & 0x80U) != 0) return false;
  const bool needless = content.size() > 1 && content[0] == 0 && (content[1] & 0x80U) == 0;
  return !needless && !(content.size() == 1 && content[0] == 0);
}

/// Reads as itself, whatever the rules for escapes (RFC 4514 section 2.4).
bool is_plain_text(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == ' ';
  };
  return !text.empty() && text.front() != ' ' && text.back() != ' ' && std::ranges::all_of(text, is_plain);
}

/// One attribute, by itself in its SET: the last octet of its type, id-at-n (RFC 5280 appendix A.1), and its value.
struct Attribute {
  std::uint8_t type;
  std::string text;
};

std::optional<Attribute> read_attribute(const der::Element& set) {
  constexpr std::uint8_t kSet = 0x31;
  constexpr std::uint8_t kUtf8String = 0x0c;
  static constexpr std::array<std::uint8_t, 2> kIdAt = {0x55, 4};
  der::Reader alone(set.content);
  const auto pair = alone.next(der::kSequence);
  der::Reader parts(pair ? pair->content : base::BytesView());
  const auto type = parts.next(der::kObjectId);
  const auto value = parts.next(kUtf8String);
  const bool whole = set.tag == kSet && alone.at_end() && type && value && parts.at_end() &&
                     type->content.size() == 3 && std::ranges::equal(type->content.first(2), kIdAt);
  if (!whole || !is_plain_text(base::as_text(value->content))) return std::nullopt;
  return Attribute{type->content[2], std::string(base::as_text(value->content))};
}

/// Each of O, OU and CN at most once, in plain UTF8String: as the authority's own names are.
std::optional<Name> read_plain_name(base::BytesView der) {
  const auto whole = der::Reader(der).next(der::kSequence);
  Name name{.text = {},
            .der = std::string(base::as_text(der)),
            .common_name = {},
            .organisation = {},
            .organisational_unit = {}};
  der::Reader reader(whole ? whole->content : base::BytesView());
  while (!reader.at_end()) {
    const auto set = reader.next();
    auto attribute = set ? read_attribute(*set) : std::nullopt;
    if (!attribute) return std::nullopt;
    const bool is_unit = attribute->type == 11;
    const bool is_known = attribute->type == 3 || attribute->type == 10 || is_unit;
    std::string& part = is_unit                 ? name.organisational_unit
                        : attribute->type == 10 ? name.organisation
                                                : name.common_name;
    if (!is_known || !part.empty()) return std::nullopt;
    part = std::move(attribute->text);
    const char* kind = is_unit ? "OU=" : attribute->type == 10 ? "O=" : "CN=";
    name.text = kind + part + (name.text.empty() ? "" : "," + name.text);  // the last one comes first
  }
  if (name.text.empty()) return std::nullopt;
  return name;
}

std::optional<Name> read_name_der(base::BytesView der) {
  if (auto plain = read_plain_name(der)) return plain;
  const std::uint8_t* at = der.data();
  const NativeName name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  if (name == nullptr || at != der.data() + der.size()) return std::nullopt;
  Name read = read_name(name.get());
  if (base::as_text(der) != read.der) return std::nullopt;
  return read;
}

std::optional<base::Instant> read_time(base::BytesView der) {
  const std::uint8_t* at = der.data();
  const crypto::Handle<ASN1_TIME, ASN1_TIME_free> time(d2i_ASN1_TIME(nullptr, &at, static_cast<long>(der.size())));
  if (time == nullptr || at != der.data() + der.size()) return std::nullopt;
  return to_instant(time.get());
}

std::optional<crypto::PublicKey> read_key(base::BytesView spki) {
  auto key = crypto::PublicKey::from_spki(spki);
  if (!key || !std::ranges::equal(key->to_spki(), spki)) return std::nullopt;
  return std::move(*key);
}

std::optional<CertificateContent> read(const Parts& parts) {
  if (!is_plain_serial(parts.serial)) return std::nullopt;
  auto extensions = read_plain_extensions(parts.extensions);
  auto issuer = read_name_der(parts.issuer);
  auto subject = read_name_der(parts.subject);
  const auto not_before = read_time(parts.not_before);
  const auto not_after = read_time(parts.not_after);
  auto key = read_key(parts.spki);
  if (!extensions || !issuer || !subject || !not_before || !not_after || !key) return std::nullopt;
  return CertificateContent{.serial = Serial::from_magnitude(parts.serial),
                            .subject = std::move(*subject),
                            .issuer = std::move(*issuer),
                            .not_before = *not_before,
                            .not_after = *not_after,
                            .key = std::move(*key),
                            .extensions = std::move(extensions->content),
                            .plain_extensions = std::move(extensions->list)};
}

}  // namespace

std::optional<CertificateContent> read_plain(base::BytesView der) {
  const auto parts = take_apart(der);
  auto content = parts ? read(*parts) : std::nullopt;
  crypto::drop_openssl_errors();
  return content;
}

}  // namespace countersign::x509
