// Presented: what a peer sent as its chain in a handshake, known by its digest at once and read only when somebody
// asks.
//
// Reading certificates (keys, names, extensions) costs more than anything else in a handshake but the signatures; a
// judge that remembers the digest (chain_memory.h) need not read them. Belongs to one handshake and its thread.
#pragma once

#include <functional>
#include <optional>

#include "crypto/digest.h"
#include "trust/verdict.h"

namespace countersign::trust {

class Presented {
 public:
  /// `digest` must be digest_of() what `read` will give.
  Presented(const crypto::Digest256& digest, std::function<PresentedChain()> read)
      : digest_(digest), read_(std::move(read)) {}

  /// SHA-256 of how many there are and of every DER with its length in front: no two different chains share it.
  static crypto::Digest256 digest_of(const std::vector<base::Bytes>& ders);

  const crypto::Digest256& digest() const { return digest_; }
  /// The certificates, leaf first; read by the first call.
  const PresentedChain& chain() const {
    if (!chain_) chain_.emplace(read_());
    return *chain_;
  }
  /// For judges that remember nothing.
  operator const PresentedChain&() const { return chain(); }  // NOLINT(google-explicit-constructor)

 private:
  crypto::Digest256 digest_;
  std::function<PresentedChain()> read_;
  mutable std::optional<PresentedChain> chain_ = {};
};

}  // namespace countersign::trust
