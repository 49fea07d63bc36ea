// SessionMemory: TLS sessions that clients may resume, kept here and nowhere else (stateful resumption, off by
// default).
//
// A client holds 32 random bytes that say nothing; what was proved at the full handshake stays beside the session, and
// is judged again at each resume (reception.cpp). A session serves one policy, never outlives the limit that its full
// handshake set, and goes when its certificate is no longer admitted. Bounded: the oldest goes first, and nobody's
// sessions push out more than their share. Belongs to its loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/time.h"
#include "crypto/digest.h"
#include "tls/library.h"
#include "trust/verdict.h"

typedef struct ssl_session_st SSL_SESSION;

namespace countersign::tls {

class Handshake;

/// What a full handshake proved; every session that stems from it carries this very object. Only Handshake makes one,
/// out of the proof that its judge gave and libssl's check of CertificateVerify.
class SessionOrigin {
 public:
  /// Nothing where the client was not asked for a certificate, or had none.
  const std::optional<trust::AdmittedChain>& proof() const { return proof_; }
  const crypto::Digest256& policy() const { return policy_; }
  base::Instant until() const { return until_; }

 private:
  friend class Handshake;
  SessionOrigin(std::optional<trust::AdmittedChain> proof, const crypto::Digest256& policy, base::Instant until)
      : proof_(std::move(proof)), policy_(policy), until_(until) {}
  std::optional<trust::AdmittedChain> proof_;
  crypto::Digest256 policy_;
  base::Instant until_;
};

class SessionMemory {
 public:
  struct Limits {
    std::size_t sessions = 8'192;  ///< about 10 KiB each
    std::size_t of_one_certificate = 64;
    base::Duration life = std::chrono::hours(1);  ///< from the full handshake on, however often resumed
  };
  using Id = std::array<std::uint8_t, 32>;

  /// `library`: the one whose handshakes the sessions come from. Borrows the clock.
  SessionMemory(Limits limits, std::shared_ptr<const Library> library, const base::Clock& clock);
  ~SessionMemory();
  SessionMemory(const SessionMemory&) = delete;

  base::Instant now() const { return clock_.now(); }
  /// When a session ends whose full handshake is done now: after `life`, and with the first certificate on the path.
  base::Instant end_for(const std::optional<trust::AdmittedChain>& proof) const;

  /// Keeps a copy of `session` (its id is its name here). Not one that has ended.
  void keep(const SSL_SESSION& session, std::shared_ptr<const SessionOrigin> origin);
  /// A session and its origin, borrowed until the next call; nothing where none has that id or it has ended.
  struct Found {
    SSL_SESSION* session;
    std::shared_ptr<const SessionOrigin> origin;
  };
  std::optional<Found> find(const Id& id);
  void forget(const Id& id);
  /// Forgets what has ended, and every session whose proof `refused` does not admit any more.
  void sweep(const std::function<bool(const trust::AdmittedChain&)>& refused);

  std::size_t size() const { return by_id_.size(); }

 private:
  struct Entry;
  using Entries = std::list<Entry>;
  struct Hash {
    std::size_t operator()(const Id& id) const;
  };
  static crypto::Digest256 holder_of(const SessionOrigin& origin);
  std::size_t share_of(const SessionOrigin& origin) const;
  void erase(Entries::iterator entry);
  void make_room(const SessionOrigin& origin);

  Limits limits_;
  std::shared_ptr<const Library> library_;  ///< outlives the sessions below
  const base::Clock& clock_;
  Entries entries_;  ///< oldest first
  std::unordered_map<Id, Entries::iterator, Hash> by_id_;
  std::unordered_map<Id, std::list<Entries::iterator>, Hash> by_holder_;  ///< oldest first; none is empty
};

}  // namespace countersign::tls
