// Probe: one connection to a server that is looked at and not believed, for `countersign check`: whatever it shows in
// the handshake is taken down, weak protocols and keys included.
//
// Nothing here verifies, and nothing here makes a VerifiedServer: a probe sends no secret and its answers are no facts
// but about the server itself. Every wait has a deadline, and what a hostile server may send has limits.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/socket.h"
#include "tls/context.h"

typedef struct ssl_session_st SSL_SESSION;

namespace countersign::tls {

/// A session to offer again. Its connection need not be there any more.
using ProbeSession = std::shared_ptr<SSL_SESSION>;

/// What a server showed in one handshake.
struct Sighting {
  std::string version;  ///< "TLSv1.3"
  std::string cipher;   ///< libssl's name
  /// Bits of the Diffie-Hellman group over integers; 0 where it was over a curve, or none was made anew.
  int finite_field_bits = 0;
  std::vector<x509::Certificate> chain = {};  ///< as sent, in order; what does not parse as ours is lenient (see there)
  /// Did it ask for a certificate within the handshake, and of whom (DER of subjects; none: of anybody)?
  bool asked = false;
  std::vector<std::string> ca_names = {};
  std::vector<std::string> ca_texts = {};  ///< the same to be read, control characters escaped
  base::Bytes staple = {};                 ///< an OCSP response (RFC 6066 section 8); empty: none
  bool secure_renegotiation = false;       ///< RFC 5746
  bool resumed = false;
  base::Duration took = {};  ///< from the first byte sent to the end of the handshake, without TCP's
};

/// Why there was no handshake.
struct ProbeFailure {
  std::optional<std::pair<int, std::string>> alert_received = {};  ///< as HandshakeFailure
  base::Error error =
      {};  ///< `tls.alert_received`, `tls.not_believed`, `tls.protocol`, `tls.context`, and as net::Socket
  Sighting seen_so_far = {};  ///< before it failed
};

class Probe {
 public:
  enum class Version { any, tls12, tls13 };
  /// How a session might be kept: by the server under its id, or by the client in a ticket.
  enum class Tickets { accepted, declined };
  struct Options {
    net::Endpoint to;
    std::string server_name;  ///< for SNI; an address is not sent
    Version version = Version::any;
    const Credential* own = nullptr;  ///< sent where asked for, borrowed for the handshake; the key may be a false one
    /// Is what the server showed good enough for it to be shown `own`? Else the connection ends when it asks, with
    /// `tls.not_believed`. Nothing: whoever asks.
    std::function<bool(const std::vector<x509::Certificate>&)> believes = {};
    std::string ciphers = {};  ///< of TLS 1.2 and before, in libssl's words; empty: whatever libssl has
    Tickets tickets = Tickets::accepted;
    ProbeSession offered = nullptr;
  };
  /// Connects and shakes hands. `options.to` is resolved. Borrows `loop`.
  static net::Task<base::Result<Probe, ProbeFailure>> connect(net::Loop& loop, Options options, net::Deadline deadline);
  ~Probe();
  Probe(Probe&&) noexcept;

  const Sighting& sighting() const;
  /// For requests. In TLS 1.3 a server's refusal of our certificate comes with the first answer.
  net::Stream& stream();
  /// Was a certificate asked for after the handshake: by renegotiation, or by RFC 8446 section 4.6.2?
  bool asked_late() const;
  /// The newest session that the server gave; null: none. In TLS 1.3 it comes with an answer.
  ProbeSession session() const;

 private:
  struct State;
  explicit Probe(std::unique_ptr<State> state);
  static net::Task<base::Result<Probe, ProbeFailure>> shake_hands(net::Socket socket, std::unique_ptr<State> state,
                                                                  net::Deadline deadline);
  std::unique_ptr<State> state_;
};

}  // namespace countersign::tls
