// Csr: a request - PKCS#10 (RFC 2986) or CRMF (RFC 4211) - whose sender proved to hold the private key. Only the key is
// ever taken from it.
#pragma once

#include <functional>
#include <string>

#include "crypto/private_key.h"
#include "crypto/public_key.h"
#include "x509/name.h"

namespace countersign::x509 {

inline constexpr std::size_t kCsrLimit = 64 * 1024;

class Csr {
 public:
  /// Reads PEM or DER and checks the proof of possession (the CSR's own signature). Fails: `csr.too_large`,
  /// `csr.malformed`, `csr.bad_proof`.
  static base::Result<Csr> parse(std::string_view pem_or_der);
  /// A CertReqMsg in DER. Its proof of possession must be a signature by the key over the whole CertRequest (RFC 4211
  /// section 4.1): neither raVerified nor proofs by encryption, nor a signature over poposkInput. Fails:
  /// `csr.malformed`, `csr.bad_proof`.
  static base::Result<Csr> from_crmf(base::BytesView der);
  /// Made by `countersign request`: the subject is only a hint for people; the authority writes its own.
  static base::Result<std::string> make_pem(const crypto::PrivateKey& key, const SubjectName& hint);

  /// For a key that is out of reach, such as in a token: `sign` is as crypto::PrivateKey::sign. Fails: `csr.build`, and
  /// as `sign`.
  using Sign = std::function<base::Result<base::Bytes>(base::BytesView)>;
  static base::Result<std::string> make_pem(const crypto::PublicKey& key, const Sign& sign, const SubjectName& hint);

  const crypto::PublicKey& public_key() const { return key_; }

 private:
  explicit Csr(crypto::PublicKey key) : key_(std::move(key)) {}
  crypto::PublicKey key_;
};

}  // namespace countersign::x509
