// Csr::from_crmf: the proof of possession in CRMF.
#include "crypto/openssl_error.h"
#include "x509/csr.h"
#include "x509/der.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using base::BytesView;
using base::Kind;
using der::Reader;

constexpr unsigned kPublicKey = 6;
constexpr unsigned kSignature = 1;

tl::unexpected<base::Error> malformed(const char* detail) { return base::fail(Kind::invalid, "csr.malformed", detail); }

tl::unexpected<base::Error> bad_proof(const char* detail) { return base::fail(Kind::denied, "csr.bad_proof", detail); }

/// The SubjectPublicKeyInfo of a CertTemplate, with its own tag again (RFC 4211 section 5: [6] IMPLICIT).
base::Bytes find_key(BytesView cert_template) {
  for (Reader in(cert_template); !in.at_end();) {
    const auto field = in.next();
    if (!field) return {};
    if (field->tag == der::constructed(kPublicKey)) return der::element(der::kSequence, {field->content});
  }
  return {};
}

/// POPOSigningKey without poposkInput.
std::optional<Signed> read_proof(BytesView content, BytesView message) {
  Reader in(content);
  const auto algorithm = in.next(der::kSequence);
  const auto bits = in.next(der::kBitString);
  const bool has_form = algorithm && bits && in.at_end() && !bits->content.empty() && bits->content.front() == 0;
  if (!has_form) return std::nullopt;
  return Signed{message, algorithm->whole, bits->content.subspan(1)};
}

}  // namespace

base::Result<Csr> Csr::from_crmf(base::BytesView der) {
  Reader whole(der);
  const auto message = whole.next(der::kSequence);
  if (!message || !whole.at_end()) return malformed("this is no CertReqMsg");
  Reader in(message->content);
  const auto request = in.next(der::kSequence);
  if (!request) return malformed("there is no CertRequest in the CertReqMsg");
  Reader inside(request->content);
  const auto id = inside.next(der::kInteger);
  const auto cert_template = inside.next(der::kSequence);
  if (!id || !cert_template) return malformed("the CertRequest does not parse");
  const base::Bytes spki = find_key(cert_template->content);
  const auto key = crypto::PublicKey::from_spki(spki);
  if (!key) return malformed("the certificate template has no public key that can be read");
  const auto popo = in.next(der::constructed(kSignature));
  if (!popo)
    return bad_proof(
        "the proof of possession must be a signature: sign the request with the new key (for `openssl cmp` "
        "that is -popo 1, the default)");
  const auto proof = read_proof(popo->content, request->whole);
  if (!proof) return bad_proof("the proof of possession must be a signature over the CertRequest, without poposkInput");
  if (!is_signed_by(*proof, *key))
    return bad_proof(
        "the proof of possession is not by the key in the template, or not by ECDSA, RSA or Ed25519 with "
        "SHA-2: make the request again from that key");
  return Csr(*key);
}

}  // namespace countersign::x509
