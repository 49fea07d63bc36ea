// AuditSeal: what makes the audit log hold against somebody who can write the database: a key that is not in it, and a
// second head of the log in a file outside of it.
//
// The file (DATA/audit.head) is appended to and synced after every commit; each line is sealed: where the log ended,
// that a break was found, that an operator has seen it. Who can write the folder can still put all of it back to an
// earlier day at once: only a copy of the file elsewhere shows that. Belongs to the registry's thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/secret.h"
#include "crypto/private_key.h"

namespace countersign::authority {

/// Where the log ends: the last record's number and hash; 0 and "-" before the first.
struct AuditHead {
  std::int64_t sequence = 0;
  std::string hash = "-";
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

class AuditSeal {
 public:
  explicit AuditSeal(std::filesystem::path file) : file_(std::move(file)) {}

  /// Must come before all else.
  void use_key(base::Secret key) { key_ = std::move(key); }

  /// "KIND SEQUENCE HASH MAC".
  std::string seal(std::string_view kind, const AuditHead& head) const;
  /// Nothing when `text` is not what seal() makes of that kind, under this key.
  std::optional<AuditHead> open(std::string_view kind, std::string_view text) const;

  /// Makes the file for a log without records. Fails: `file.unwritable`.
  base::Result<void> begin();
  /// Reads what the file says; a missing or changed file is what problem() then tells. Fails: `file.unreadable`.
  base::Result<void> read();

  /// The newest head outside of the database; nothing before begin() or read(), or when the file tells none.
  const std::optional<AuditHead>& outside() const { return outside_; }
  /// A break that was found and that nobody has acknowledged; empty: none.
  const std::string& problem() const { return problem_; }

  /// After a commit. What cannot be written is kept, and catch_up() fails until it is.
  void note(const AuditHead& head);
  base::Result<void> catch_up();
  /// A break was found: from now on it is told at every start. Fails: `file.unwritable`.
  base::Result<void> note_problem(const std::string& problem);
  /// An operator has seen it: the file begins anew at `head`. Fails: `file.unwritable`.
  base::Result<void> acknowledge(const AuditHead& head);

 private:
  void take_line(std::string_view line);
  base::Result<void> append(const std::string& line);

  std::filesystem::path file_;
  base::Secret key_;
  std::optional<AuditHead> outside_;
  std::optional<AuditHead> pending_;
  std::string problem_;
  bool unusable_ = false;  ///< the file is missing or was changed: left as it is until an operator acknowledges
};

/// What AuditSeal seals with, derived from the authority's own key for it. Fails: as crypto.
base::Result<base::Secret> derive_seal_key(const crypto::PrivateKey& audit);
/// The same out of KEYS/audit.key, an Ed25519 key encrypted like those of the CAs; made where it is missing. Fails:
/// `keys.passphrase`, as crypto and files.
base::Result<base::Secret> open_audit_key(const std::filesystem::path& keys, const base::Secret& passphrase);

}  // namespace countersign::authority
