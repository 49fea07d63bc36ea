// Inside of crypto: the names of PKCS#11 (OASIS, version 2.40) in p11-kit's GNU spelling, which defines no common words
// as macros. Only the header is used; the library is whatever module the vendor of the token brings.
#pragma once

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>
