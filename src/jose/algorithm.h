// The signature algorithms of JWS that Countersign speaks (RFC 7518 section 3.1, RFC 8037), each tied to one kind of
// key.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/public_key.h"

namespace countersign::jose {

enum class Algorithm { es256, es384, rs256, ps256, eddsa, hs256 };

/// "ES256", "ES384", "RS256", "PS256", "EdDSA", "HS256".
std::string_view name(Algorithm algorithm);
/// The one of that name; nothing for any other, `none` among them.
std::optional<Algorithm> parse_algorithm(std::string_view name);
/// The algorithm of a key, by which it signs; nothing for a kind of key that has none here.
std::optional<Algorithm> algorithm_of(crypto::KeyType type);
/// Can a key of this kind have made a signature by `algorithm`? That of algorithm_of(), and PS256 of an RSA key.
bool suits(Algorithm algorithm, crypto::KeyType type);

}  // namespace countersign::jose
