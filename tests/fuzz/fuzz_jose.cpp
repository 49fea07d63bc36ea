// Whatever is sent as a JWS or a JWK: an error or something whole, never a crash. Nothing verifies by a key that nobody
// signed with, and a key that is taken has one spelling.
#include "base/check.h"
#include "crypto/strength.h"
#include "jose/jws.h"

namespace {

using namespace countersign;

const crypto::PublicKey& some_key() {
  static const crypto::PublicKey key =
      crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value().public_key();
  return key;
}

void look_at(const base::Result<jose::UnverifiedJws>& jws) {
  if (!jws) {
    BASE_CHECK(!jws.error().code.empty() && !jws.error().detail.empty());
    return;
  }
  BASE_CHECK(jws->text("alg").has_value());
  BASE_CHECK(!jws->verify(some_key()));
  BASE_CHECK(!jws->verify(base::Secret(some_key().to_spki())));
}

void look_at_key(std::string_view text) {
  const auto json = base::parse_json(text);
  if (!json) return;
  const auto key = jose::Jwk::parse(*json);
  if (!key) return;
  BASE_CHECK(crypto::check_strength(key->key(), crypto::KeyPolicy::certify).has_value());
  const auto again = jose::Jwk::parse(key->to_json());
  BASE_CHECK(again && again->thumbprint() == key->thumbprint() && again->key().to_spki() == key->key().to_spki());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  look_at(jose::UnverifiedJws::parse_compact(text));
  look_at(jose::UnverifiedJws::parse_flattened(text));
  look_at_key(text);
  return 0;
}
