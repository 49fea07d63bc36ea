#include "check/ciphers.h"

#include "base/bytes.h"

namespace countersign::check {
namespace {

constexpr Cipher kBroken[] = {
    {0x0001, "RSA_WITH_NULL_MD5"},
    {0x0002, "RSA_WITH_NULL_SHA"},
    {0x003b, "RSA_WITH_NULL_SHA256"},
    {0xc006, "ECDHE_ECDSA_WITH_NULL_SHA"},
    {0xc010, "ECDHE_RSA_WITH_NULL_SHA"},
    {0xc015, "ECDH_anon_WITH_NULL_SHA"},
    {0x0017, "DH_anon_EXPORT_WITH_RC4_40_MD5"},
    {0x0018, "DH_anon_WITH_RC4_128_MD5"},
    {0x0019, "DH_anon_EXPORT_WITH_DES40_CBC_SHA"},
    {0x001a, "DH_anon_WITH_DES_CBC_SHA"},
    {0x001b, "DH_anon_WITH_3DES_EDE_CBC_SHA"},
    {0x0034, "DH_anon_WITH_AES_128_CBC_SHA"},
    {0x003a, "DH_anon_WITH_AES_256_CBC_SHA"},
    {0x006c, "DH_anon_WITH_AES_128_CBC_SHA256"},
    {0x006d, "DH_anon_WITH_AES_256_CBC_SHA256"},
    {0x00a6, "DH_anon_WITH_AES_128_GCM_SHA256"},
    {0x00a7, "DH_anon_WITH_AES_256_GCM_SHA384"},
    {0xc016, "ECDH_anon_WITH_RC4_128_SHA"},
    {0xc017, "ECDH_anon_WITH_3DES_EDE_CBC_SHA"},
    {0xc018, "ECDH_anon_WITH_AES_128_CBC_SHA"},
    {0xc019, "ECDH_anon_WITH_AES_256_CBC_SHA"},
    {0x0003, "RSA_EXPORT_WITH_RC4_40_MD5"},
    {0x0006, "RSA_EXPORT_WITH_RC2_CBC_40_MD5"},
    {0x0008, "RSA_EXPORT_WITH_DES40_CBC_SHA"},
    {0x0011, "DHE_DSS_EXPORT_WITH_DES40_CBC_SHA"},
    {0x0014, "DHE_RSA_EXPORT_WITH_DES40_CBC_SHA"},
    {0x0004, "RSA_WITH_RC4_128_MD5"},
    {0x0005, "RSA_WITH_RC4_128_SHA"},
    {0xc007, "ECDHE_ECDSA_WITH_RC4_128_SHA"},
    {0xc011, "ECDHE_RSA_WITH_RC4_128_SHA"},
    {0x0009, "RSA_WITH_DES_CBC_SHA"},
    {0x0015, "DHE_RSA_WITH_DES_CBC_SHA"},
    {0x000a, "RSA_WITH_3DES_EDE_CBC_SHA"},
    {0x0016, "DHE_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc008, "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc012, "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"},
};

constexpr Cipher kStatic[] = {
    {0x009c, "RSA_WITH_AES_128_GCM_SHA256"},
    {0x009d, "RSA_WITH_AES_256_GCM_SHA384"},
    {0x003c, "RSA_WITH_AES_128_CBC_SHA256"},
    {0x003d, "RSA_WITH_AES_256_CBC_SHA256"},
    {0x002f, "RSA_WITH_AES_128_CBC_SHA"},
    {0x0035, "RSA_WITH_AES_256_CBC_SHA"},
    {0xc09c, "RSA_WITH_AES_128_CCM"},
    {0xc09d, "RSA_WITH_AES_256_CCM"},
    {0x0041, "RSA_WITH_CAMELLIA_128_CBC_SHA"},
    {0x0084, "RSA_WITH_CAMELLIA_256_CBC_SHA"},
    {0xc07a, "RSA_WITH_CAMELLIA_128_GCM_SHA256"},
    {0xc050, "RSA_WITH_ARIA_128_GCM_SHA256"},
    {0x0007, "RSA_WITH_IDEA_CBC_SHA"},
    {0x0096, "RSA_WITH_SEED_CBC_SHA"},
};

}  // namespace

std::span<const Cipher> broken_ciphers() { return kBroken; }
std::span<const Cipher> ciphers_without_forward_secrecy() { return kStatic; }

std::string name_of_cipher(std::uint16_t number) {
  for (const auto list : {broken_ciphers(), ciphers_without_forward_secrecy()})
    for (const Cipher& cipher : list)
      if (cipher.number == number) return std::string(cipher.name);
  const base::Bytes octets{static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
  return "cipher 0x" + base::to_hex(octets);
}

}  // namespace countersign::check
