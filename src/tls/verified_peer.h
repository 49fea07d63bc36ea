// VerifiedPeer: the other end of a connection, having proved who it is. Made only by a finished handshake (law 3).
#pragma once

#include "trust/verdict.h"

namespace countersign::tls {

class Handshake;

/// The peer's chain was verified and admitted, and its CertificateVerify (RFC 8446 section 4.4.3) checked on this very
/// connection. Handlers take it as an argument; there is no handler without one.
class VerifiedPeer {
 public:
  const base::Identity& identity() const { return admitted_.identity(); }
  const x509::Certificate& certificate() const { return admitted_.chain().leaf(); }
  const trust::AdmittedChain& admitted() const { return admitted_; }

 private:
  friend class Handshake;
  explicit VerifiedPeer(trust::AdmittedChain admitted) : admitted_(std::move(admitted)) {}
  trust::AdmittedChain admitted_;
};

/// A server we called: its chain was verified for the name we asked for, and it proved to hold the key.
class VerifiedServer {
 public:
  const x509::Certificate& certificate() const { return chain_.leaf(); }
  const trust::VerifiedChain& chain() const { return chain_; }

 private:
  friend class Handshake;
  explicit VerifiedServer(trust::VerifiedChain chain) : chain_(std::move(chain)) {}
  trust::VerifiedChain chain_;
};

}  // namespace countersign::tls
