// A CMP client for tests: libcrypto's own, so that what we write is read and judged by somebody else.
//
// It takes its time from the system; what it sends is given the time of the test, and its protection made anew.
#pragma once

#include <functional>
#include <optional>

#include "crypto/private_key.h"
#include "x509/cmp_message.h"

namespace countersign::testing {

enum class CmpAsk { ir, cr, kur, rr, ca_certificates };

struct CmpClient {
  /// The message out, the answer in; nothing where none came.
  using Transfer = std::function<std::optional<base::Bytes>(const base::Bytes& message)>;
  struct Mac {
    std::string reference;
    std::string secret;
  };
  struct Signer {
    x509::Certificate certificate;
    const crypto::PrivateKey& key;
  };
  enum class Confirm { explicitly, implicitly, rejecting };
  enum class Proof { signature, ra_verified, none };

  std::optional<Mac> mac = {};
  std::optional<Signer> signer = {};
  base::Instant now;
  std::vector<x509::Certificate> trusted = {};  ///< for signed answers
  Confirm confirm = Confirm::explicitly;
  Proof proof = Proof::signature;
  std::optional<x509::Certificate> old = {};  ///< for kur and rr; absent: the signer's
  int reason = -1;                            ///< of rr; -1: none is given
};

struct CmpOutcome {
  bool succeeded = false;
  std::optional<x509::Certificate> certificate = {};
  std::string errors;  ///< libcrypto's, for messages of tests
};
/// Asks for a certificate of `key` (not with rr and ca_certificates), under a subject that is not ours to give.
CmpOutcome run_cmp(CmpAsk ask, const CmpClient& client, const crypto::PrivateKey* key,
                   const CmpClient::Transfer& transfer);

/// `message` with another messageTime, and protected again as `client` would.
base::Bytes at_time(const base::Bytes& message, base::Instant at, const CmpClient& client);

}  // namespace countersign::testing
