// What the holder of a certificate that has ended signs to have it renewed all the same: shared by those who ask and by
// the authority, which decides (docs/adr/0016).
#pragma once

#include <string>

#include "crypto/public_key.h"
#include "trust/purpose.h"
#include "x509/certificate.h"

namespace countersign::feed {

/// The purpose, the SHA-256 of the new key (SPKI), and of the certificate held (DER): what is signed is good for this
/// new key and no other.
std::string late_renewal_content(trust::Purpose purpose, const crypto::PublicKey& key, const x509::Certificate& held);

}  // namespace countersign::feed
