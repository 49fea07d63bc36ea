#include "crypto/scrypt.h"

#include <openssl/evp.h>

#include "crypto/openssl_error.h"

namespace countersign::crypto {

base::Result<base::Bytes> scrypt(const base::Secret& secret, base::BytesView salt, const ScryptCost& cost) {
  constexpr std::size_t kLength = 32;
  base::Bytes out(kLength);
  const std::string_view text = secret.reveal_text();
  if (EVP_PBE_scrypt(text.data(), text.size(), salt.data(), salt.size(), cost.n, cost.r, cost.p, kScryptMemory,
                     out.data(), out.size()) == 1)
    return out;
  return base::unexpected(openssl_error(base::Kind::internal, "scrypt.cost", "the digest could not be reckoned"));
}

}  // namespace countersign::crypto
