// Keys of tests are encrypted under a cheap scrypt: linked into a test program, this function stands before libcrypto's
// of the same name. A program that founds an authority in every test spends nine tenths of its time in scrypt
// otherwise. Reading needs nothing: what it costs is written in each key. The programs themselves are never linked with
// this.
#include <cstdint>

#include <dlfcn.h>
#include <openssl/x509.h>

#include "base/check.h"

using SetScrypt = X509_ALGOR*(const EVP_CIPHER*, const unsigned char*, int, unsigned char*, std::uint64_t,
                              std::uint64_t, std::uint64_t);

// NOLINTNEXTLINE: the name is libcrypto's
extern "C" X509_ALGOR* PKCS5_pbe2_set_scrypt(const EVP_CIPHER* cipher, const unsigned char* salt, int salt_length,
                                             unsigned char* iv, std::uint64_t, std::uint64_t, std::uint64_t) {
  constexpr std::uint64_t kLeastN = 2;
  auto* real = reinterpret_cast<SetScrypt*>(dlsym(RTLD_NEXT, "PKCS5_pbe2_set_scrypt"));
  BASE_CHECK(real != nullptr);
  return real(cipher, salt, salt_length, iv, kLeastN, 1, 1);
}
