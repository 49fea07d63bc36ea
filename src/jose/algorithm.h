// The signature algorithms of JWS that Countersign speaks (RFC 7518 section 3.1, RFC 8037), each tied to one kind of
// key.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/public_key.h"

namespace countersign::jose {

enum class Algorithm { es256, es384, rs256, eddsa, hs256 };

/// "ES256", "ES384", "RS256", "EdDSA", "HS256".
std::string_view name(Algorithm algorithm);
/// The one algorithm of a key; nothing for a kind of key that has none here.
std::optional<Algorithm> algorithm_of(crypto::KeyType type);

}  // namespace countersign::jose
