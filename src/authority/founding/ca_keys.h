// CaKeys: where a first run makes the keys of the CAs: in encrypted files, or in a token.
#pragma once

#include <functional>
#include <string>

#include "authority/secrets/token_settings.h"
#include "base/secret.h"
#include "crypto/token.h"

namespace countersign::authority {

class CaKeys {
 public:
  virtual ~CaKeys() = default;

  /// `sign` is as crypto::PrivateKey::sign; it lives no longer than the CaKeys.
  struct Key {
    crypto::PublicKey public_key;
    std::function<base::Result<base::Bytes>(base::BytesView)> sign;
  };
  enum class Of { root, issuing_ca };
  /// The key is durable when this returns. Fails: as crypto, files and token.
  virtual base::Result<Key> make(const std::string& name, Of of) = 0;
};

/// FOLDER/NAME.pem, encrypted. Borrows the passphrase.
class FileCaKeys final : public CaKeys {
 public:
  FileCaKeys(std::filesystem::path folder, const base::Secret& passphrase, crypto::PrivateKey::Kind kind)
      : folder_(std::move(folder)), passphrase_(passphrase), kind_(kind) {}
  base::Result<Key> make(const std::string& name, Of of) override;

 private:
  std::filesystem::path folder_;
  const base::Secret& passphrase_;
  crypto::PrivateKey::Kind kind_;
};

/// Under the labels of the settings; the roots in files where the settings say so. Borrows all.
class TokenCaKeys final : public CaKeys {
 public:
  /// Is what lies there already under such a label left over from the same first run?
  enum class LeftOver { none, ours };
  struct Parts {
    crypto::Token& token;
    const TokenSettings& settings;
    CaKeys& files;
    LeftOver left_over = LeftOver::none;
  };
  explicit TokenCaKeys(const Parts& parts) : parts_(parts) {}
  base::Result<Key> make(const std::string& name, Of of) override;

 private:
  base::Result<crypto::PublicKey> find_or_make(const std::string& label);
  Parts parts_;
};

/// A new authority may not take the keys of another for its own. Fails: `keys.exist` when the token has a key under one
/// of the labels, and as the token.
base::Result<void> check_labels_are_free(crypto::Token& token, const TokenSettings& settings);

}  // namespace countersign::authority
