// CaKeyHome: where the keys of issuing CAs to come are made - in encrypted files or in the token - and where the roots'
// keys are, if this authority still holds them. Belongs to the registry's thread.
#pragma once

#include <optional>

#include "authority/founding/ca_keys.h"
#include "authority/founding/establish.h"

namespace countersign::authority {

class CaKeyHome {
 public:
  struct Parts {
    std::filesystem::path folder;      ///< of the encrypted files
    const base::Secret& passphrase;    ///< copied
    const TokenHome* token = nullptr;  ///< borrowed; where the keys of issuing CAs are in a token
  };
  explicit CaKeyHome(const Parts& parts)
      : folder_(parts.folder), passphrase_(parts.passphrase.reveal_text()), token_(parts.token) {}

  /// Does a key of that name lie there already? Fails: as token.
  base::Result<bool> is_taken(const std::string& name) const;
  /// Makes the key, or takes the one that an interrupted call left there. Durable when this returns. Fails: as CaKeys,
  /// `keys.passphrase`.
  base::Result<CaKeys::Key> find_or_make(const std::string& name, crypto::PrivateKey::Kind kind);
  /// Of what kind keys are unless somebody wants another.
  crypto::PrivateKey::Kind usual_kind() const;

  /// Nothing where it is kept elsewhere. Fails: `keys.passphrase`, and as token.
  base::Result<std::optional<CaKeys::Key>> find_root(Root root) const;

 private:
  std::filesystem::path folder_;
  base::Secret passphrase_;
  const TokenHome* token_;
};

}  // namespace countersign::authority
