// Floor: what the cryptography of one full handshake costs a server at least, whatever surrounds it: an X25519 exchange
// (RFC 7748), one ECDSA P-256 signature of its own, and the check of the client's.
#pragma once

namespace countersign::bench {

struct Floor {
  double key_exchange_us;  ///< making a key pair and deriving the secret
  double sign_us;
  double verify_us;
  double sum() const { return key_exchange_us + sign_us + verify_us; }
};

/// CPU time of this process, each over a third of `seconds`.
Floor measure_floor(double seconds);

}  // namespace countersign::bench
