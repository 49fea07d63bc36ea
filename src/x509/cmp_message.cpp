#include "x509/cmp_message.h"

#include <algorithm>

#include "x509/cmp_oids.h"
#include "x509/der.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using base::BytesView;
using crypto::PasswordMac;
using der::Element;
using der::Reader;

constexpr std::uint8_t kNull = 0x05;
constexpr std::uint8_t kGeneralizedTime = 0x18;
constexpr std::size_t kInfoLimit = 16;
constexpr unsigned kBodyTags = 27;

tl::unexpected<base::Error> malformed(const char* detail) {
  return base::fail(base::Kind::invalid, "cmp.malformed", detail);
}

tl::unexpected<base::Error> mac_algorithm(const char* detail) {
  return base::fail(base::Kind::invalid, "cmp.mac_algorithm", detail);
}

/// A small non-negative INTEGER.
std::optional<std::uint64_t> read_number(BytesView content) {
  if (content.empty() || content.size() > 5 || (content[0] & 0x80U) != 0) return std::nullopt;
  if (content.size() > 1 && content[0] == 0 && (content[1] & 0x80U) == 0) return std::nullopt;
  std::uint64_t value = 0;
  for (const std::uint8_t octet : content)
    value = (value << 8) | octet;
  return value;
}

/// "20261126023000Z": GeneralizedTime in DER without a fraction.
std::optional<base::Instant> read_time(BytesView content) {
  const std::string_view text = base::as_text(content);
  const bool has_form = text.size() == 15 && text.back() == 'Z' &&
                        std::ranges::all_of(text.substr(0, 14), [](char c) { return c >= '0' && c <= '9'; });
  if (!has_form) return std::nullopt;
  std::string spelt;
  constexpr std::array<std::size_t, 6> kLengths = {4, 2, 2, 2, 2, 2};
  constexpr std::array<const char*, 6> kMarks = {"-", "-", "T", ":", ":", "Z"};
  std::size_t from = 0;
  for (std::size_t i = 0; i < kLengths.size(); ++i) {
    spelt.append(text.substr(from, kLengths[i])).append(kMarks[i]);
    from += kLengths[i];
  }
  const auto at = base::parse_rfc3339(spelt);
  if (!at) return std::nullopt;
  return *at;
}

/// The one element inside of an explicit tag; nothing also where there is another one, or another tag.
std::optional<Element> only(BytesView content, std::uint8_t tag) {
  Reader in(content);
  const auto element = in.next(tag);
  return element && in.at_end() ? element : std::nullopt;
}

/// generalInfo: is implicitConfirm there? Nothing when it is no list of InfoTypeAndValue.
std::optional<bool> read_general_info(BytesView content) {
  const auto list = only(content, der::kSequence);
  if (!list) return std::nullopt;
  bool found = false;
  std::size_t count = 0;
  for (Reader in(list->content); !in.at_end();) {
    const auto one = in.next(der::kSequence);
    if (!one || ++count > kInfoLimit) return std::nullopt;
    const auto type = Reader(one->content).next(der::kObjectId);
    if (!type) return std::nullopt;
    found = found || std::ranges::equal(type->content, cmp_oid::kImplicitConfirm);
  }
  return found;
}

/// `header` with [1] to [8], each at most once and in order.
std::optional<CmpHeader> read_optional_fields(CmpHeader header, Reader& in) {
  if (const auto tagged = in.next(der::constructed(1))) {
    const auto algorithm = only(tagged->content, der::kSequence);
    if (!algorithm) return std::nullopt;
    header.protection_algorithm = algorithm->whole;
  }
  BytesView ignored;
  const std::array<BytesView*, 5> octets = {&header.sender_key_id, &ignored, &header.transaction_id,
                                            &header.sender_nonce, &header.recipient_nonce};
  for (unsigned i = 0; i < octets.size(); ++i) {
    const auto tagged = in.next(der::constructed(2 + i));
    if (!tagged) continue;
    const auto string = only(tagged->content, der::kOctetString);
    if (!string) return std::nullopt;
    *octets[i] = string->content;
  }
  (void)in.next(der::constructed(7));  // freeText, for people
  if (const auto tagged = in.next(der::constructed(8))) {
    const auto implicit = read_general_info(tagged->content);
    if (!implicit) return std::nullopt;
    header.wants_implicit_confirmation = *implicit;
  }
  if (!in.at_end()) return std::nullopt;
  return header;
}

