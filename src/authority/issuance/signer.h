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

  /// Looks for the keys of issuing CAs that came since; what is not there is left out, and looked for again next time.
  virtual void look_for_keys(const Hierarchy&) {}
  /// Can it sign for that CA?
  virtual bool has_key_of(const std::string&) const { return true; }
};

/// Is an authority of no use without the key of a CA in this state? Before it issues, and once it is over, it may lack.
constexpr bool needs_key(CaState state) { return state == CaState::active || state == CaState::superseded; }

/// Holds the keys in memory, out of encrypted files. Belongs to the registry's thread.
class FileSigner final : public Signer {
 public:
  /// Reads `folder`/NAME.pem for each issuing CA; the keys of those that do not sign yet or any more may lack. Fails:
  /// `keys.missing`, `keys.passphrase`, `keys.mismatch` when a key is not that of its certificate.
  static base::Result<FileSigner> open(const std::filesystem::path& folder, const Hierarchy& hierarchy,
                                       const base::Secret& passphrase);

  base::Result<x509::Certificate> sign(SigningPermit permit) override;
  base::Result<base::Bytes> sign_crl(CrlPermit permit) override;
  void look_for_keys(const Hierarchy& hierarchy) override;
  bool has_key_of(const std::string& ca) const override { return keys_.contains(ca); }

 private:
  FileSigner(std::filesystem::path folder, const base::Secret& passphrase)
      : folder_(std::move(folder)), passphrase_(passphrase.reveal_text()) {}
  base::Result<void> adopt(const IssuingCa& ca);
  base::Result<base::Bytes> sign(const std::string& issuer, base::BytesView tbs) const;
  std::filesystem::path folder_;
  base::Secret passphrase_;
  std::map<std::string, crypto::PrivateKey> keys_;
};

/// The key in a file that is there. Fails: `keys.missing`, `keys.passphrase`.
base::Result<crypto::PrivateKey> load_key(const std::filesystem::path& file, const base::Secret& passphrase);

/// The file of a CA's key in `folder`, by the CA's name.
std::filesystem::path key_file(const std::filesystem::path& folder, std::string_view name);

}  // namespace countersign::authority
