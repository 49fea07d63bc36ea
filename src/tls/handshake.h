// Handshake: a socket becomes (VerifiedPeer, Stream), or nothing at all.
//
// This file holds the only functions that can make a VerifiedPeer or VerifiedServer. The judgement is passed in, made
// by trust; the alert follows from its Reason by tls/alert.h; the refusal comes back for the caller's one record of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include "net/socket.h"
#include "tls/alert.h"
#include "tls/context.h"
#include "tls/site.h"
#include "tls/verified_peer.h"
#include "trust/presented.h"

namespace countersign::tls {

class Reception;

/// Judges what a server presented.
using JudgeServer = std::function<base::Result<trust::VerifiedChain, trust::Refusal>(const trust::PresentedChain&)>;

/// Why there is no connection.
struct HandshakeFailure {
  /// Set when we refused the other side's certificate or proof.
  std::optional<trust::Refusal> refusal;
  /// Set when the other side sent a fatal alert: its number and name, such as 116 "certificate required".
  std::optional<std::pair<int, std::string>> alert_received;
  /// Always set: `tls.refused`, `tls.alert_received`, `tls.protocol`, `tls.unrecognized_name`, `tls.no_staple`,
  /// `net.timeout`, `net.reset`.
  base::Error error;
  std::string server_name;  ///< the SNI a client sent; empty when none
};

template <class Peer>
struct Connection {
  Peer peer;
  std::unique_ptr<net::Stream> stream;
  std::string server_name;  ///< SNI, lower case, without trailing dot; empty when none was sent
  std::string version;      ///< "TLSv1.3"
  std::string cipher;
  std::shared_ptr<const Site> site = {};   ///< of a server's connection, always: by which it was judged
  bool resumed = false;                    ///< on a session of before; its peer was judged again
  Protocol protocol = Protocol::http_1_1;  ///< chosen by ALPN
  /// The OCSP response that a server stapled where it was asked to, as it came: nothing of it is believed. Empty: none.
  base::Bytes staple = {};
};

class Handshake {
 public:
  /// Server side of mutual TLS. `context` must be of mode `required`.
  static net::Task<base::Result<Connection<VerifiedPeer>, HandshakeFailure>> accept(
      net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline);

  /// The same where the name decides; all sites must be of mode `required`.
  static net::Task<base::Result<Connection<VerifiedPeer>, HandshakeFailure>> accept(net::Socket socket,
                                                                                    Entrance entrance,
                                                                                    net::Deadline deadline);

  /// Server side where a client may come without certificate; one that sends a bad one is refused all the same.
  static net::Task<base::Result<Connection<std::optional<VerifiedPeer>>, HandshakeFailure>> accept_optional(
      net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline);

  /// Server side where the name a client asks for decides what it is asked: the peer is there where the site requires
  /// it. A session that is resumed brings the peer that its own full handshake verified, judged again.
  static net::Task<base::Result<Connection<std::optional<VerifiedPeer>>, HandshakeFailure>> accept_at(
      net::Socket socket, Entrance entrance, net::Deadline deadline);

  /// Client side. `server_name` goes into SNI (unless it is an address); the judge is expected to check the name.
  static net::Task<base::Result<Connection<VerifiedServer>, HandshakeFailure>> connect(
      net::Socket socket, std::shared_ptr<const ClientContext> context, std::string server_name, JudgeServer judge,
      net::Deadline deadline);

 private:
  template <class Chain>
  struct Session;
  static base::Result<std::optional<VerifiedPeer>, trust::Refusal> peer_of(const Session<trust::AdmittedChain>& session,
                                                                           const Reception& reception);
};

}  // namespace countersign::tls