base::Result<CmpHeader> read_header(BytesView content) {
  Reader in(content);
  CmpHeader header;
  const auto version = in.next(der::kInteger);
  const auto number = version ? read_number(version->content) : std::nullopt;
  if (!number) return malformed("the header has no version");
  header.version = *number;
  const auto sender = in.next();
  const auto recipient = in.next();
  constexpr std::uint8_t kContextClass = 0x80;
  if (!sender || !recipient || (sender->tag & 0xc0U) != kContextClass || (recipient->tag & 0xc0U) != kContextClass)
    return malformed("the header has no sender and recipient");
  header.sender = sender->whole;
  if (const auto tagged = in.next(der::constructed(0))) {
    const auto time = only(tagged->content, kGeneralizedTime);
    header.message_time = time ? read_time(time->content) : std::nullopt;
    if (!header.message_time) return malformed("messageTime is no GeneralizedTime of whole seconds in UTC");
  }
  const auto whole = read_optional_fields(header, in);
  if (!whole) return malformed("the fields of the header do not parse");
  return *whole;
}

/// An algorithm whose parameters are absent or NULL.
std::optional<BytesView> read_plain_algorithm(Reader& in) {
  const auto algorithm = in.next(der::kSequence);
  if (!algorithm) return std::nullopt;
  Reader inside(algorithm->content);
  const auto oid = inside.next(der::kObjectId);
  if (const auto parameters = inside.next(kNull); parameters && !parameters->content.empty()) return std::nullopt;
  if (!oid || !inside.at_end()) return std::nullopt;
  return oid->content;
}

/// What follows `arc` in `oid`, where that is one octet.
std::optional<std::uint8_t> last_of(BytesView oid, BytesView arc) {
  if (oid.size() != arc.size() + 1 || !std::ranges::equal(oid.first(arc.size()), arc)) return std::nullopt;
  return oid.back();
}

std::optional<PasswordMac::Hash> to_hash(BytesView oid) {
  const auto last = last_of(oid, cmp_oid::kSha2);
  if (last == 1) return PasswordMac::Hash::sha256;
  if (last == 2) return PasswordMac::Hash::sha384;
  if (last == 3) return PasswordMac::Hash::sha512;
  return std::nullopt;
}

std::optional<PasswordMac::Hash> to_hmac_hash(BytesView oid) {
  if (std::ranges::equal(oid, cmp_oid::kHmacSha1)) return PasswordMac::Hash::sha1;
  const auto last = last_of(oid, cmp_oid::kHmac);
  if (last == 7) return PasswordMac::Hash::sha1;
  if (last == 9) return PasswordMac::Hash::sha256;
  if (last == 10) return PasswordMac::Hash::sha384;
  if (last == 11) return PasswordMac::Hash::sha512;
  return std::nullopt;
}

/// PBMParameter (RFC 4211 section 4.4). Anything but a SEQUENCE in its place is refused here, before it is looked into.
base::Result<PasswordMac> read_mac_parameters(BytesView content) {
  Reader in(content);
  const auto salt = in.next(der::kOctetString);
  const auto one_way = read_plain_algorithm(in);
  const auto count = in.next(der::kInteger);
  const auto mac = read_plain_algorithm(in);
  const auto iterations = count ? read_number(count->content) : std::nullopt;
  if (!salt || !one_way || !iterations || !mac || !in.at_end())
    return mac_algorithm("the parameters of PasswordBasedMac do not parse");
  const auto hash = to_hash(*one_way);
  const auto hmac = to_hmac_hash(*mac);
  if (!hash || !hmac)
    return mac_algorithm("a MAC is made with SHA-256, SHA-384 or SHA-512 and an HMAC with one of these or SHA-1");
  if (*iterations < kCmpLeastIterations || *iterations > kCmpMostIterations)
    return mac_algorithm("a MAC is made with 100 to 10000 iterations");
  if (salt->content.size() > kCmpSaltLimit) return mac_algorithm("the salt of a MAC has at most 128 octets");
  return PasswordMac{*hash, *hmac, static_cast<std::uint32_t>(*iterations), base::to_bytes(salt->content)};
}

