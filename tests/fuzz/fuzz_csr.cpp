// Whatever is sent as a certificate request: an error or a key, never a crash, and a key survives the gate.
#include "base/check.h"
#include "crypto/strength.h"
#include "x509/csr.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  const auto csr = x509::Csr::parse(base::as_text({data, size}));
  if (!csr) {
    BASE_CHECK(!csr.error().code.empty() && !csr.error().detail.empty());
    return 0;
  }
  const auto strong = crypto::check_strength(csr->public_key(), crypto::KeyPolicy::certify);
  BASE_CHECK(strong || strong.error().code == "key.weak");
  BASE_CHECK(csr->public_key().spki_sha256() == crypto::sha256(csr->public_key().to_spki()));
  return 0;
}
