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
#include "tls/verified_peer.h"
#include "trust/presented.h"

namespace countersign::tls {

/// Judges what a client presented; called once per handshake, on the loop's thread. A judge that remembers nothing may
/// take a PresentedChain.
using JudgeClient = std::function<base::Result<trust::AdmittedChain, trust::Refusal>(const trust::Presented&)>;
/// Judges what a server presented.
using JudgeServer = std::function<base::Result<trust::VerifiedChain, trust::Refusal>(const trust::PresentedChain&)>;

/// Why there is no connection.
struct HandshakeFailure {
  /// Set when we refused the other side's certificate or proof.
  std::optional<trust::Refusal> refusal;
  /// Set when the other side sent a fatal alert: its number and name, such as 116 "certificate required".
  std::optional<std::pair<int, std::string>> alert_received;
  base::Error error;  ///< always set: `tls.refused`, `tls.alert_received`, `tls.protocol`, `net.timeout`, `net.reset`
  std::string server_name;  ///< the SNI a client sent, escaped; empty when none
};

template <class Peer>
struct Connection {
  Peer peer;
  std::unique_ptr<net::Stream> stream;
  std::string server_name;  ///< SNI, lower case; empty when none was sent
  std::string version;      ///< "TLSv1.3"
  std::string cipher;
  Protocol protocol = Protocol::http_1_1;  ///< chosen by ALPN
};

class Handshake {
 public:
  /// Server side of mutual TLS. `context` must be of mode `required`.
  static net::Task<base::Result<Connection<VerifiedPeer>, HandshakeFailure>> accept(
      net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline);

  /// Server side where a client may come without certificate; one that sends a bad one is refused all the same.
  static net::Task<base::Result<Connection<std::optional<VerifiedPeer>>, HandshakeFailure>> accept_optional(
      net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline);

  /// Client side. `server_name` goes into SNI (unless it is an address); the judge is expected to check the name.
  static net::Task<base::Result<Connection<VerifiedServer>, HandshakeFailure>> connect(
      net::Socket socket, std::shared_ptr<const ClientContext> context, std::string server_name, JudgeServer judge,
      net::Deadline deadline);

 private:
  template <class Chain>
  struct Session;
};

}  // namespace countersign::tls
