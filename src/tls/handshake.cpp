#include "tls/handshake.h"

#include <algorithm>
#include <array>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "net/turns.h"
#include "tls/examination.h"
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

std::string server_name_of(const SSL* ssl) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  std::string text = name == nullptr ? "" : name;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Protocol protocol_of(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2" ? Protocol::http_2 : Protocol::http_1_1;
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
  failure.server_name = server_name_of(ssl);
  failure.refusal = examination.refusal ? std::move(examination.refusal) : refusal_by_libssl(ssl, examination);
  if (const auto alert = peek_alert_received(); alert && !failure.refusal)
    failure.alert_received = std::pair(*alert, name_of_received(*alert));
  failure.error = take_failure(ssl);
  if (failure.refusal)
    failure.error = {base::Kind::denied, "tls.refused",
                     "refused: " + std::string(trust::name(failure.refusal->reason)) + ": " + failure.refusal->detail};
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

}  // namespace

/// One handshake under way. `Chain` is the proof its judge makes.
template <class Chain>
struct Handshake::Session {
  using Judge = std::function<base::Result<Chain, trust::Refusal>(const trust::Presented&)>;

  net::Socket socket;
  SslHandle ssl = {};
  Examination examination = {};
  std::optional<Chain> proof = {};

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
      co_await socket.turns().take();
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl.get());
      if (result == 1) co_return base::Result<void, HandshakeFailure>();
      const Need need = need_after(ssl.get(), result);
      if (need == Need::failed || need == Need::closed) break;
      auto waited =
          co_await socket.wait(need == Need::write ? net::Socket::Ready::write : net::Socket::Ready::read, deadline);
      if (waited) continue;
      HandshakeFailure failure;
      failure.server_name = server_name_of(ssl.get());
      failure.error = std::move(waited).error();
      co_return base::unexpected(std::move(failure));
    }
    const bool alerted = stopped_by_us();
    HandshakeFailure failure = failure_of(ssl.get(), examination);
    if (alerted) co_await linger(socket);
    co_return base::unexpected(std::move(failure));
  }

  /// The finished connection around `peer`. The judge's proof has been taken out before.
  template <class Peer>
  Connection<Peer> finish(Peer peer) {
    SSL_set_app_data(ssl.get(), nullptr);
    std::string server_name = server_name_of(ssl.get());
    std::string version = SSL_get_version(ssl.get());
    std::string cipher = SSL_get_cipher_name(ssl.get());
    const Protocol protocol = protocol_of(ssl.get());
    return Connection<Peer>{std::move(peer),        std::make_unique<TlsStream>(std::move(socket), std::move(ssl)),
                            std::move(server_name), std::move(version),
                            std::move(cipher),      protocol};
  }
};

namespace {

tl::unexpected<HandshakeFailure> failed(base::Error error) {
  HandshakeFailure failure;
  failure.error = std::move(error);
  return base::unexpected(std::move(failure));
}

}  // namespace

net::Task<base::Result<Connection<VerifiedPeer>, HandshakeFailure>> Handshake::accept(
    net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline) {
  BASE_CHECK(context->mode() == ClientCertificate::required);
  auto open = co_await accept_optional(std::move(socket), std::move(context), std::move(judge), deadline);
  if (!open) co_return base::unexpected(std::move(open).error());
  if (!open->peer) {  // libssl was told to fail without a certificate; this is the second lock on the same door
    open->stream->abort();
    HandshakeFailure failure;
    failure.refusal = trust::refuse(Reason::no_certificate, "the handshake ended without a certificate");
    failure.error = {base::Kind::denied, "tls.refused", "refused: no_certificate"};
    co_return base::unexpected(std::move(failure));
  }
  co_return Connection<VerifiedPeer>{std::move(*open->peer),   std::move(open->stream), std::move(open->server_name),
                                     std::move(open->version), std::move(open->cipher), open->protocol};
}

net::Task<base::Result<Connection<std::optional<VerifiedPeer>>, HandshakeFailure>> Handshake::accept_optional(
    net::Socket socket, std::shared_ptr<const ServerContext> context, JudgeClient judge, net::Deadline deadline) {
  Session<trust::AdmittedChain> session(std::move(socket));
  if (auto ready = session.prepare(context->native(), context->library(), std::move(judge)); !ready)
    co_return failed(std::move(ready).error());
  const bool required = context->mode() == ClientCertificate::required;
  SSL_set_verify(session.ssl.get(), SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_set_accept_state(session.ssl.get());
  auto done = co_await session.run(deadline);
  if (!done) co_return base::unexpected(std::move(done).error());
  std::optional<VerifiedPeer> peer;
  if (session.examination.believed && session.proof) peer.emplace(VerifiedPeer(std::move(*session.proof)));
  co_return session.finish(std::move(peer));
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
  co_return session.finish(std::move(server));
}

}  // namespace countersign::tls
