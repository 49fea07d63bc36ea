// UpstreamPeer: whom a connection to an upstream leads to, by the certificate that it was verified by; and
// UpstreamPeers, all of one upstream at one worker, who are judged again for as long as their connections last, as
// clients are (law 6).
//
// Without TLS there is nobody to be judged. Belongs to one loop's thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "trust/reconsideration.h"

namespace countersign::gateway {

class UpstreamState;
class UpstreamPeer;

class UpstreamPeers {
 public:
  /// Borrowed, but for `state`.
  struct Needs {
    const trust::RegistryView& registry;
    const base::Clock& clock;
    const base::Log& log;
    std::shared_ptr<UpstreamState> state;  ///< counts those that are cut
  };
  explicit UpstreamPeers(Needs needs) : needs_(std::move(needs)) {}
  UpstreamPeers(const UpstreamPeers&) = delete;

  /// Cuts the connections of all who are not to be believed any more.
  void reconsider();

 private:
  friend class UpstreamPeer;
  std::optional<trust::Refusal> ask(UpstreamPeer& peer) const;
  void note_refused(const UpstreamPeer& peer);

  Needs needs_;
  std::list<UpstreamPeer*> all_;
  std::string told_;  ///< the certificate that was refused last: its other connections are not told of one by one
};

class UpstreamPeer {
 public:
  struct Known {
    std::shared_ptr<UpstreamPeers> all;  ///< to whom it belongs
    std::string address;
    std::optional<trust::VerifiedChain> chain;  ///< nothing: without TLS
    /// Of the state's credential and addresses when the connection was begun: says what we showed.
    std::uint64_t version;
  };
  /// `cut` ends the connection; it must not throw, nor destroy this.
  UpstreamPeer(Known known, std::function<void()> cut);
  ~UpstreamPeer();
  UpstreamPeer(const UpstreamPeer&) = delete;

  /// Asks again. The first time that the answer is no the connection is cut: one record `upstream.cut` for each
  /// certificate, one count for each connection.
  bool is_believed();
  /// Why it was cut; nothing: it was not.
  const std::optional<trust::Refusal>& refusal() const { return refusal_; }
  std::uint64_t version() const { return known_.version; }

 private:
  friend class UpstreamPeers;
  Known known_;
  std::function<void()> cut_;
  std::list<UpstreamPeer*>::iterator place_;
  trust::Reconsideration still_believed_;
  std::optional<trust::Refusal> refusal_;
};

/// `cause` is what came of it that the certificate of `upstream` was refused: `gateway.upstream_untrusted`, naming the
/// reason and what whoever runs the upstream can do.
base::Error upstream_untrusted(base::Error cause, const trust::Refusal& refusal, const std::string& upstream);

}  // namespace countersign::gateway
