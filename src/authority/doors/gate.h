// Gate: who may come in at one listener. Judges a client's chain in the handshake, and each of its later requests
// again, by the authority's own registry of this very moment.
#pragma once

#include "authority/authority.h"
#include "tls/handshake.h"

namespace countersign::authority {

/// The other end of a connection. `Peer` is tls::VerifiedPeer, or std::optional of it where a client may come without.
template <class Peer>
struct Caller {
  Peer peer;
  net::Endpoint address;
  std::string server_name;  ///< SNI
};
using ApiCaller = Caller<std::optional<tls::VerifiedPeer>>;
using InternalCaller = Caller<tls::VerifiedPeer>;

/// Thread-safe; borrows the authority.
class Gate {
 public:
  Gate(const Authority& authority, const base::Log& log, std::string listener, trust::Policy policy)
      : authority_(&authority), log_(&log), listener_(std::move(listener)), policy_(std::move(policy)) {}

  /// Borrows this gate.
  tls::JudgeClient judge() const;
  /// Is the peer still to be believed? A refusal is one record, as in the handshake. Fails: `caller.refused`.
  base::Result<void> recheck(const InternalCaller& caller) const;
  /// A caller without certificate passes: whether it needs one is for the route to say.
  base::Result<void> recheck(const ApiCaller& caller) const;

  /// The issuing CAs whose names the server sends: those that vouch for one of the purposes.
  std::vector<x509::Certificate> issuers() const;

 private:
  base::Result<void> recheck(const tls::VerifiedPeer& peer, const net::Endpoint& address,
                             const std::string& server_name) const;
  const Authority* authority_;
  const base::Log* log_;
  std::string listener_;
  trust::Policy policy_;
};

}  // namespace countersign::authority
