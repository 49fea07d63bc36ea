#include "x509/ocsp_request.h"

#include <algorithm>
#include <array>

#include "x509/der.h"

namespace countersign::x509 {
namespace {

using base::BytesView;
using der::Element;
using der::Reader;

constexpr std::array<std::uint8_t, 5> kSha1 = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
constexpr std::array<std::uint8_t, 9> kSha256 = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
/// id-pkix-ocsp-nonce: 1.3.6.1.5.5.7.48.1.2
constexpr std::array<std::uint8_t, 9> kNonce = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
constexpr std::size_t kSerialOctets = 20;
constexpr std::uint8_t kNull = 0x05;
/// id-pkix-ocsp-response and id-pkix-ocsp-pref-sig-algs may be ignored, and are.
constexpr std::size_t kExtensionLimit = 16;

tl::unexpected<base::Error> malformed(const char* detail) {
  return base::fail(base::Kind::invalid, "ocsp.malformed", detail);
}

/// AlgorithmIdentifier with parameters that are absent or NULL: two spellings of a CertID, no more.
std::optional<CertIdHash> read_hash(BytesView content) {
  Reader in(content);
  const auto oid = in.next(der::kObjectId);
  if (!oid) return std::nullopt;
  if (const auto parameters = in.next(kNull); parameters && !parameters->content.empty()) return std::nullopt;
  if (!in.at_end()) return std::nullopt;
  if (std::ranges::equal(oid->content, kSha1)) return CertIdHash::sha1;
  if (std::ranges::equal(oid->content, kSha256)) return CertIdHash::sha256;
  return CertIdHash::other;
}

/// A positive INTEGER's magnitude; empty for a number that no certificate has. Nothing when it is no DER.
std::optional<BytesView> read_serial(BytesView content) {
  if (content.empty()) return std::nullopt;
  const bool needless = content.size() > 1 && ((content[0] == 0x00 && (content[1] & 0x80U) == 0) ||
                                               (content[0] == 0xff && (content[1] & 0x80U) != 0));
  if (needless) return std::nullopt;
  if ((content[0] & 0x80U) != 0) return BytesView();
  if (content[0] == 0x00) content = content.subspan(1);
  return content.size() > kSerialOctets ? BytesView() : content;
}

std::optional<CertId> read_cert_id(const Element& element) {
  Reader in(element.content);
  const auto algorithm = in.next(der::kSequence);
  const auto hash = algorithm ? read_hash(algorithm->content) : std::nullopt;
  const auto name = in.next(der::kOctetString);
  const auto key = in.next(der::kOctetString);
  const auto serial = in.next(der::kInteger);
  if (!hash || !name || !key || !serial || !in.at_end()) return std::nullopt;
  const auto magnitude = read_serial(serial->content);
  if (!magnitude) return std::nullopt;
  return CertId{*hash, name->content, key->content, *magnitude, element.whole};
}

struct Extension {
  BytesView oid;
  bool critical;
  BytesView value;
};

std::optional<Extension> read_extension(BytesView content) {
  Reader in(content);
  const auto oid = in.next(der::kObjectId);
  if (!oid) return std::nullopt;
  bool critical = false;
  if (in.sees(der::kBoolean)) {
    const auto flag = in.next();
    if (!flag || flag->content.size() != 1) return std::nullopt;
    critical = flag->content[0] != 0;
  }
  const auto value = in.next(der::kOctetString);
  if (!value || !in.at_end()) return std::nullopt;
  return Extension{oid->content, critical, value->content};
}

/// Extensions inside their [n]. `nonce` is where a nonce is kept; of a single request it is none.
std::optional<std::vector<Extension>> read_extensions(const Element& tagged) {
  Reader outer(tagged.content);
  const auto list = outer.next(der::kSequence);
  if (!list || !outer.at_end() || list->content.empty()) return std::nullopt;
  std::vector<Extension> extensions;
  for (Reader in(list->content); !in.at_end();) {
    const auto one = in.next(der::kSequence);
    const auto extension = one ? read_extension(one->content) : std::nullopt;
    if (!extension || extensions.size() == kExtensionLimit) return std::nullopt;
    extensions.push_back(*extension);
  }
  return extensions;
}

/// RFC 9654 section 2.1: Nonce ::= OCTET STRING(SIZE(1..128)).
bool is_nonce(BytesView value) {
  Reader in(value);
  const auto octets = in.next(der::kOctetString);
  return octets && in.at_end() && !octets->content.empty() && octets->content.size() <= kOcspNonceLimit;
}

base::Result<std::optional<BytesView>> find_nonce(const Element& tagged) {
  const auto extensions = read_extensions(tagged);
  if (!extensions) return malformed("the request's extensions do not parse");
  std::optional<BytesView> nonce;
  for (const Extension& one : *extensions) {
    if (!std::ranges::equal(one.oid, kNonce)) {
      if (one.critical) return malformed("a critical extension of the request is not known here");
      continue;
    }
    if (nonce || !is_nonce(one.value)) return malformed("a request has one nonce of 1 to 128 octets at most");
    nonce = one.value;
  }
  return nonce;
}

base::Result<CertId> read_single(BytesView content) {
  Reader in(content);
  const auto id = in.next(der::kSequence);
  const auto cert_id = id ? read_cert_id(*id) : std::nullopt;
  if (!cert_id) return malformed("a CertID does not parse");
  if (const auto tagged = in.next(der::constructed(0))) {
    const auto extensions = read_extensions(*tagged);
    if (!extensions || std::ranges::any_of(*extensions, &Extension::critical))
      return malformed("the extensions of a single request do not parse, or one is critical");
  }
  if (!in.at_end()) return malformed("there is more in a single request than belongs there");
  return *cert_id;
}

base::Result<std::vector<CertId>> read_list(BytesView content) {
  std::vector<CertId> cert_ids;
  for (Reader in(content); !in.at_end();) {
    const auto single = in.next(der::kSequence);
    if (!single) return malformed("the list of requests does not parse");
    if (cert_ids.size() == kOcspCertIdLimit) return malformed("at most 16 certificates can be asked for at once");
    BASE_TRY(const CertId cert_id, read_single(single->content));
    cert_ids.push_back(cert_id);
  }
  if (cert_ids.empty()) return malformed("the request asks for no certificate");
  return cert_ids;
}

/// version [0] DEFAULT v1; requestorName [1], whose content is of no interest.
bool skip_version_and_name(Reader& in) {
  static constexpr std::array<std::uint8_t, 3> kVersion1 = {der::kInteger, 0x01, 0x00};
  if (in.sees(der::constructed(0))) {
    const auto version = in.next();
    if (!version || !std::ranges::equal(version->content, kVersion1)) return false;
  }
  return !in.sees(der::constructed(1)) || in.next().has_value();
}

}  // namespace

base::Result<OcspRequest> OcspRequest::parse(base::BytesView der) {
  if (der.size() > kOcspRequestLimit) return malformed("an OCSP request has at most 8 KiB");
  OcspRequest request;
  request.der_ = base::to_bytes(der);
  Reader whole(request.der_);
  const auto outer = whole.next(der::kSequence);
  if (!outer || !whole.at_end()) return malformed("this is no OCSP request");
  Reader parts(outer->content);
  const auto tbs = parts.next(der::kSequence);
  const bool signature_is_whole = !parts.sees(der::constructed(0)) || parts.next().has_value();
  if (!tbs || !signature_is_whole || !parts.at_end()) return malformed("this is no OCSP request");

  Reader in(tbs->content);
  if (!skip_version_and_name(in)) return malformed("the request is not of version 1");
  const auto list = in.next(der::kSequence);
  if (!list) return malformed("there is no list of requests");
  BASE_TRY(request.cert_ids_, read_list(list->content));
  if (const auto tagged = in.next(der::constructed(2))) {
    BASE_TRY(request.nonce_, find_nonce(*tagged));
  }
  if (!in.at_end()) return malformed("there is more in the request than belongs there");
  return request;
}

}  // namespace countersign::x509
