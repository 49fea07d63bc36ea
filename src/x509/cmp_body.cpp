#include "x509/cmp_body.h"

#include <algorithm>

#include <openssl/x509.h>

#include "base/check.h"
#include "x509/cmp_oids.h"
#include "x509/der.h"
#include "x509/native.h"

namespace countersign::x509 {
namespace {

using base::BytesView;
using base::Kind;
using der::Element;
using der::Reader;

constexpr std::size_t kSerialOctets = 20;
constexpr std::int64_t kFirstRequest = 0;
constexpr std::int64_t kPkcs10Request = -1;
constexpr std::uint8_t kDirectoryName = der::constructed(4);

tl::unexpected<base::Error> malformed(const char* detail) { return base::fail(Kind::invalid, "cmp.malformed", detail); }

/// The elements of the SEQUENCE OF that a body is.
std::optional<std::vector<Element>> read_list(const CmpMessage& message) {
  const auto list = Reader(message.content()).next(der::kSequence);
  if (!list) return std::nullopt;
  std::vector<Element> elements;
  for (Reader in(list->content); !in.at_end();) {
    const auto one = in.next(der::kSequence);
    if (!one) return std::nullopt;
    elements.push_back(*one);
  }
  return elements;
}

base::Result<Element> read_only(const CmpMessage& message) {
  const auto list = read_list(message);
  if (!list) return malformed("the body is no list");
  if (list->size() == 1) return list->front();
  return base::fail(Kind::invalid, "cmp.not_one",
                    "one message asks for one thing: send the others in messages of their own");
}

/// An INTEGER of at most eight octets.
std::optional<std::int64_t> read_integer(BytesView content) {
  if (content.empty() || content.size() > 8) return std::nullopt;
  std::uint64_t value = (content.front() & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t octet : content)
    value = (value << 8) | octet;
  return static_cast<std::int64_t>(value);
}

std::optional<Serial> read_serial(BytesView content) {
  if (content.empty() || (content.front() & 0x80U) != 0 || content.size() > kSerialOctets + 1) return std::nullopt;
  return Serial::from_magnitude(content);
}

/// CertId ::= SEQUENCE { issuer GeneralName, serialNumber INTEGER } (RFC 4211 section 6.5).
std::optional<CmpCertId> read_cert_id(BytesView content) {
  Reader in(content);
  const auto issuer = in.next(kDirectoryName);
  const auto number = in.next(der::kInteger);
  const auto serial = number ? read_serial(number->content) : std::nullopt;
  if (!issuer || !serial || !in.at_end()) return std::nullopt;
  return CmpCertId{std::string(base::as_text(issuer->content)), *serial};
}

/// controls: of those only oldCertID means something here.
struct Controls {
  std::optional<CmpCertId> old;
};
std::optional<Controls> read_controls(BytesView content) {
  Controls controls;
  for (Reader in(content); !in.at_end();) {
    const auto one = in.next(der::kSequence);
    if (!one) return std::nullopt;
    Reader inside(one->content);
    const auto type = inside.next(der::kObjectId);
    const auto value = inside.next();
    if (!type || !value) return std::nullopt;
    if (!std::ranges::equal(type->content, cmp_oid::kOldCertId)) continue;
    if (controls.old || value->tag != der::kSequence) return std::nullopt;
    controls.old = read_cert_id(value->content);
    if (!controls.old) return std::nullopt;
  }
  return controls;
}

base::Result<CmpCertRequest> read_crmf(const Element& message) {
  const auto request = Reader(message.content).next(der::kSequence);
  Reader in(request ? request->content : BytesView());
  const auto id = in.next(der::kInteger);
  if (!id || !in.next(der::kSequence)) return malformed("the CertRequest does not parse");
  if (read_integer(id->content) != kFirstRequest)
    return base::fail(Kind::invalid, "cmp.request_id", "certReqId must be 0");
  const auto element = in.next(der::kSequence);
  const auto controls = read_controls(element ? element->content : BytesView());
  if (!controls) return malformed("the controls of the request do not parse");
  BASE_TRY(auto csr, Csr::from_crmf(message.whole));
  return CmpCertRequest{kFirstRequest, std::move(csr), controls->old};
}

/// The reasonCode among crlEntryDetails, or unspecified. Nothing when they do not parse.
std::optional<std::int64_t> read_reason(BytesView extensions) {
  std::int64_t reason = 0;
  for (Reader in(extensions); !in.at_end();) {
    const auto one = in.next(der::kSequence);
    if (!one) return std::nullopt;
    Reader inside(one->content);
    const auto type = inside.next(der::kObjectId);
    if (inside.sees(der::kBoolean)) (void)inside.next();
    const auto value = inside.next(der::kOctetString);
    if (!type || !value) return std::nullopt;
    if (!std::ranges::equal(type->content, cmp_oid::kReasonCode)) continue;
    const auto code = Reader(value->content).next(der::kEnumerated);
    const auto number = code ? read_integer(code->content) : std::nullopt;
    if (!number) return std::nullopt;
    reason = *number;
  }
  return reason;
}

}  // namespace

base::Result<CmpCertRequest> read_cert_request(const CmpMessage& message) {
  if (message.body() == CmpBody::p10cr) {
    BASE_TRY(auto csr, Csr::parse(base::as_text(message.content())));
    return CmpCertRequest{kPkcs10Request, std::move(csr)};
  }
  BASE_TRY(const Element request, read_only(message));
  return read_crmf(request);
}

base::Result<CmpRevocation> read_revocation(const CmpMessage& message) {
  BASE_TRY(const Element details, read_only(message));
  Reader in(details.content);
  const auto cert_template = in.next(der::kSequence);
  if (!cert_template) return malformed("there is no certificate template in the revocation");
  std::optional<Serial> serial;
  std::optional<std::string> issuer;
  for (Reader fields(cert_template->content); !fields.at_end();) {
    const auto field = fields.next();
    if (!field) return malformed("the certificate template does not parse");
    if (field->tag == der::primitive(1)) serial = read_serial(field->content);
    if (field->tag == der::constructed(3)) issuer = base::as_text(field->content);
  }
  if (!serial || !issuer)
    return base::fail(Kind::invalid, "cmp.cert_id", "a revocation names the certificate by issuer and serial number");
  std::int64_t reason = 0;
  if (const auto extensions = in.next(der::kSequence)) {
    const auto found = read_reason(extensions->content);
    if (!found) return malformed("crlEntryDetails do not parse");
    reason = *found;
  }
  return CmpRevocation{{std::move(*issuer), *serial}, reason};
}

base::Result<CmpConfirmation> read_confirmation(const CmpMessage& message) {
  const auto list = read_list(message);
  if (!list) return malformed("the body is no list");
  if (list->empty()) return CmpConfirmation{};
  BASE_TRY(const Element status, read_only(message));
  Reader in(status.content);
  const auto hash = in.next(der::kOctetString);
  const auto id = in.next(der::kInteger);
  const auto number = id ? read_integer(id->content) : std::nullopt;
  if (!hash || !number) return malformed("the CertStatus does not parse");
  CmpConfirmation confirmation{.accepts = true, .id = *number, .hash = base::to_bytes(hash->content)};
  if (const auto info = in.next(der::kSequence)) {
    const auto code = Reader(info->content).next(der::kInteger);
    const auto value = code ? read_integer(code->content) : std::nullopt;
    if (!value) return malformed("the PKIStatusInfo does not parse");
    confirmation.accepts = *value == 0;
  }
  return confirmation;
}

base::Result<std::int64_t> read_poll_request(const CmpMessage& message) {
  BASE_TRY(const Element one, read_only(message));
  const auto id = Reader(one.content).next(der::kInteger);
  const auto number = id ? read_integer(id->content) : std::nullopt;
  if (!number) return malformed("the pollReq has no certReqId");
  return *number;
}

base::Result<bool> asks_for_ca_certificates(const CmpMessage& message) {
  const auto list = read_list(message);
  if (!list) return malformed("the body is no list");
  for (const Element& one : *list) {
    const auto type = Reader(one.content).next(der::kObjectId);
    if (!type) return malformed("an InfoTypeAndValue has no type");
    if (!std::ranges::equal(type->content, cmp_oid::kCaCerts)) return false;
  }
  return !list->empty();
}

base::Bytes cmp_certificate_hash(const Certificate& certificate) {
  const crypto::Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> hash(
      X509_digest_sig(certificate.native(), nullptr, nullptr));
  BASE_CHECK(hash != nullptr);
  return to_bytes(hash.get());
}

}  // namespace countersign::x509
