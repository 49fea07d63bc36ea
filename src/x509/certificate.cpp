#include "x509/certificate.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <mutex>

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "crypto/openssl_error.h"
#include "crypto/pem.h"
#include "x509/certificate_reader.h"
#include "x509/der.h"
#include "x509/extensions.h"
#include "x509/native.h"
#include "x509/signature_algorithm.h"

namespace countersign::x509 {

struct Certificate::Content : CertificateContent {};

struct Certificate::Parsed {
  Parsed(base::Bytes bytes, std::shared_ptr<const Content> says, NativeCertificate read)
      : der(std::move(bytes)),
        fingerprint(crypto::sha256(der)),
        content(std::move(says)),
        is_known(read == nullptr),
        native(std::move(read)) {}
  base::Bytes der;
  crypto::Digest256 fingerprint;
  std::shared_ptr<const Content> content;
  bool is_known;  ///< by read_plain(), or because it differs from another by its signature alone
  mutable std::once_flag once;
  mutable NativeCertificate native;
};

namespace {

tl::unexpected<base::Error> malformed(std::string detail) {
  crypto::drop_openssl_errors();
  return base::fail(base::Kind::invalid, "certificate.malformed", std::move(detail));
}

/// A time that cannot be read makes the certificate valid at no time at all.
constexpr base::Instant kNever = base::Instant::from_unix_seconds(253'402'300'800);
constexpr base::Instant kLongAgo = base::Instant::from_unix_seconds(-62'167'219'200);

bool is_der(std::string_view text) {
  return text.size() >= 2 && text[0] == 0x30 && (static_cast<unsigned char>(text[1]) & 0x80U) != 0;
}

/// The first element inside the SEQUENCE `der`: its whole encoding.
base::BytesView first_inside(base::BytesView der) {
  const std::uint8_t* at = der.data();
  long length = 0;
  int tag = 0;
  int kind = 0;
  if ((static_cast<unsigned>(ASN1_get_object(&at, &length, &tag, &kind, static_cast<long>(der.size()))) & 0x80U) != 0)
    return {};
  const std::uint8_t* inner = at;
  if ((static_cast<unsigned>(ASN1_get_object(&at, &length, &tag, &kind, der.data() + der.size() - at)) & 0x80U) != 0)
    return {};
  return {inner, static_cast<std::size_t>(at + length - inner)};
}

/// The three parts of a certificate (RFC 5280 section 4.1).
struct Parts {
  base::BytesView tbs;
  base::BytesView algorithm;
  base::BytesView signature;
};

std::optional<Parts> take_apart(base::BytesView der) {
  const auto whole = der::Reader(der).next(der::kSequence);
  der::Reader reader(whole ? whole->content : base::BytesView());
  const auto tbs = reader.next(der::kSequence);
  const auto algorithm = reader.next(der::kSequence);
  const auto signature = reader.next(der::kBitString);
  if (!tbs || !algorithm || !signature || signature->content.empty()) return std::nullopt;
  return Parts{tbs->whole, algorithm->whole, signature->content.subspan(1)};
}

/// Does the signed part name this algorithm, too?
bool names_algorithm(base::BytesView tbs, base::BytesView algorithm) {
  const auto inside = der::Reader(tbs).next(der::kSequence);
  der::Reader reader(inside ? inside->content : base::BytesView());
  const bool found = reader.next(der::constructed(0)) && reader.next(der::kInteger);
  const auto named = reader.next(der::kSequence);
  return found && named && std::ranges::equal(named->whole, algorithm);
}

base::Bytes spki_of(X509* certificate) { return to_der<i2d_X509_PUBKEY>(X509_get_X509_PUBKEY(certificate)); }

bool is_address(const std::string& host) {
  std::array<std::uint8_t, 16> octets{};
  return inet_pton(AF_INET, host.c_str(), octets.data()) == 1 || inet_pton(AF_INET6, host.c_str(), octets.data()) == 1;
}

}  // namespace

std::optional<base::Instant> to_instant(const ASN1_TIME* time) {
  std::tm civil{};
  if (time == nullptr || ASN1_STRING_length(time) == 0 || ASN1_TIME_to_tm(time, &civil) != 1) return std::nullopt;
  return base::Instant::from_unix_seconds(timegm(&civil));
}

base::Result<Certificate> Certificate::from_der(base::BytesView der) { return parse(X509_new(), der); }

/// `empty` is filled, and used up.
base::Result<Certificate> Certificate::parse(X509* empty, base::BytesView der) {
  NativeCertificate owner(empty);
  BASE_CHECK(empty != nullptr);
  if (der.size() > kCertificateLimit)
    return base::fail(base::Kind::too_large, "certificate.too_large", "a certificate has at most 64 KiB");
  const std::uint8_t* at = der.data();
  X509* filled = owner.release();  // freed by d2i_X509 when it fails
  const NativeCertificate native(d2i_X509(&filled, &at, static_cast<long>(der.size())));
  if (native == nullptr)
    return base::unexpected(
        crypto::openssl_error(base::Kind::invalid, "certificate.malformed", "this is no X.509 certificate"));
  if (at != der.data() + der.size()) return malformed("there are bytes behind the certificate");
  Certificate certificate = from_native(native.get());
  if (!std::ranges::equal(certificate.der(), der)) return malformed("the certificate is not in DER");
  const bool readable = to_instant(X509_get0_notBefore(native.get())) && to_instant(X509_get0_notAfter(native.get()));
  if (!readable) return malformed("the certificate's validity cannot be read");
  if (!certificate.parsed_->content->extensions.sound || has_invalid_extensions(native.get()))
    return malformed("an extension of the certificate is there twice, or does not parse, or contradicts another");
  return certificate;
}

base::Result<Certificate> Certificate::read_der(base::BytesView der) {
  if (der.size() > kCertificateLimit) return from_der(der);
  auto read = read_plain(der);
  if (!read) return from_der(der);
  auto content = std::make_shared<const Content>(Content{std::move(*read)});
  return Certificate(std::make_shared<const Parsed>(base::to_bytes(der), std::move(content), nullptr));
}

Certificate Certificate::from_native(X509* certificate) {
  BASE_CHECK(certificate != nullptr);
  return read(certificate, crypto::PublicKey::from_native(X509_get0_pubkey(certificate), spki_of(certificate)));
}

Certificate Certificate::read(X509* certificate, const crypto::PublicKey& key) {
  BASE_CHECK(X509_up_ref(certificate) == 1);
  NativeCertificate native(certificate);
  auto content = std::make_shared<const Content>(
      Content{{.serial = Serial::from_magnitude(to_bytes(X509_get0_serialNumber(certificate))),
               .subject = read_name(X509_get_subject_name(certificate)),
               .issuer = read_name(X509_get_issuer_name(certificate)),
               .not_before = to_instant(X509_get0_notBefore(certificate)).value_or(kNever),
               .not_after = to_instant(X509_get0_notAfter(certificate)).value_or(kLongAgo),
               .key = key,
               .extensions = read_extensions(certificate)}});
  base::Bytes der = to_der<i2d_X509>(certificate);
  crypto::drop_openssl_errors();
  return Certificate(std::make_shared<const Parsed>(std::move(der), std::move(content), std::move(native)));
}

base::Result<Certificate> Certificate::with_signature(base::BytesView signature) const {
  const auto parts = take_apart(parsed_->der);
  if (!parts || signature.empty()) return malformed("the certificate cannot be taken apart");
  base::Bytes bits;
  der::append_bits(bits, signature);
  base::Bytes whole = der::element(der::kSequence, {parts->tbs, parts->algorithm, bits});
  return Certificate(std::make_shared<const Parsed>(std::move(whole), parsed_->content, nullptr));
}

base::Result<std::vector<Certificate>> Certificate::all_from_pem(std::string_view pem) {
  auto blocks = crypto::pem_blocks(pem, {"CERTIFICATE", "X509 CERTIFICATE"});
  if (!blocks) return malformed(blocks.error().detail);
  if (blocks->empty())
    return base::fail(base::Kind::invalid, "certificate.none", "the text holds no certificate in PEM form");
  std::vector<Certificate> certificates;
  for (const base::Bytes& der : *blocks) {
    BASE_TRY(Certificate certificate, from_der(der));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

base::Result<Certificate> Certificate::one_from(std::string_view pem_or_der) {
  if (is_der(pem_or_der)) return from_der(base::as_bytes(pem_or_der));
  BASE_TRY(const std::vector<Certificate> certificates, all_from_pem(pem_or_der));
  if (certificates.size() == 1) return certificates.front();
  return base::fail(base::Kind::invalid, "certificate.not_one",
                    "one certificate is wanted, here are " + std::to_string(certificates.size()));
}

const base::Bytes& Certificate::der() const { return parsed_->der; }
std::string Certificate::to_pem() const { return crypto::to_pem("CERTIFICATE", parsed_->der); }
const crypto::Digest256& Certificate::fingerprint() const { return parsed_->fingerprint; }
base::Bytes Certificate::tbs_der() const { return base::to_bytes(first_inside(parsed_->der)); }
const Serial& Certificate::serial() const { return parsed_->content->serial; }
const Name& Certificate::subject() const { return parsed_->content->subject; }
const Name& Certificate::issuer() const { return parsed_->content->issuer; }
base::Instant Certificate::not_before() const { return parsed_->content->not_before; }
base::Instant Certificate::not_after() const { return parsed_->content->not_after; }
crypto::PublicKey Certificate::public_key() const { return parsed_->content->key; }
bool Certificate::is_ca() const { return parsed_->content->extensions.is_ca; }
std::optional<int> Certificate::path_length() const {
  const long length = X509_get_pathlen(native());
  if (length < 0) return std::nullopt;
  return static_cast<int>(length);
}
bool Certificate::is_self_issued() const { return parsed_->content->subject.der == parsed_->content->issuer.der; }

bool Certificate::has_key_usage(KeyUsage usage) const {
  return parsed_->content->extensions.key_usages && parsed_->content->extensions.key_usages->contains(usage);
}

std::optional<std::set<KeyUsage>> Certificate::key_usages() const { return parsed_->content->extensions.key_usages; }

const std::optional<std::vector<std::string>>& Certificate::extended_key_usages() const {
  return parsed_->content->extensions.extended_key_usages;
}

const SubjectAltNames& Certificate::subject_alt_names() const { return parsed_->content->extensions.subject_alt_names; }
const base::Bytes& Certificate::subject_key_id() const { return parsed_->content->extensions.subject_key_id; }
const base::Bytes& Certificate::authority_key_id() const { return parsed_->content->extensions.authority_key_id; }
const UrlList& Certificate::crl_distribution_points() const {
  return parsed_->content->extensions.crl_distribution_points;
}
const InformationAccess& Certificate::information_access() const {
  return parsed_->content->extensions.information_access;
}

std::vector<Certificate::Extension> Certificate::extensions() const {
  if (parsed_->content->plain_extensions) return *parsed_->content->plain_extensions;
  std::vector<Extension> extensions;
  for (int i = 0; i < X509_get_ext_count(native()); ++i) {
    X509_EXTENSION* extension = X509_get_ext(native(), i);
    std::array<char, 128> text{};
    OBJ_obj2txt(text.data(), static_cast<int>(text.size()), X509_EXTENSION_get_object(extension), 1);
    extensions.push_back({text.data(), X509_EXTENSION_get_critical(extension) == 1});
  }
  return extensions;
}

bool Certificate::has_strong_signature() const {
  if (parsed_->content->plain_extensions) return true;
  static constexpr std::array kDigests = {NID_sha256,   NID_sha384,   NID_sha512,  NID_sha512_256,
                                          NID_sha3_256, NID_sha3_384, NID_sha3_512};
  int digest = NID_undef;
  int key = NID_undef;
  if (X509_get_signature_info(native(), &digest, &key, nullptr, nullptr) != 1) {
    crypto::drop_openssl_errors();
    return false;
  }
  if (key == NID_ED25519 || key == NID_ED448) return true;
  const bool known_key = key == NID_rsaEncryption || key == NID_rsassaPss || key == NID_X9_62_id_ecPublicKey;
  return known_key && std::ranges::find(kDigests, digest) != kDigests.end();
}

bool Certificate::matches_host(const std::string& host) const {
  // A leading dot would match every sub-domain in OpenSSL; a '*' is a pattern, no host.
  const bool is_name =
      !host.empty() && host.front() != '.' && host.find_first_of(std::string_view("\0*", 2)) == host.npos;
  if (!is_name) return false;
  if (is_address(host)) return X509_check_ip_asc(native(), host.c_str(), 0) == 1;
  constexpr unsigned kFlags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  const bool matches = X509_check_host(native(), host.data(), host.size(), kFlags, nullptr) == 1;
  crypto::drop_openssl_errors();
  return matches;
}

bool Certificate::is_signed_by(const crypto::PublicKey& issuer_key) const {
  if (issuer_key.native() == nullptr) return false;
  if (parsed_->is_known) {
    const auto parts = take_apart(parsed_->der);
    const base::Bytes algorithm = signature_algorithm_der(issuer_key.type());
    return parts && std::ranges::equal(parts->algorithm, algorithm) && names_algorithm(parts->tbs, algorithm) &&
           issuer_key.verify(parts->tbs, parts->signature);
  }
  const bool good = X509_verify(native(), issuer_key.native()) == 1;
  if (!good) crypto::drop_openssl_errors();
  return good;
}

X509* Certificate::native() const {
  std::call_once(parsed_->once, [this] {
    if (parsed_->native != nullptr) return;
    const std::uint8_t* at = parsed_->der.data();
    parsed_->native.reset(d2i_X509(nullptr, &at, static_cast<long>(parsed_->der.size())));
    BASE_CHECK(parsed_->native != nullptr);  // it was read before, but for the signature or its frame
  });
  return parsed_->native.get();
}

std::string to_pem(const std::vector<Certificate>& chain) {
  std::string text;
  for (const Certificate& certificate : chain)
    text += certificate.to_pem();
  return text;
}

}  // namespace countersign::x509
