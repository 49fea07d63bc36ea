#include "jose/jws.h"

#include "base/check.h"
#include "crypto/mac.h"
#include "crypto/rsa_pss.h"
#include "jose/der.h"

namespace countersign::jose {
namespace {

using base::Bytes;
using base::Kind;
using base::json::object;

tl::unexpected<base::Error> malformed(std::string what) {
  return base::fail(Kind::invalid, "jws.malformed", "this is no JWS: " + std::move(what));
}

tl::unexpected<base::Error> too_large() {
  return base::fail(Kind::too_large, "jws.too_large", "a JWS has at most " + std::to_string(kJwsLimit) + " bytes");
}

tl::unexpected<base::Error> bad_signature() {
  return base::fail(Kind::denied, "jws.bad_signature", "the signature is not of this key over this content");
}

/// Bytes of one of the two numbers in a signature (RFC 7518 section 3.4); nothing for other algorithms.
std::optional<std::size_t> number_length(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256: return 32;
    case Algorithm::es384: return 48;
    case Algorithm::rs256:
    case Algorithm::ps256:
    case Algorithm::eddsa:
    case Algorithm::hs256: return std::nullopt;
  }
  BASE_UNREACHABLE();
}

struct Signed {
  std::string header;
  std::string payload;
  std::string input() const { return header + "." + payload; }
};

Signed prepare(object header, Algorithm algorithm, std::string_view payload) {
  header["alg"] = name(algorithm);
  return {base::to_base64url(base::as_bytes(base::json::serialize(header))),
          base::to_base64url(base::as_bytes(payload))};
}

base::Result<Bytes> sign(const std::string& input, Algorithm algorithm, const crypto::PrivateKey& key) {
  if (algorithm == Algorithm::ps256) return crypto::sign_pss(key, crypto::PssDigest::sha256, base::as_bytes(input));
  BASE_TRY(Bytes signature, key.sign(base::as_bytes(input)));
  const auto length = number_length(algorithm);
  if (!length) return signature;
  auto numbers = from_ecdsa_der(signature, *length);
  if (!numbers) return base::fail(Kind::internal, "key.signing", "the signature cannot be read");
  return std::move(*numbers);
}

/// Without PrivateKey::public_key(), which makes a key of its own and takes longer than signing.
crypto::KeyType type_of(const crypto::PrivateKey& key) { return crypto::PublicKey::from_native(key.native()).type(); }

base::Result<Algorithm> algorithm_for(const crypto::PrivateKey& key) {
  const auto algorithm = algorithm_of(type_of(key));
  if (!algorithm) return base::fail(Kind::invalid, "jwk.unsupported", "there is no algorithm for this kind of key");
  return *algorithm;
}

std::string flattened(const Signed& content, base::BytesView signature) {
  return base::json::serialize(object{
      {"protected", content.header}, {"payload", content.payload}, {"signature", base::to_base64url(signature)}});
}

}  // namespace

base::Result<UnverifiedJws> UnverifiedJws::from_parts(const Parts& parts) {
  auto header_bytes = base::from_base64url(parts.header);
  const auto payload = base::from_base64url(parts.payload);
  auto signature = base::from_base64url(parts.signature);
  if (!header_bytes || !payload || !signature) return malformed("a part is not base64url without padding");
  auto header = base::parse_json(base::as_text(*header_bytes));
  if (!header || !header->is_object()) return malformed("the protected header is no JSON object");
  UnverifiedJws jws;
  jws.header_ = std::move(header->get_object());
  // RFC 7515 section 4.1.11: whatever is critical there, nothing of it is understood here. RFC 7797 needs it, too.
  if (jws.header_.contains("crit") || jws.header_.contains("b64"))
    return malformed("the header has extensions that are not understood");
  if (!jws.text("alg")) return malformed("'alg' is missing");
  jws.payload_ = base::as_text(*payload);
  jws.signature_ = std::move(*signature);
  jws.signed_ = std::string(parts.header) + "." + std::string(parts.payload);
  return jws;
}

base::Result<UnverifiedJws> UnverifiedJws::parse_compact(std::string_view text) {
  if (text.size() > kJwsLimit) return too_large();
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return malformed("there are not three parts");
  return from_parts({text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)});
}

base::Result<UnverifiedJws> UnverifiedJws::parse_flattened(std::string_view text) {
  if (text.size() > kJwsLimit) return too_large();
  const auto json = base::parse_json(text);
  if (!json) return malformed(json.error().detail);
  return from_json(*json);
}

