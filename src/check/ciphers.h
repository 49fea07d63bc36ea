// Ciphers of TLS 1.2 and before that no server of a partner may choose, by their numbers (RFC 9325 section 4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace countersign::check {

struct Cipher {
  std::uint16_t number;
  std::string_view name;  ///< of IANA's list, without "TLS_"
};

/// Without encryption or authentication, exportable, RC4, DES, 3DES: broken.
std::span<const Cipher> broken_ciphers();
/// By RSA key transport: sound today, and whoever gets the server's key later reads what was recorded before.
std::span<const Cipher> ciphers_without_forward_secrecy();
/// Its name, of either list; else "cipher 0xNNNN".
std::string name_of_cipher(std::uint16_t number);

}  // namespace countersign::check
