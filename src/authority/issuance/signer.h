// Signer: the only holder of issuing keys. A spent permit in, a certificate or a CRL's signature out; narrow, so that
// it can become a process or a hardware module of its own.
#pragma once

#include <filesystem>
#include <map>

#include "authority/issuance/crl_record.h"
#include "authority/issuance/record.h"
#include "authority/registry/hierarchy.h"

namespace countersign::authority {

class Signer {
 public:
  virtual ~Signer() = default;
  /// Signs the permit's bytes as they are. Fails: `signer.failed`.
  virtual base::Result<x509::Certificate> sign(SigningPermit permit) = 0;
  /// The same for a CRL; the signature alone. Fails: `signer.failed`.
  virtual base::Result<base::Bytes> sign_crl(CrlPermit permit) = 0;
};

/// Holds the keys in memory, out of encrypted files. Belongs to the registry's thread.
class FileSigner final : public Signer {
 public:
  /// Reads `folder`/NAME.pem for each issuing CA. Fails: `keys.missing`, `keys.passphrase`, `keys.mismatch` when a key
  /// is not that of its certificate.
  static base::Result<FileSigner> open(const std::filesystem::path& folder, const Hierarchy& hierarchy,
                                       const base::Secret& passphrase);

  base::Result<x509::Certificate> sign(SigningPermit permit) override;
  base::Result<base::Bytes> sign_crl(CrlPermit permit) override;

 private:
  base::Result<base::Bytes> sign(const std::string& issuer, base::BytesView tbs) const;
  explicit FileSigner(std::map<std::string, crypto::PrivateKey> keys) : keys_(std::move(keys)) {}
  std::map<std::string, crypto::PrivateKey> keys_;
};

/// The file of a CA's key in `folder`, by the CA's name.
std::filesystem::path key_file(const std::filesystem::path& folder, std::string_view name);

}  // namespace countersign::authority