base::Result<UnverifiedJws> UnverifiedJws::from_json(const base::json::value& json) {
  auto reader = base::JsonReader::of(json);
  if (!reader) return malformed("it is no JSON object");
  if (reader->has("header"))
    return base::fail(Kind::invalid, "jws.unprotected", "a header outside of the signature is not taken");
  const auto header = reader->text("protected");
  const auto payload = reader->text("payload");
  const auto signature = reader->text("signature");
  if (!header || !payload || !signature || !reader->finish())
    return malformed("the members protected, payload and signature are wanted, and no others");
  return from_parts({*header, *payload, *signature});
}

std::optional<std::string> UnverifiedJws::text(std::string_view member) const {
  const base::json::value* value = header_.if_contains({member.data(), member.size()});
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string().data(), value->get_string().size());
}

/// RFC 8725 section 3.1: the sender does not choose how its signature is checked.
base::Result<void> UnverifiedJws::require(Algorithm algorithm) const {
  if (text("alg") == name(algorithm)) return {};
  return base::fail(Kind::invalid, "jws.algorithm", "with this key the algorithm is " + std::string(name(algorithm)));
}

base::Result<VerifiedJws> UnverifiedJws::verify(const crypto::PublicKey& key) const {
  const auto algorithm = algorithm_of(key.type());
  if (!algorithm) return base::fail(Kind::invalid, "jwk.unsupported", "there is no algorithm for this kind of key");
  return verify(key, *algorithm);
}

base::Result<VerifiedJws> UnverifiedJws::verify(const crypto::PublicKey& key, Algorithm algorithm) const {
  if (!suits(algorithm, key.type()))
    return base::fail(Kind::invalid, "jws.algorithm", std::string(name(algorithm)) + " is not of this kind of key");
  BASE_TRY_VOID(require(algorithm));
  const auto length = number_length(algorithm);
  if (length && signature_.size() != 2 * *length) return bad_signature();
  const Bytes signature = length ? to_ecdsa_der(signature_) : signature_;
  const base::BytesView content = base::as_bytes(signed_);
  const bool good = algorithm == Algorithm::ps256
                        ? crypto::verify_pss(key, crypto::PssDigest::sha256, content, signature)
                        : key.verify(content, signature);
  if (!good) return bad_signature();
  return VerifiedJws(header_, payload_);
}

base::Result<VerifiedJws> UnverifiedJws::verify(const base::Secret& secret) const {
  if (secret.reveal().size() < kLeastSecret)
    return base::fail(Kind::invalid, "jws.weak_secret", "a secret for HS256 has at least 32 bytes");
  BASE_TRY_VOID(require(Algorithm::hs256));
  const crypto::Digest256 mac = crypto::hmac_sha256(secret.reveal(), base::as_bytes(signed_));
  const base::Secret expected(Bytes(mac.begin(), mac.end()));
  if (!expected.equals(signature_)) return bad_signature();
  return VerifiedJws(header_, payload_);
}

base::Result<std::string> sign_compact(object header, std::string_view payload, const crypto::PrivateKey& key) {
  BASE_TRY(const Algorithm algorithm, algorithm_for(key));
  return sign_compact(std::move(header), payload, key, algorithm);
}

base::Result<std::string> sign_compact(object header, std::string_view payload, const crypto::PrivateKey& key,
                                       Algorithm algorithm) {
  if (!suits(algorithm, type_of(key)))
    return base::fail(Kind::invalid, "jws.algorithm", std::string(name(algorithm)) + " is not of this kind of key");
  const Signed content = prepare(std::move(header), algorithm, payload);
  BASE_TRY(const Bytes signature, sign(content.input(), algorithm, key));
  return content.input() + "." + base::to_base64url(signature);
}

base::Result<std::string> sign_flattened(object header, std::string_view payload, const crypto::PrivateKey& key) {
  BASE_TRY(const Algorithm algorithm, algorithm_for(key));
  const Signed content = prepare(std::move(header), algorithm, payload);
  BASE_TRY(const Bytes signature, sign(content.input(), algorithm, key));
  return flattened(content, signature);
}

std::string sign_flattened(object header, std::string_view payload, const base::Secret& secret) {
  const Signed content = prepare(std::move(header), Algorithm::hs256, payload);
  return flattened(content, crypto::hmac_sha256(secret.reveal(), base::as_bytes(content.input())));
}

}  // namespace countersign::jose
