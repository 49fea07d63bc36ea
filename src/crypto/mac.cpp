#include "crypto/mac.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace countersign::crypto {

Digest256 hmac_sha256(base::BytesView key, base::BytesView data) {
  Digest256 mac;
  std::size_t length = 0;
  const unsigned char* made = EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.data(), key.size(),
                                        data.data(), data.size(), mac.data(), mac.size(), &length);
  BASE_CHECK(made != nullptr && length == mac.size());
  return mac;
}

}  // namespace countersign::crypto
