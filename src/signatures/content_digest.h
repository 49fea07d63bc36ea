// Content-Digest and Repr-Digest (RFC 9530): what a message says its content hashes to, by sha-256 and sha-512.
//
// The older algorithms (md5, sha, unixsum ...) are passed over, as the standard asks of unknown ones; that at least one
// of the two is there, and that all of them fit, is checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/hasher.h"
#include "http/message.h"

namespace countersign::signatures {

enum class DigestAlgorithm { sha256, sha512 };
/// "sha-256", "sha-512".
std::string_view name(DigestAlgorithm algorithm);

/// sha-256=:...:, for a field.
std::string content_digest(DigestAlgorithm algorithm, std::string_view content);

/// What a Content-Digest field demands of the content, which may come piece by piece.
class DigestCheck {
 public:
  /// Of all fields of that name as one. Fails: `digest.malformed`; `digest.unsupported` where neither sha-256 nor
  /// sha-512 is there; `digest.missing`.
  static base::Result<DigestCheck> of(const http::Fields& fields, std::string_view field = "Content-Digest");

  void add(base::BytesView part);
  void add(std::string_view part) { add(base::as_bytes(part)); }
  /// Of all that was added. Fails: `digest.mismatch`, naming the algorithm.
  base::Result<void> finish() &&;

 private:
  struct Expected {
    crypto::Hasher hasher;
    base::Bytes digest;
  };
  std::optional<Expected> sha256_ = {};
  std::optional<Expected> sha512_ = {};
};

/// Which algorithm Want-Content-Digest (RFC 9530 section 4) likes best of those we have; nothing where it wants none.
std::optional<DigestAlgorithm> wanted_digest(const http::Fields& fields);

}  // namespace countersign::signatures
