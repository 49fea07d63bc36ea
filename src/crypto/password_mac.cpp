#include "crypto/password_mac.h"

#include <array>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/handle.h"

namespace countersign::crypto {
namespace {

using Context = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

const char* name_of(PasswordMac::Hash hash) {
  switch (hash) {
    case PasswordMac::Hash::sha1: return "SHA1";
    case PasswordMac::Hash::sha256: return "SHA256";
    case PasswordMac::Hash::sha384: return "SHA384";
    case PasswordMac::Hash::sha512: return "SHA512";
  }
  BASE_UNREACHABLE();
}

/// Wiped when it goes: whoever has it makes MACs.
struct BaseKey {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> octets{};
  unsigned length = 0;
  BaseKey() = default;
  BaseKey(const BaseKey&) = delete;
  ~BaseKey() { OPENSSL_cleanse(octets.data(), octets.size()); }
};

}  // namespace

base::Bytes password_mac(const PasswordMac& how, base::BytesView secret, base::BytesView data) {
  const EVP_MD* const one_way = EVP_get_digestbyname(name_of(how.one_way));
  const Context context(EVP_MD_CTX_new());
  BASE_CHECK(one_way != nullptr && context != nullptr && how.iterations > 0);
  BaseKey key;
  BASE_CHECK(EVP_DigestInit_ex(context.get(), one_way, nullptr) == 1 &&
             EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
             EVP_DigestUpdate(context.get(), how.salt.data(), how.salt.size()) == 1 &&
             EVP_DigestFinal_ex(context.get(), key.octets.data(), &key.length) == 1);
  for (std::uint32_t i = 1; i < how.iterations; ++i)
    BASE_CHECK(EVP_DigestInit_ex(context.get(), one_way, nullptr) == 1 &&
               EVP_DigestUpdate(context.get(), key.octets.data(), key.length) == 1 &&
               EVP_DigestFinal_ex(context.get(), key.octets.data(), &key.length) == 1);
  base::Bytes mac(EVP_MAX_MD_SIZE);
  std::size_t length = 0;
  BASE_CHECK(EVP_Q_mac(nullptr, "HMAC", nullptr, name_of(how.hmac), nullptr, key.octets.data(), key.length, data.data(),
                       data.size(), mac.data(), mac.size(), &length) != nullptr);
  mac.resize(length);
  return mac;
}

}  // namespace countersign::crypto
