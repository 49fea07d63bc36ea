#include "x509/cmp_reply.h"

#include "base/check.h"
#include "x509/cmp_oids.h"
#include "x509/der.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using base::Bytes;
using base::BytesView;
using crypto::PasswordMac;

constexpr std::uint8_t kUtf8String = 0x0c;
constexpr std::uint8_t kNull = 0x05;
constexpr unsigned kDirectoryName = 4;

std::uint8_t tag_of(CmpBody body) { return der::constructed(static_cast<unsigned>(body)); }

/// Ours are -1, 0 and small numbers.
void append_signed(Bytes& out, std::int64_t value) {
  static constexpr std::array<std::uint8_t, 3> kMinusOne = {der::kInteger, 0x01, 0xff};
  BASE_CHECK(value >= -1);
  if (value < 0) out.insert(out.end(), kMinusOne.begin(), kMinusOne.end());
  else der::append_integer(out, static_cast<std::uint64_t>(value));
}

/// A NamedBitList with one bit: no zero bits behind it (X.690 section 11.2.2).
Bytes failure_bits(CmpFailure failure) {
  const unsigned bit = static_cast<unsigned>(failure);
  Bytes octets(bit / 8 + 2, 0);
  octets.front() = static_cast<std::uint8_t>(7 - bit % 8);
  octets.back() = static_cast<std::uint8_t>(0x80U >> (bit % 8));
  return der::element(der::kBitString, {octets});
}

Bytes status_info(const CmpStatus& status) {
  Bytes content;
  der::append_integer(content, static_cast<std::uint64_t>(status.kind));
  if (!status.texts.empty()) {
    Bytes texts;
    for (const std::string& text : status.texts)
      der::append(texts, kUtf8String, {base::as_bytes(text)});
    der::append(content, der::kSequence, {texts});
  }
  const Bytes bits = status.failure ? failure_bits(*status.failure) : Bytes();
  return der::element(der::kSequence, {content, bits});
}

Bytes object_id(BytesView content) { return der::element(der::kObjectId, {content}); }

Bytes hash_algorithm(PasswordMac::Hash hash) {
  BASE_CHECK(hash != PasswordMac::Hash::sha1);
  Bytes oid(cmp_oid::kSha2.begin(), cmp_oid::kSha2.end());
  oid.push_back(static_cast<std::uint8_t>(hash));  // 1, 2, 3 as the enumeration has them
  return der::element(der::kSequence, {object_id(oid)});
}

Bytes hmac_algorithm(PasswordMac::Hash hash) {
  static_assert(static_cast<int>(PasswordMac::Hash::sha256) == 1 && static_cast<int>(PasswordMac::Hash::sha512) == 3);
  if (hash == PasswordMac::Hash::sha1) return der::element(der::kSequence, {object_id(cmp_oid::kHmacSha1)});
  Bytes oid(cmp_oid::kHmac.begin(), cmp_oid::kHmac.end());
  oid.push_back(static_cast<std::uint8_t>(8 + static_cast<int>(hash)));
  return der::element(der::kSequence, {object_id(oid)});
}

Bytes mac_algorithm(const PasswordMac& how) {
  Bytes parameters;
  der::append(parameters, der::kOctetString, {how.salt});
  const Bytes one_way = hash_algorithm(how.one_way);
  parameters.insert(parameters.end(), one_way.begin(), one_way.end());
  der::append_integer(parameters, std::uint64_t{how.iterations});
  const Bytes hmac = hmac_algorithm(how.hmac);
  parameters.insert(parameters.end(), hmac.begin(), hmac.end());
  const Bytes sequence = der::element(der::kSequence, {parameters});
  return der::element(der::kSequence, {object_id(cmp_oid::kPasswordBasedMac), sequence});
}

void append_octets(Bytes& out, unsigned tag, BytesView octets) {
  if (octets.empty()) return;
  const Bytes string = der::element(der::kOctetString, {octets});
  der::append(out, der::constructed(tag), {string});
}

struct Protection {
  BytesView algorithm;
  BytesView key_id;
};

