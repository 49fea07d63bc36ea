// Caller: one request over a new connection, with this certificate or that, and what came of it. Private to check.
#pragma once

#include "check/observations.h"
#include "check/target.h"
#include "http/client.h"
#include "net/loop.h"

namespace countersign::check {

struct Measured {
  std::vector<base::Duration> warm = {};  ///< over a connection that had served one before
  std::vector<base::Duration> cold = {};  ///< the first over its connection; the handshake is not counted
  std::size_t connections = 0;
  std::string failed = {};
  int error_status = 0;  ///< of an answer that is no success; 0: there was none
};

class Caller {
 public:
  struct Times {
    net::Deadline end;  ///< of every step, at the latest
    base::Instant at;   ///< that certificates are judged at
  };
  /// Borrows both.
  Caller(const Target& target, net::Loop& loop, const Times& times)
      : target_(target), loop_(loop), end_(times.end), at_(times.at) {}

  /// With `own` for the authority, the connection ends where a server that asks for it does not prove to be the host:
  /// each looks for itself, as whoever is at the other end may let them through to different servers.
  tls::Probe::Options options(const tls::Credential* own) const;
  /// Null: no certificate. Borrows `own`.
  net::Task<Attempt> attempt(const tls::Credential* own);
  /// A connection with our own certificate, a request on it, and a second connection that offers its session.
  net::Task<Resumption> resume(tls::Probe::Version version, tls::Probe::Tickets tickets);
  /// One request after the other with our own certificate, each timed, on as few connections as the server allows.
  net::Task<Measured> measure();

  /// What was noticed on the way.
  bool asked_late() const { return asked_late_; }
  ServerKind server() const { return server_; }
  /// Of every full handshake with our own certificate.
  const std::vector<base::Duration>& handshakes() const { return handshakes_; }

 private:
  struct Line;
  net::Deadline soon() const { return net::Deadline::earlier(net::Deadline::after(target_.patience), end_); }
  http::Request request();
  http::ClientOptions client_options() const;
  void notice(const http::Response& response);
  net::Task<base::Result<tls::Probe, tls::ProbeFailure>> connect(tls::Probe::Options options);
  net::Task<base::Result<void>> one_request(Line& line, Measured& measured);

  const Target& target_;
  net::Loop& loop_;
  net::Deadline end_;
  base::Instant at_;
  std::size_t asked_ = 0;  ///< requests so far
  bool asked_late_ = false;
  ServerKind server_ = ServerKind::unknown;
  std::vector<base::Duration> handshakes_ = {};
};

/// Did the server let this one in: an answer by HTTP that is no refusal? Not when nobody tried.
bool is_accepted(const std::optional<Attempt>& attempt);
/// Does this chain, leaf first, prove to whoever believes the target's anchors that its holder is the target's host?
bool believes_server(const Target& target, const std::vector<x509::Certificate>& chain, base::Instant at);
bool is_success(int status);
/// What a server's answer says of the server; `known` where it says nothing.
ServerKind recognise(const http::Response& response, ServerKind known);

}  // namespace countersign::check
