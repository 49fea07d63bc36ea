#include "tls/handshake.h"

#include <algorithm>
#include <array>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "net/turns.h"
#include "tls/examination.h"
#include "tls/reception.h"
#include "tls/refused.h"
#include "tls/socket_bio.h"
#include "tls/tls_stream.h"

namespace countersign::tls {
namespace {

using trust::Reason;

/// How long and how much a refused peer may still send, so that it gets to read our alert instead of a reset.
constexpr base::Duration kLingerTime = std::chrono::seconds(1);
constexpr std::size_t kLingerBytes = 256 * 1024;

bool is_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

/// SNI (RFC 6066 section 3). SSL_set_tlsext_host_name is a macro with casts; this is what it does.
bool set_server_name(SSL* ssl, std::string name) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

Protocol protocol_of(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2" ? Protocol::http_2 : Protocol::http_1_1;
}

/// RFC 6066 section 8; of what a server sent without being asked libssl keeps nothing.
base::Bytes staple_of(SSL* ssl) {
  const unsigned char* der = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
  if (der == nullptr || size <= 0) return {};
  return {der, der + size};
}

/// Is `reason` of libssl the first or the last complaint in its queue? Providers may add theirs before or behind it.
bool complains_of(int reason) {
  for (const unsigned long error : {ERR_peek_error(), ERR_peek_last_error()})
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == reason) return true;
  return false;
}

/// libssl stopped on its own account, not because the peer went away or sent an alert.
bool stopped_by_us() {
  return ERR_peek_error() != 0 && !peek_alert_received() && !complains_of(SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

/// Refused while reading the peer's Certificate message, before our judge was asked.
std::optional<trust::Refusal> refused_certificate_message() {
  if (complains_of(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE))
    return trust::refuse(Reason::no_certificate, "the client sent an empty certificate list");
  if (complains_of(SSL_R_EXCESSIVE_MESSAGE_SIZE))
    return trust::refuse(Reason::chain_too_long, "the certificate message is larger than 64 KiB");
  return trust::refuse(Reason::malformed, "what was sent as a certificate does not parse");
}

/// Refused while checking the peer's CertificateVerify, after our judge believed its chain.
std::optional<trust::Refusal> refused_proof(const SSL* ssl) {
  constexpr const char* kDetail = "the signature in CertificateVerify was not made with the certificate's private key";
  X509* leaf = SSL_get0_peer_certificate(ssl);
  if (leaf == nullptr) return trust::refuse(Reason::proof_failed, kDetail);
  return trust::refuse(Reason::proof_failed, x509::Certificate::from_native(leaf), 0, kDetail);
}

/// A refusal that libssl made before or after asking our judge, told by the message at which it stopped.
std::optional<trust::Refusal> refusal_by_libssl(const SSL* ssl, const Examination& examination) {
  if (!stopped_by_us()) return std::nullopt;
  const OSSL_HANDSHAKE_STATE at = SSL_get_state(ssl);
  const bool at_certificate = at == TLS_ST_SR_CERT || at == TLS_ST_CR_CERT;
  const bool at_proof = at == TLS_ST_SR_CERT_VRFY || at == TLS_ST_CR_CERT_VRFY;
  if (at_certificate && !examination.believed) return refused_certificate_message();
  if (at_proof && examination.believed) return refused_proof(ssl);
  return std::nullopt;
}

HandshakeFailure failure_of(SSL* ssl, Examination& examination) {
  HandshakeFailure failure;
  failure.refusal = examination.refusal ? std::move(examination.refusal) : refusal_by_libssl(ssl, examination);
  if (const auto alert = peek_alert_received(); alert && !failure.refusal)
    failure.alert_received = std::pair(*alert, name_of_received(*alert));
  failure.error = take_failure(ssl);
  if (failure.refusal) failure.error = refused(*failure.refusal);
  return failure;
}

/// Reads and drops until the peer closes: closing with unread bytes would reset the connection and eat our alert.
net::Task<void> linger(net::Socket& socket) {
  const net::Deadline deadline = net::Deadline::after(kLingerTime);
  co_await socket.finish(deadline);
  std::array<std::uint8_t, 4096> dropped;
  for (std::size_t total = 0; total < kLingerBytes;) {
    const auto count = co_await socket.read_some(dropped, deadline);
    if (!count || *count == 0) break;
    total += *count;
  }
  socket.abort();
}

base::Result<SslHandle> make_ssl(SSL_CTX* context, std::shared_ptr<const Library> library, net::Socket& socket) {
  SslHandle ssl(SSL_new(context), FreeSsl{std::move(library)});
  if (!ssl || !attach_socket(ssl.get(), socket))
    return base::fail(base::Kind::internal, "tls.context", "no TLS connection could be made");
  return ssl;
}

/// What a client sent behind its certificate was judged, and nobody asks libssl for it again; it would be kept as long
/// as the connection and its session, some 4 KiB of each. (The client's own certificate has a place of its own.)
void forget_issuers(SSL* ssl) {
  STACK_OF(X509)* const sent = SSL_is_server(ssl) == 1 ? SSL_get_peer_cert_chain(ssl) : nullptr;
  while (sent != nullptr && sk_X509_num(sent) > 0)
    X509_free(sk_X509_pop(sent));
}

tl::unexpected<HandshakeFailure> failed(base::Error error) {
  HandshakeFailure failure;
  failure.error = std::move(error);
  return base::unexpected(std::move(failure));
}

}  // namespace

/// One handshake under way. `Chain` is the proof its judge makes.
template <class Chain>
struct Handshake::Session {
  using Judge = std::function<base::Result<Chain, trust::Refusal>(const trust::Presented&)>;

  net::Socket socket;
  SslHandle ssl = {};
  Examination examination = {};
  std::optional<Chain> proof = {};
  std::function<void()> our_move = [] {};
  std::function<void()> its_move = [] {};

  explicit Session(net::Socket s) : socket(std::move(s)) {}
  Session(const Session&) = delete;

  base::Result<void> prepare(SSL_CTX* context, std::shared_ptr<const Library> library, Judge judge) {
    examination.read_anew = library->is_own();
    BASE_TRY(ssl, make_ssl(context, std::move(library), socket));
    examination.judge = [this,
                         judge = std::move(judge)](const trust::Presented& presented) -> std::optional<trust::Refusal> {
      auto verdict = judge(presented);
      if (!verdict) return std::move(verdict).error();
      proof.emplace(std::move(*verdict));
      return std::nullopt;
    };
    examination.attach_to(ssl.get());
    return {};
  }

  /// Runs the handshake to its end. On failure the peer has been sent its alert.
  net::Task<base::Result<void, HandshakeFailure>> run(net::Deadline deadline) {
    for (;;) {
      our_move();
      co_await socket.turns().take();
      if (socket.was_hung_up()) break;  // given up meanwhile: what it has sent is not worth our time any more
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl.get());
      if (result == 1) co_return base::Result<void, HandshakeFailure>();
      const Need need = need_after(ssl.get(), result);
      if (need == Need::failed || need == Need::closed) break;
      its_move();
      auto waited =
          co_await socket.wait(need == Need::write ? net::Socket::Ready::write : net::Socket::Ready::read, deadline);
      if (waited) continue;
      co_return failed(std::move(waited).error());
    }
    if (socket.was_hung_up()) co_return failed({base::Kind::unavailable, "net.reset", "the handshake was given up"});
    const bool alerted = stopped_by_us();
    HandshakeFailure failure = failure_of(ssl.get(), examination);
    if (alerted) co_await linger(socket);
    co_return base::unexpected(std::move(failure));
  }

  /// What sessions of this handshake stand for; null where they would stand for less than the site asks.
  std::shared_ptr<const SessionOrigin> to_origin(const Reception& reception) const;

  /// The finished connection around `peer`. The judge's proof has been taken out before.
  template <class Peer>
  Connection<Peer> finish(Peer peer) {
    SSL_set_app_data(ssl.get(), nullptr);
    forget_issuers(ssl.get());
    std::string version = SSL_get_version(ssl.get());
    std::string cipher = SSL_get_cipher_name(ssl.get());
    const Protocol protocol = protocol_of(ssl.get());
    return {.peer = std::move(peer),
            .stream = std::make_unique<TlsStream>(std::move(socket), std::move(ssl)),
            .server_name = {},
            .version = std::move(version),
            .cipher = std::move(cipher),
            .protocol = protocol};
  }
};

template <>
std::shared_ptr<const SessionOrigin> Handshake::Session<trust::AdmittedChain>::to_origin(
    const Reception& reception) const {
  if (examination.believed != proof.has_value()) return nullptr;
  if (!proof && reception.site()->mode() == ClientCertificate::required) return nullptr;
  const base::Instant until = reception.site()->sessions->end_for(proof);
  return std::shared_ptr<const SessionOrigin>(new SessionOrigin(proof, reception.policy(), until));
}

net::Task<base::Result<Connection<VerifiedPeer>, HandshakeFailure>> Handshake::accept(
    net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline) {
  Entrance entrance = Entrance::of(std::move(context), std::move(judge));
  co_return co_await accept(std::move(socket), std::move(entrance), deadline);
}

net::Task<base::Result<Connection<VerifiedPeer>, HandshakeFailure>> Handshake::accept(net::Socket socket,
                                                                                      Entrance entrance,
                                                                                      net::Deadline deadline) {
  BASE_CHECK(entrance.first->mode() == ClientCertificate::required);
  auto open = co_await accept_at(std::move(socket), std::move(entrance), deadline);
  if (!open) co_return base::unexpected(std::move(open).error());
  if (!open->peer) {  // a site that does not require one has no place behind this door
    open->stream->abort();
    HandshakeFailure failure;
    failure.refusal = trust::refuse(Reason::no_certificate, "the handshake ended without a certificate");
    failure.error = {base::Kind::denied, "tls.refused", "refused: no_certificate"};
    co_return base::unexpected(std::move(failure));
  }
  co_return Connection<VerifiedPeer>{.peer = std::move(*open->peer),
                                     .stream = std::move(open->stream),
                                     .server_name = std::move(open->server_name),
                                     .version = std::move(open->version),
                                     .cipher = std::move(open->cipher),
                                     .site = std::move(open->site),
                                     .resumed = open->resumed,
                                     .protocol = open->protocol};
}

net::Task<base::Result<Connection<std::optional<VerifiedPeer>>, HandshakeFailure>> Handshake::accept_optional(
    net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline) {
  Entrance entrance = Entrance::of(std::move(context), std::move(judge));
  co_return co_await accept_at(std::move(socket), std::move(entrance), deadline);
}

/// The client's proof: of this handshake, or of the full one whose session this one resumed. Fails where it ought to be
/// there and is not: libssl was told to fail without a certificate; this is the second lock on the same door.
base::Result<std::optional<VerifiedPeer>, trust::Refusal> Handshake::peer_of(
    const Session<trust::AdmittedChain>& session, const Reception& reception) {
  std::optional<VerifiedPeer> peer;
  if (SSL_session_reused(session.ssl.get()) == 1) {
    const auto origin = reception.resumed_from(session.ssl.get());
    if (origin == nullptr)
      return base::unexpected(trust::refuse(Reason::no_certificate, "a session of another policy was resumed"));
    if (origin->proof()) peer.emplace(VerifiedPeer(*origin->proof()));
  } else if (session.examination.believed && session.proof) {
    peer.emplace(VerifiedPeer(*session.proof));
  }
  if (!peer && reception.site()->mode() == ClientCertificate::required)
    return base::unexpected(trust::refuse(Reason::no_certificate, "the handshake ended without a certificate"));
  return peer;
}

net::Task<base::Result<Connection<std::optional<VerifiedPeer>>, HandshakeFailure>> Handshake::accept_at(
    net::Socket socket, Entrance entrance, net::Deadline deadline) {
  Session<trust::AdmittedChain> session(std::move(socket));
  if (entrance.our_move) session.our_move = entrance.our_move;
  if (entrance.its_move) session.its_move = entrance.its_move;
  Reception reception(std::move(entrance));
  JudgeClient judge = [&reception](const trust::Presented& presented) {
    auto verdict = reception.site()->judge(presented);
    if (!verdict) reception.note_refused();
    return verdict;
  };
  const ServerContext& first = reception.first();
  if (auto ready = session.prepare(first.native(), first.library(), std::move(judge)); !ready)
    co_return failed(std::move(ready).error());
  session.examination.reception = &reception;
  reception.make_origin_by([&session, &reception] { return session.to_origin(reception); });
  SSL_set_verify(session.ssl.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);  // until a site is met
  SSL_set_accept_state(session.ssl.get());
  // Whoever has said nothing yet needs no turn.
  if (auto begun = co_await session.socket.wait(net::Socket::Ready::read, deadline); !begun)
    co_return failed(std::move(begun).error());
  auto done = co_await session.run(deadline);
  if (!done) {
    HandshakeFailure failure = std::move(done).error();
    failure.server_name = reception.server_name();
    if (reception.turned_away())
      failure.error = {base::Kind::denied, "tls.unrecognized_name",
                       "no name of this listener is what the client asked for"};
    if (reception.lacked_staple())
      failure.error = {base::Kind::unavailable, "tls.no_staple",
                       "the client asked for the OCSP response that the certificate promises (RFC 7633), and there is "
                       "none"};
    co_return base::unexpected(std::move(failure));
  }
  auto peer = peer_of(session, reception);
  if (!peer) {
    HandshakeFailure failure;
    failure.refusal = std::move(peer).error();
    failure.error = {base::Kind::denied, "tls.refused", "refused: " + failure.refusal->detail};
    failure.server_name = reception.server_name();
    session.socket.abort();
    co_return base::unexpected(std::move(failure));
  }
  reception.finish(session.ssl.get());
  const bool resumed = SSL_session_reused(session.ssl.get()) == 1;
  auto connection = session.finish(std::move(*peer));
  connection.server_name = reception.server_name();
  connection.site = reception.site();
  connection.resumed = resumed;
  co_return connection;
}

net::Task<base::Result<Connection<VerifiedServer>, HandshakeFailure>> Handshake::connect(
    net::Socket socket, std::shared_ptr<const ClientContext> context, std::string server_name, JudgeServer judge,
    net::Deadline deadline) {
  Session<trust::VerifiedChain> session(std::move(socket));
  if (auto ready = session.prepare(context->native(), Library::of_process(), std::move(judge)); !ready)
    co_return failed(std::move(ready).error());
  if (!is_address(server_name) && !set_server_name(session.ssl.get(), server_name))
    co_return failed({base::Kind::invalid, "tls.server_name", "'" + server_name + "' cannot be a TLS server name"});
  SSL_set_verify(session.ssl.get(), SSL_VERIFY_PEER, nullptr);
  SSL_set_connect_state(session.ssl.get());
  auto done = co_await session.run(deadline);
  if (!done) co_return base::unexpected(std::move(done).error());
  if (!session.examination.believed || !session.proof)
    co_return failed({base::Kind::denied, "tls.refused", "the server did not send a certificate"});
  VerifiedServer server(std::move(*session.proof));
  base::Bytes staple = staple_of(session.ssl.get());
  auto connection = session.finish(std::move(server));
  connection.staple = std::move(staple);
  co_return connection;
}

}  // namespace countersign::tls
