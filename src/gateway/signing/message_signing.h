// MessageSigning: what all workers share of message signatures: partners' keys, nonces, how much content is held, our
// own key, and counts. Thread-safe.
#pragma once

#include <array>
#include <atomic>

#include "base/published.h"
#include "gateway/signing/signer_keys.h"
#include "signatures/http_signature.h"
#include "signatures/replay_memory.h"
#include "tls/context.h"

namespace countersign::gateway {

/// The provider's key, by which responses are signed.
struct OwnKey {
  std::shared_ptr<const tls::Credential> credential;
  std::string keyid;  ///< RFC 7638
  signatures::Scheme scheme;
};

class MessageSigning {
 public:
  /// Held at once by all workers until it is checked or signed; beyond that requests are refused as `busy`.
  static constexpr std::size_t kHeldContent = 256 * 1024 * 1024;

  /// Borrows all.
  MessageSigning(const feed::Knowledge& knowledge, const base::Clock& clock, const base::Log& log)
      : keys_(knowledge, clock), clock_(clock), log_(log) {}

  SignerKeys& keys() { return keys_; }
  signatures::ReplayMemory& replays() { return replays_; }
  base::Instant now() const { return clock_.now(); }
  const base::Log& log() const { return log_; }

  /// Fails: `signature.other_purpose`, `key.weak`, `jwk.unsupported`; what was used before is kept then.
  base::Result<void> use_credential(std::shared_ptr<const tls::Credential> credential);
  /// Null before the first.
  std::shared_ptr<const OwnKey> own_key() const { return own_key_.take(); }

  void count_good() { good_.fetch_add(1, std::memory_order_relaxed); }
  void count(signatures::Reason reason) {
    refused_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  }
  void count_response() { responses_.fetch_add(1, std::memory_order_relaxed); }
  /// In the Prometheus text format.
  std::string metrics() const;

  /// A part of what may be held, for as long as this lives.
  class Held {
   public:
    explicit Held(MessageSigning& of) : of_(of) {}
    ~Held() { of_.held_.fetch_sub(size_, std::memory_order_relaxed); }
    Held(const Held&) = delete;
    /// False where there is no room for so much more.
    bool grow(std::size_t by);

   private:
    MessageSigning& of_;
    std::size_t size_ = 0;
  };

 private:
  SignerKeys keys_;
  signatures::ReplayMemory replays_;
  const base::Clock& clock_;
  const base::Log& log_;
  base::Published<OwnKey> own_key_;
  std::atomic<std::size_t> held_{0};
  std::atomic<std::uint64_t> good_{0};
  std::atomic<std::uint64_t> responses_{0};
  std::array<std::atomic<std::uint64_t>, signatures::kReasons> refused_{};
};

}  // namespace countersign::gateway
