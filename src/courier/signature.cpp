#include "courier/signature.h"

#include "crypto/mac.h"

namespace countersign::courier {

std::string sign_webhook(const base::Secret& secret, base::Instant at, std::string_view body) {
  const std::string time = std::to_string(at.unix_seconds());
  const std::string signed_text = time + "." + std::string(body);
  return "t=" + time + ",v1=" + base::to_hex(crypto::hmac_sha256(secret.reveal(), base::as_bytes(signed_text)));
}

}  // namespace countersign::courier
