#include "jose/jwk.h"

#include <array>

#include "crypto/strength.h"
#include "jose/der.h"

namespace countersign::jose {
namespace {

using base::Bytes;
using base::Kind;
using base::json::object;

/// RFC 7518 sections 6.2.2, 6.3.2, 6.4; RFC 8037 section 2.
constexpr std::array kPrivateMembers = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

tl::unexpected<base::Error> malformed(std::string_view member, std::string_view what) {
  return base::fail(Kind::invalid, "jwk.malformed", "'" + std::string(member) + "' of the key " + std::string(what));
}

tl::unexpected<base::Error> unsupported() {
  return base::fail(
      Kind::invalid, "jwk.unsupported",
      "this kind of key is not taken: use EC on P-256 or P-384, RSA up to 4096 bits, or OKP with Ed25519");
}

/// A coordinate: exactly `length` bytes (RFC 7518 section 6.2.1.2).
base::Result<Bytes> read_coordinate(base::JsonReader& reader, std::string_view member, std::size_t length) {
  BASE_TRY(const std::string text, reader.text(member));
  auto bytes = base::from_base64url(text);
  if (!bytes) return malformed(member, "is not base64url");
  if (bytes->size() != length) return malformed(member, "must have " + std::to_string(length) + " bytes");
  return std::move(*bytes);
}

/// Base64urlUInt: as few bytes as the number needs (RFC 7518 section 2).
base::Result<Bytes> read_number(base::JsonReader& reader, std::string_view member, std::size_t most) {
  BASE_TRY(const std::string text, reader.text(member));
  auto bytes = base::from_base64url(text);
  if (!bytes) return malformed(member, "is not base64url");
  if (bytes->empty() || bytes->front() == 0) return malformed(member, "is empty or has leading zeros");
  if (bytes->size() > most) return malformed(member, "is too long");
  return std::move(*bytes);
}

constexpr std::size_t kModulusLimit = 512;  ///< 4096 bits: strangers send keys, and larger ones cost us more than them
constexpr std::size_t kExponentLimit = 8;

base::Result<Bytes> read_ec(base::JsonReader& reader) {
  BASE_TRY(const std::string curve, reader.text("crv"));
  if (curve != "P-256" && curve != "P-384") return unsupported();
  const std::size_t length = curve == "P-256" ? 32 : 48;
  BASE_TRY(const Bytes x, read_coordinate(reader, "x", length));
  BASE_TRY(const Bytes y, read_coordinate(reader, "y", length));
  return ec_spki(x, y);
}

base::Result<Bytes> read_rsa(base::JsonReader& reader) {
  BASE_TRY(const Bytes modulus, read_number(reader, "n", kModulusLimit));
  BASE_TRY(const Bytes exponent, read_number(reader, "e", kExponentLimit));
  return rsa_spki(modulus, exponent);
}

base::Result<Bytes> read_okp(base::JsonReader& reader) {
  BASE_TRY(const std::string curve, reader.text("crv"));
  if (curve != "Ed25519") return unsupported();
  BASE_TRY(const Bytes x, read_coordinate(reader, "x", 32));
  return ed25519_spki(x);
}

base::Result<Bytes> read_key(base::JsonReader& reader) {
  BASE_TRY(const std::string type, reader.text("kty"));
  if (type == "EC") return read_ec(reader);
  if (type == "RSA") return read_rsa(reader);
  if (type == "OKP") return read_okp(reader);
  return unsupported();
}

/// RFC 7517 sections 4.2 and 4.4: what the sender says the key is for must be what it is used for here.
base::Result<void> check_use(base::JsonReader& reader, Algorithm algorithm) {
  BASE_TRY(const std::string use, reader.text_or("use", "sig"));
  if (use != "sig") return malformed("use", "is not sig");
  BASE_TRY(const std::string named, reader.text_or("alg", name(algorithm)));
  if (named != name(algorithm)) return malformed("alg", "is not that of such a key");
  return {};
}

/// The members that make up the key, in the order of RFC 7638 section 3.2.
std::optional<object> members_of(const crypto::PublicKey& key) {
  const Bytes spki = key.to_spki();
  if (const auto point = read_ec_spki(spki))
    return object{{"crv", point->x.size() == 32 ? "P-256" : "P-384"},
                  {"kty", "EC"},
                  {"x", base::to_base64url(point->x)},
                  {"y", base::to_base64url(point->y)}};
  if (const auto numbers = read_rsa_spki(spki))
    return object{
        {"e", base::to_base64url(numbers->exponent)}, {"kty", "RSA"}, {"n", base::to_base64url(numbers->modulus)}};
  if (const auto point = read_ed25519_spki(spki))
    return object{{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", base::to_base64url(*point)}};
  return std::nullopt;
}

}  // namespace

base::Result<Jwk> Jwk::from(const crypto::PublicKey& key) {
  const auto algorithm = algorithm_of(key.type());
  if (!algorithm) return unsupported();
  BASE_TRY_VOID(crypto::check_strength(key, crypto::KeyPolicy::certify));
  auto members = members_of(key);
  if (!members) return unsupported();
  return Jwk(key, *algorithm, std::move(*members));
}

base::Result<Jwk> Jwk::parse(const base::json::value& json) {
  auto reader = base::JsonReader::of(json);
  if (!reader) return base::fail(Kind::invalid, "jwk.malformed", "a key is a JSON object");
  for (const char* member : kPrivateMembers)
    if (reader->has(member))
      return base::fail(Kind::invalid, "jwk.private",
                        "the private key was sent ('" + std::string(member) +
                            "'): send the public one, and take a new key, as this one is known now");
  auto spki = read_key(*reader);
  if (!spki && spki.error().code.starts_with("json."))
    return base::fail(Kind::invalid, "jwk.malformed", spki.error().detail);
  if (!spki) return base::unexpected(std::move(spki).error());
  BASE_TRY(const auto key, crypto::PublicKey::from_spki(*spki));
  BASE_TRY(auto jwk, from(key));
  auto use = check_use(*reader, jwk.algorithm());
  if (!use) return base::fail(Kind::invalid, "jwk.malformed", use.error().detail);
  return jwk;
}

std::string Jwk::thumbprint() const {
  return base::to_base64url(crypto::sha256(base::as_bytes(base::json::serialize(members_))));
}

}  // namespace countersign::jose
