// Whatever is sent as a public key in JSON (RFC 7517): an error or a key, never a crash. A key that is taken is strong,
// has one spelling and one thumbprint, holds nothing that is private, and no signature that nobody made holds by it.
#include "base/check.h"
#include "crypto/strength.h"
#include "jose/jwk.h"

namespace {

using namespace countersign;

void look_at(const jose::Jwk& key) {
  BASE_CHECK(crypto::check_strength(key.key(), crypto::KeyPolicy::certify).has_value());
  BASE_CHECK(jose::suits(key.algorithm(), key.key().type()));
  for (const char* member : {"d", "p", "q", "k", "oth"})
    BASE_CHECK(!key.to_json().contains(member));
  const auto again = jose::Jwk::parse(key.to_json());
  BASE_CHECK(again && again->thumbprint() == key.thumbprint() && again->key().to_spki() == key.key().to_spki());
  const auto made = jose::Jwk::from(key.key());
  BASE_CHECK(made && made->to_json() == key.to_json());
  const base::Bytes nothing(64, 0);
  BASE_CHECK(!key.key().verify(nothing, nothing));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = base::parse_json(base::as_text({data, size}));
  if (!json) return 0;
  const auto key = jose::Jwk::parse(*json);
  if (key) look_at(*key);
  else BASE_CHECK(key.error().code.starts_with("jwk.") || key.error().code.starts_with("key."));
  return 0;
}
