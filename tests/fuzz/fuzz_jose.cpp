// Whatever is sent as a JWS: an error or something whole, never a crash. Nothing verifies by a key that nobody signed
// with.
#include "base/check.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  look_at(jose::UnverifiedJws::parse_compact(text));
  look_at(jose::UnverifiedJws::parse_flattened(text));
  return 0;
}
