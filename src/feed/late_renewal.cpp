#include "feed/late_renewal.h"

#include "base/bytes.h"

namespace countersign::feed {

std::string late_renewal_content(trust::Purpose purpose, const crypto::PublicKey& key, const x509::Certificate& held) {
  return "countersign late renewal 1\n" + std::string(trust::name(purpose)) + "\n" + base::to_hex(key.spki_sha256()) +
         "\n" + base::to_hex(held.fingerprint()) + "\n";
}

}  // namespace countersign::feed
