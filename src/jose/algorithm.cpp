#include "jose/algorithm.h"

#include "base/check.h"

namespace countersign::jose {

std::string_view name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256: return "ES256";
    case Algorithm::es384: return "ES384";
    case Algorithm::rs256: return "RS256";
    case Algorithm::ps256: return "PS256";
    case Algorithm::eddsa: return "EdDSA";
    case Algorithm::hs256: return "HS256";
  }
  BASE_UNREACHABLE();
}

std::optional<Algorithm> parse_algorithm(std::string_view wanted) {
  for (const Algorithm one :
       {Algorithm::es256, Algorithm::es384, Algorithm::rs256, Algorithm::ps256, Algorithm::eddsa, Algorithm::hs256})
    if (name(one) == wanted) return one;
  return std::nullopt;
}

std::optional<Algorithm> algorithm_of(crypto::KeyType type) {
  switch (type) {
    case crypto::KeyType::ec_p256: return Algorithm::es256;
    case crypto::KeyType::ec_p384: return Algorithm::es384;
    case crypto::KeyType::rsa: return Algorithm::rs256;
    case crypto::KeyType::ed25519: return Algorithm::eddsa;
    case crypto::KeyType::other: return std::nullopt;
  }
  BASE_UNREACHABLE();
}

bool suits(Algorithm algorithm, crypto::KeyType type) {
  return algorithm_of(type) == algorithm || (algorithm == Algorithm::ps256 && type == crypto::KeyType::rsa);
}

}  // namespace countersign::jose
