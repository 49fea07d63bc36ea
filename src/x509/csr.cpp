#include "x509/csr.h"

#include <algorithm>
#include <array>

#include <openssl/x509.h>

#include "crypto/openssl_error.h"
#include "crypto/pem.h"
#include "x509/der.h"
#include "x509/native.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {
namespace {

using NativeRequest = crypto::Handle<X509_REQ, X509_REQ_free>;

tl::unexpected<base::Error> malformed(std::string detail) {
  crypto::drop_openssl_errors();
  return base::fail(base::Kind::invalid, "csr.malformed",
                    std::move(detail) + "; send one PKCS#10 request in PEM or DER, as `openssl req -new` makes it");
}

base::Result<base::Bytes> der_of(std::string_view pem_or_der) {
  if (!crypto::is_pem(pem_or_der)) return base::to_bytes(base::as_bytes(pem_or_der));
  auto blocks = crypto::pem_blocks(pem_or_der, {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"});
  if (!blocks) return malformed(blocks.error().detail);
  if (blocks->size() != 1)
    return malformed("the text holds " + std::to_string(blocks->size()) + " certificate requests");
  return std::move(blocks->front());
}

constexpr std::size_t kDepth = 16;

/// Is `content` a run of whole DER elements, and so is all that is constructed in it?
bool is_well_formed(base::BytesView content, std::size_t depth) {
  constexpr std::uint8_t kConstructed = 0x20;
  der::Reader reader(content);
  while (!reader.at_end()) {
    const auto element = reader.next();
    if (!element) return false;
    const bool inner = (element->tag & kConstructed) != 0;
    if (inner && (depth == 0 || !is_well_formed(element->content, depth - 1))) return false;
  }
  return true;
}

constexpr std::uint8_t kSet = 0x31;

/// SEQUENCE { type OBJECT IDENTIFIER, ... } and one element of one of the `tags` in it, and nothing else.
bool is_typed(const der::Element& element, std::string_view tags) {
  der::Reader reader(element.content);
  if (element.tag != der::kSequence || !reader.next(der::kObjectId)) return false;
  const auto value = reader.next();
  return value && reader.at_end() && tags.find(static_cast<char>(value->tag)) != tags.npos;
}

/// RFC 5280 section 4.1.2.4, with values of the usual kinds: UTF8String, PrintableString, IA5String.
bool is_plain_name(base::BytesView content) {
  der::Reader names(content);
  while (!names.at_end()) {
    const auto set = names.next(kSet);
    der::Reader parts(set ? set->content : base::BytesView());
    const auto part = parts.next();
    if (!part || !parts.at_end() || !is_typed(*part, "\x0c\x13\x16")) return false;
  }
  return true;
}

bool are_attributes(base::BytesView content) {
  der::Reader attributes(content);
  while (!attributes.at_end()) {
    const auto attribute = attributes.next();
    if (!attribute || !is_typed(*attribute, "\x31")) return false;
  }
  return true;
}

/// The parts of a CertificationRequest (RFC 2986 section 4.2) that mean anything to us.
struct Parts {
  base::BytesView info;
  base::BytesView spki;
  base::BytesView algorithm;
  base::BytesView signature;
};

/// Nothing where it is not exactly of that form, in DER.
std::optional<Parts> take_apart(base::BytesView der) {
  static constexpr std::array<std::uint8_t, 1> kVersion = {0};
  der::Reader outside(der);
  const auto request = outside.next(der::kSequence);
  if (!request || !outside.at_end() || !is_well_formed(request->content, kDepth)) return std::nullopt;
  der::Reader outer(request->content);
  const auto info = outer.next(der::kSequence);
  const auto algorithm = outer.next(der::kSequence);
  const auto signature = outer.next(der::kBitString);
  if (!info || !algorithm || !signature || !outer.at_end()) return std::nullopt;
  der::Reader inner(info->content);
  const auto version = inner.next(der::kInteger);
  const auto subject = inner.next(der::kSequence);
  const auto spki = inner.next(der::kSequence);
  const auto attributes = inner.next(der::constructed(0));
  const bool whole = version && std::ranges::equal(version->content, kVersion) && subject && spki && attributes &&
                     inner.at_end() && is_plain_name(subject->content) && are_attributes(attributes->content) &&
                     !signature->content.empty() && signature->content.front() == 0;
  if (!whole) return std::nullopt;
  return Parts{info->whole, spki->whole, algorithm->whole, signature->content.subspan(1)};
}

/// The common case, read here in a quarter of the time that libcrypto's decoders take: a P-256 key that signed by ECDSA
/// with SHA-256. Nothing for any other, and where anything is wrong: libcrypto then says what.
std::optional<crypto::PublicKey> read_p256(base::BytesView der) {
  const auto parts = take_apart(der);
  if (!parts || !crypto::PublicKey::is_plain_p256(parts->spki)) return std::nullopt;
  static const base::Bytes kAlgorithm = signature_algorithm_der(crypto::KeyType::ec_p256);
  if (!std::ranges::equal(parts->algorithm, kAlgorithm)) return std::nullopt;
  auto key = crypto::PublicKey::from_spki(parts->spki);
  if (!key || !key->verify(parts->info, parts->signature)) return std::nullopt;
  return std::move(*key);
}

}  // namespace

base::Result<Csr> Csr::parse(std::string_view pem_or_der) {
  if (pem_or_der.size() > kCsrLimit)
    return base::fail(base::Kind::too_large, "csr.too_large", "a certificate request has at most 64 KiB");
  BASE_TRY(const base::Bytes der, der_of(pem_or_der));
  if (auto proved = read_p256(der)) return Csr(std::move(*proved));
  const std::uint8_t* at = der.data();
  const NativeRequest request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (request == nullptr) return malformed("this is no certificate request");
  if (at != der.data() + der.size()) return malformed("there are bytes behind the certificate request");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) return malformed("the public key in the certificate request cannot be read");
  const bool proved = X509_REQ_verify(request.get(), key) == 1;
  crypto::drop_openssl_errors();
  if (!proved)
    return base::fail(base::Kind::denied, "csr.bad_proof",
                      "the certificate request is not signed by the key it names: make it again from that key");
  return Csr(crypto::PublicKey::from_native(key));
}

/// RFC 2986 section 4.2.
base::Result<std::string> Csr::make_pem(const crypto::PublicKey& key, const Sign& sign, const SubjectName& hint) {
  BASE_TRY(const NativeName name, make_name(hint));
  const NativeRequest request(X509_REQ_new());
  const bool described = request != nullptr && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                         X509_REQ_set_subject_name(request.get(), name.get()) == 1 &&
                         X509_REQ_set_pubkey(request.get(), key.native()) == 1;
  const base::Bytes algorithm = signature_algorithm_der(key.type());
  base::Bytes info;
  if (described) info = to_der<i2d_re_X509_REQ_tbs>(request.get());
  if (info.empty() || algorithm.empty())
    return base::unexpected(
        crypto::openssl_error(base::Kind::internal, "csr.build", "the certificate request could not be made"));
  BASE_TRY(const base::Bytes signature, sign(info));
  base::Bytes bits;
  der::append_bits(bits, signature);
  return crypto::to_pem("CERTIFICATE REQUEST", der::element(der::kSequence, {info, algorithm, bits}));
}

base::Result<std::string> Csr::make_pem(const crypto::PrivateKey& key, const SubjectName& hint) {
  BASE_TRY(const NativeName name, make_name(hint));
  const NativeRequest request(X509_REQ_new());
  const bool made = request != nullptr && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                    X509_REQ_set_subject_name(request.get(), name.get()) == 1 &&
                    X509_REQ_set_pubkey(request.get(), key.native()) == 1 &&
                    X509_REQ_sign(request.get(), key.native(), crypto::signing_digest(key.public_key().type())) > 0;
  if (!made)
    return base::unexpected(
        crypto::openssl_error(base::Kind::internal, "csr.build", "the certificate request could not be made"));
  return crypto::to_pem("CERTIFICATE REQUEST", to_der<i2d_X509_REQ>(request.get()));
}

}  // namespace countersign::x509
