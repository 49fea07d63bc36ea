// RootKeys: where the keys of roots are: encrypted files in the ceremony's folder, or a token.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/secret.h"
#include "ceremony/plan.h"
#include "crypto/token.h"

namespace countersign::ceremony {

struct RootKey {
  crypto::PublicKey public_key;
  std::function<base::Result<base::Bytes>(base::BytesView)> sign;  ///< lives no longer than the RootKeys
};

class RootKeys {
 public:
  /// Keys in `folder`/NAME.key under `passphrase`.
  static RootKeys in_files(std::filesystem::path folder, const base::Secret& passphrase);
  /// Keys in the token, labelled PREFIX-NAME. Fails: as crypto::Token::open.
  static base::Result<RootKeys> in_token(const KeysPlan& plan, base::Secret pin);

  /// Fails: `ceremony.no_key` when there is none of that name, `ceremony.passphrase`, and as token.
  base::Result<RootKey> find(const std::string& name) const;
  /// Durable when it returns. Fails: `ceremony.key_exists`, and as crypto, files and token.
  base::Result<RootKey> make(const std::string& name, crypto::PrivateKey::Kind kind) const;

 private:
  RootKeys(std::filesystem::path folder, base::Secret passphrase)
      : folder_(std::move(folder)), passphrase_(std::move(passphrase)) {}
  std::filesystem::path file_of(const std::string& name) const { return folder_ / (name + ".key"); }
  std::filesystem::path folder_;
  base::Secret passphrase_;
  std::unique_ptr<crypto::Token> token_;
  std::string prefix_;
};

}  // namespace countersign::ceremony
