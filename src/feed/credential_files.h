// CredentialFiles: a key and its certificate chain as two files that are swapped as one.
//
// A new key is written beside the old one first, then the chain is replaced, then the key. Whenever the plug is pulled,
// load() finds a key that belongs to the chain, and completes the swap.
#pragma once

#include <filesystem>

#include "tls/context.h"

namespace countersign::feed {

struct CredentialFiles {
  std::filesystem::path key;    ///< PKCS#8 PEM, mode 0600
  std::filesystem::path chain;  ///< PEM, leaf first, without the root

  /// FOLDER/NAME.key and FOLDER/NAME.pem.
  static CredentialFiles in(const std::filesystem::path& folder, const std::string& name) {
    return {folder / (name + ".key"), folder / (name + ".pem")};
  }
  friend bool operator==(const CredentialFiles&, const CredentialFiles&) = default;
};

/// Fails: as tls::load_credential.
base::Result<tls::Credential> load(const CredentialFiles& files);
/// Replaces both. Fails: `file.unwritable`; load() then still finds a matching pair.
base::Result<void> replace(const CredentialFiles& files, const base::Secret& key_pem, const std::string& chain_pem);

/// The key of a renewal that is under way, or a new one, durable before anybody is asked for its certificate: so it is
/// asked for again after any interruption. One that is in use already, or cannot be read, is replaced. Fails:
/// `key.generation`, `file.unwritable`.
base::Result<crypto::PrivateKey> open_or_make_next_key(const CredentialFiles& files, const x509::Certificate& current);
/// It will never be certified. Best effort: the next renewal is refused as this one was, and drops it then.
void drop_next_key(const CredentialFiles& files);

}  // namespace countersign::feed
