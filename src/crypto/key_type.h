// Inside of crypto only: what kind of key libcrypto holds.
#pragma once

#include "crypto/public_key.h"

namespace countersign::crypto {

/// `other` for null.
KeyType type_of(const EVP_PKEY* key);

}  // namespace countersign::crypto
