// Floor: what the cryptography of one full handshake costs a server at least, whatever surrounds it: an X25519 exchange
// (RFC 7748), one ECDSA P-256 signature of its own, and the check of the client's.
#pragma once

#include <cstddef>

namespace countersign::bench {

struct Floor {
  double key_exchange_us;  ///< making a key pair and deriving the secret
  double sign_us;
  double verify_us;
  double sum() const { return key_exchange_us + sign_us + verify_us; }
};

/// CPU time of this process, each over a third of `seconds`.
Floor measure_floor(double seconds);

/// The registry's index with `revoked` certificates of which each is revoked.
struct IndexCost {
  double look_up_us;  ///< of a listed certificate, in random order
  double replace_ms;  ///< building the index anew beside the one in use, putting it in place, taking the old one down
  double longest_us;  ///< the longest look-up of another thread meanwhile, its being off the CPU included
};
IndexCost measure_index(std::size_t revoked);

}  // namespace countersign::bench