Bytes header_of(const CmpReply& reply, const Protection& protection) {
  Bytes content;
  der::append_integer(content, reply.version);
  const Bytes sender = to_general_name(reply.sender);
  content.insert(content.end(), sender.begin(), sender.end());
  const Bytes no_name = der::element(der::kSequence, {});
  const Bytes nobody = der::element(der::constructed(kDirectoryName), {no_name});
  const BytesView recipient = reply.recipient.empty() ? BytesView(nobody) : reply.recipient;
  content.insert(content.end(), recipient.begin(), recipient.end());
  Bytes time;
  der::append_generalized_time(time, reply.at);
  der::append(content, der::constructed(0), {time});
  der::append(content, der::constructed(1), {protection.algorithm});
  append_octets(content, 2, protection.key_id);
  append_octets(content, 4, reply.transaction_id);
  append_octets(content, 5, reply.sender_nonce);
  append_octets(content, 6, reply.recipient_nonce);
  if (reply.confirms_implicitly) {
    const Bytes nothing = der::element(kNull, {});
    const Bytes info = der::element(der::kSequence, {object_id(cmp_oid::kImplicitConfirm), nothing});
    const Bytes list = der::element(der::kSequence, {info});
    der::append(content, der::constructed(8), {list});
  }
  return der::element(der::kSequence, {content});
}

Bytes list_of(const std::vector<Certificate>& certificates) {
  Bytes content;
  for (const Certificate& one : certificates)
    content.insert(content.end(), one.der().begin(), one.der().end());
  return der::element(der::kSequence, {content});
}

Bytes assemble(const CmpReply& reply, BytesView header, BytesView protection) {
  Bytes bits;
  der::append_bits(bits, protection);
  const Bytes tagged = der::element(der::constructed(0), {bits});
  Bytes extra;
  if (!reply.certificates.empty()) {
    const Bytes list = list_of(reply.certificates);
    der::append(extra, der::constructed(1), {list});
  }
  return der::element(der::kSequence, {header, reply.body, tagged, extra});
}

}  // namespace

base::Bytes cert_response_body(const CmpCertResponse& response) {
  Bytes content;
  append_signed(content, response.id);
  const Bytes status = status_info(response.status);
  content.insert(content.end(), status.begin(), status.end());
  if (response.certificate != nullptr) {
    // CertifiedKeyPair { certOrEncCert certificate [0] }
    const Bytes certificate = der::element(der::constructed(0), {response.certificate->der()});
    der::append(content, der::kSequence, {certificate});
  }
  const Bytes one = der::element(der::kSequence, {content});
  const Bytes list = der::element(der::kSequence, {one});
  const Bytes message = der::element(der::kSequence, {list});
  return der::element(tag_of(response.body), {message});
}

base::Bytes revocation_response_body(const CmpStatus& status) {
  const Bytes info = status_info(status);
  const Bytes list = der::element(der::kSequence, {info});
  const Bytes content = der::element(der::kSequence, {list});
  return der::element(tag_of(CmpBody::rp), {content});
}

base::Bytes poll_response_body(std::int64_t id, std::int64_t check_after_seconds) {
  Bytes content;
  append_signed(content, id);
  append_signed(content, check_after_seconds);
  const Bytes one = der::element(der::kSequence, {content});
  const Bytes list = der::element(der::kSequence, {one});
  return der::element(tag_of(CmpBody::poll_rep), {list});
}

base::Bytes confirmation_body() {
  const Bytes nothing = der::element(kNull, {});
  return der::element(tag_of(CmpBody::confirmation), {nothing});
}

base::Bytes error_body(const CmpStatus& status) {
  const Bytes info = status_info(status);
  const Bytes content = der::element(der::kSequence, {info});
  return der::element(tag_of(CmpBody::error), {content});
}

base::Bytes ca_certificates_body(const std::vector<Certificate>& certificates) {
  const Bytes list = list_of(certificates);
  const Bytes info = der::element(der::kSequence, {object_id(cmp_oid::kCaCerts), list});
  const Bytes content = der::element(der::kSequence, {info});
  return der::element(tag_of(CmpBody::genp), {content});
}

base::Bytes protect_by_mac(const CmpReply& reply, const CmpMacKey& key) {
  const Bytes algorithm = mac_algorithm(key.how);
  const Bytes header = header_of(reply, {algorithm, key.key_id});
  const Bytes part = der::element(der::kSequence, {header, reply.body});
  return assemble(reply, header, crypto::password_mac(key.how, key.secret.reveal(), part));
}

base::Result<base::Bytes> protect_by_signature(const CmpReply& reply, const crypto::PrivateKey& key) {
  const Bytes algorithm = signature_algorithm_der(key.public_key().type());
  const Bytes header = header_of(reply, {algorithm, reply.sender.subject_key_id()});
  const Bytes part = der::element(der::kSequence, {header, reply.body});
  BASE_TRY(const Bytes signature, key.sign(part));
  return assemble(reply, header, signature);
}

base::Bytes to_general_name(const Certificate& certificate) {
  return der::element(der::constructed(kDirectoryName), {base::as_bytes(certificate.subject().der)});
}

}  // namespace countersign::x509
