// Checkpoints: what the log of certificates and the audit log were at a moment, in a few lines under a signature
// (C2SP tlog-checkpoint). Kept elsewhere, one shows later whether anything of that was deleted, edited or cut off, or
// an older registry put back - also by somebody who can write the whole data folder.
#pragma once

#include "authority/transparency/certificate_log.h"
#include "crypto/signed_note.h"

namespace countersign::authority {

/// Belongs to the registry's thread.
class Checkpoints {
 public:
  /// Signs with `key`, an Ed25519 key of the authority's own. `origin` names the log in every checkpoint. Fails: as
  /// crypto.
  static base::Result<Checkpoints> sign_with(crypto::PrivateKey key, std::string origin);

  /// The logs as they stand. Lines: origin, number of certificates, Merkle root in base64, `audit SEQUENCE HASH`,
  /// `time RFC3339`. Fails: `registry.corrupt`, `key.signing`, and as store.
  base::Result<std::string> make(Ledger& ledger) const;

  /// Does today's registry still hold everything that `checkpoint` says? Empty: yes; else what is missing, in words.
  /// Fails: `checkpoint.foreign` when it is not one of ours, `checkpoint.malformed`, and as store.
  base::Result<std::string> hold_against(Ledger& ledger, std::string_view checkpoint) const;

  /// What others verify checkpoints with.
  const crypto::NoteVerifier& verifier() const { return verifier_; }

 private:
  Checkpoints(crypto::PrivateKey key, crypto::NoteVerifier verifier)
      : key_(std::move(key)), verifier_(std::move(verifier)) {}
  crypto::PrivateKey key_;
  crypto::NoteVerifier verifier_;
};

/// The origin of a provider's log: it names the provider's root, so that no two are the same.
std::string checkpoint_origin(const x509::Certificate& provider_root);

}  // namespace countersign::authority
