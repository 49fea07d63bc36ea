// Signed notes: a short text under an Ed25519 signature, for people to keep and compare, as transparency logs use them
// (the C2SP formats "signed-note" and "tlog-checkpoint"):
//
//   TEXT, ending in a newline
//   (empty line)
//   — NAME BASE64(4 bytes of key hash, 64 bytes of signature)
#pragma once

#include <string>

#include "crypto/private_key.h"

namespace countersign::crypto {

/// Who verifies a note: the name in its signature line and the key. As text "NAME+HASH+BASE64(01, key)".
class NoteVerifier {
 public:
  /// `name` has no spaces, no '+' and no control characters; the key is Ed25519. Fails: `note.verifier`.
  static base::Result<NoteVerifier> make(std::string name, const PublicKey& key);
  /// Fails: `note.verifier`.
  static base::Result<NoteVerifier> parse(std::string_view text);
  std::string to_text() const;
  const std::string& name() const { return name_; }

  /// The text of `note`, without the empty line, if one of its signatures is of this key. Fails: `note.malformed`,
  /// `note.not_signed`.
  base::Result<std::string> open(std::string_view note) const;

 private:
  NoteVerifier(std::string name, PublicKey key) : name_(std::move(name)), key_(std::move(key)) {}
  friend base::Result<std::string> sign_note(std::string text, std::string name, const PrivateKey& key);
  base::Bytes key_hash() const;
  std::string name_;
  PublicKey key_;
};

/// `text` ends in a newline and has no empty line. Fails: `note.malformed`, `note.verifier`, `key.signing`.
base::Result<std::string> sign_note(std::string text, std::string name, const PrivateKey& key);

}  // namespace countersign::crypto