/// The octets of a BIT STRING without unused bits.
std::optional<BytesView> read_bits(BytesView content) {
  const auto bits = only(content, der::kBitString);
  if (!bits || bits->content.empty() || bits->content.front() != 0) return std::nullopt;
  return bits->content.subspan(1);
}

std::optional<std::vector<BytesView>> read_certificates(BytesView content) {
  const auto list = only(content, der::kSequence);
  if (!list) return std::nullopt;
  std::vector<BytesView> certificates;
  for (Reader in(list->content); !in.at_end();) {
    const auto one = in.next(der::kSequence);
    if (!one || certificates.size() == kCmpCertificateLimit) return std::nullopt;
    certificates.push_back(one->whole);
  }
  return certificates;
}

}  // namespace

base::Result<void> CmpMessage::read_parts() {
  Reader whole(der_);
  const auto outer = whole.next(der::kSequence);
  if (!outer || !whole.at_end()) return malformed("this is no PKIMessage in DER");
  Reader in(outer->content);
  const auto header = in.next(der::kSequence);
  const auto body = in.next();
  if (!header || !body || body->tag < der::constructed(0) || body->tag >= der::constructed(0) + kBodyTags)
    return malformed("the message has no header and body");
  BASE_TRY(header_, read_header(header->content));
  header_der_ = header->whole;
  body_der_ = body->whole;
  body_ = static_cast<CmpBody>(body->tag - der::constructed(0));
  Reader inside(body->content);
  const auto content = inside.next();
  if (!content || !inside.at_end()) return malformed("the body does not parse");
  content_ = content->whole;
  if (const auto tagged = in.next(der::constructed(0))) {
    const auto bits = read_bits(tagged->content);
    if (!bits || bits->empty()) return malformed("the protection is no BIT STRING of whole octets");
    protection_ = *bits;
  }
  if (const auto tagged = in.next(der::constructed(1))) {
    auto certificates = read_certificates(tagged->content);
    if (!certificates) return malformed("extraCerts does not parse, or holds more than 8 certificates");
    certificates_ = std::move(*certificates);
  }
  if (!in.at_end()) return malformed("there is more in the message than belongs there");
  if (is_protected() == protection_.empty())
    return malformed("protection and protectionAlg are both there, or none of them is");
  return {};
}

base::Result<CmpMessage> CmpMessage::parse(base::BytesView der) {
  if (der.size() > kCmpMessageLimit)
    return base::fail(base::Kind::too_large, "cmp.too_large", "a CMP message has at most 64 KiB");
  CmpMessage message;
  message.der_ = base::to_bytes(der);
  BASE_TRY_VOID(message.read_parts());
  return message;
}

base::Result<std::optional<crypto::PasswordMac>> CmpMessage::mac() const {
  const auto algorithm = Reader(header_.protection_algorithm).next(der::kSequence);
  if (!algorithm) return std::nullopt;
  Reader in(algorithm->content);
  const auto oid = in.next(der::kObjectId);
  if (!oid) return mac_algorithm("protectionAlg is no algorithm");
  if (!std::ranges::equal(oid->content, cmp_oid::kPasswordBasedMac)) return std::nullopt;
  const auto parameters = in.next(der::kSequence);
  if (!parameters || !in.at_end()) return mac_algorithm("the parameters of PasswordBasedMac do not parse");
  BASE_TRY(auto how, read_mac_parameters(parameters->content));
  return std::optional(std::move(how));
}

/// RFC 4210 section 5.1.3: ProtectedPart ::= SEQUENCE { header, body }, as they were sent.
base::Bytes CmpMessage::protected_part() const { return der::element(der::kSequence, {header_der_, body_der_}); }

crypto::Digest256 CmpMessage::digest() const { return crypto::sha256({header_der_, body_der_}); }

bool CmpMessage::has_mac_of(const base::Secret& secret, const crypto::PasswordMac& how) const {
  const base::Secret wanted(crypto::password_mac(how, secret.reveal(), protected_part()));
  return wanted.equals(protection_);
}

bool CmpMessage::is_signed_by(const crypto::PublicKey& key) const {
  const base::Bytes message = protected_part();
  return x509::is_signed_by({message, header_.protection_algorithm, protection_}, key);
}

}  // namespace countersign::x509
