#include "tls/probe.h"

#include <array>
#include <chrono>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "crypto/openssl_error.h"
#include "net/network.h"
#include "tls/alert.h"
#include "tls/socket_bio.h"
#include "tls/tls_stream.h"

namespace countersign::tls {
namespace {

/// Everything that libssl was built with: what is weak shall be seen. Renegotiation stays possible, too.
constexpr const char* kEveryCipher = "ALL:!aNULL:!eNULL";
constexpr int kEverySecurityLevel = 0;
constexpr long kChainLimit = 64 * 1024;
/// Names of CAs that are looked at; the message that holds them is bounded by libssl.
constexpr int kCaNameLimit = 1000;
constexpr int kChainCountLimit = 32;

/// Whatever it is, we go on: it is taken down and judged elsewhere.
int believe_nothing_and_go_on(X509_STORE_CTX*, void*) { return 1; }

ProbeFailure failed(base::Error error) {
  ProbeFailure failure;
  failure.error = std::move(error);
  return failure;
}

/// As the server sent it, in order.
std::vector<x509::Certificate> chain_of(const SSL* ssl) {
  std::vector<x509::Certificate> chain;
  const STACK_OF(X509)* sent = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(sent) && i < kChainCountLimit; ++i)
    chain.push_back(x509::Certificate::from_native(sk_X509_value(sent, i)));
  return chain;
}

}  // namespace

struct Probe::State {
  std::shared_ptr<SSL_CTX> context = {};
  SslHandle ssl = {};
  std::unique_ptr<TlsStream> stream = {};
  Sighting sighting = {};
  bool finished = false;  ///< the handshake; who asks for a certificate after that asks late
  bool asked_late = false;
  ProbeSession session = {};
  std::function<bool(const std::vector<x509::Certificate>&)> believes = {};
  bool withheld = false;  ///< our certificate, from a server that was not believed

  base::Result<void> prepare(Options& options);
  bool use_credential(const Credential& own);
  void set_version(Version version);
  void take_names();
  void take_down();

  static int on_certificate_request(SSL*, void* state);
  static int on_session(SSL* ssl, SSL_SESSION* session);
};

/// libssl calls this when the server asked for a certificate, before it sends ours.
int Probe::State::on_certificate_request(SSL* asked, void* state) {
  auto* self = static_cast<State*>(state);
  if (self->finished) {
    self->asked_late = true;
  } else {
    self->sighting.asked = true;
    self->take_names();
  }
  // Late or not, of this handshake: whoever renegotiates may put us through to another server.
  self->withheld = self->believes && !self->believes(chain_of(asked));
  return self->withheld ? 0 : 1;
}

int Probe::State::on_session(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<State*>(SSL_get_app_data(ssl));
  self->session = ProbeSession(session, SSL_SESSION_free);
  return 1;  // it is ours now
}

void Probe::State::take_names() {
  sighting.ca_names.clear();
  sighting.ca_texts.clear();
  const STACK_OF(X509_NAME)* names = SSL_get0_peer_CA_list(ssl.get());
  for (int i = 0; i < sk_X509_NAME_num(names) && i < kCaNameLimit; ++i) {
    const X509_NAME* name = sk_X509_NAME_value(names, i);
    const unsigned char* der = nullptr;
    std::size_t size = 0;
    if (X509_NAME_get0_der(name, &der, &size) != 1) continue;
    sighting.ca_names.emplace_back(reinterpret_cast<const char*>(der), size);
    std::array<char, 256> text;
    X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
    sighting.ca_texts.emplace_back(text.data());
  }
}

void Probe::State::set_version(Version version) {
  SSL_CTX_set_min_proto_version(context.get(), version == Version::any     ? TLS1_VERSION
                                               : version == Version::tls12 ? TLS1_2_VERSION
                                                                           : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), version == Version::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
}

bool Probe::State::use_credential(const Credential& own) {
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
  bool good = !own.chain.empty() && SSL_CTX_use_certificate(ctx, own.chain.front().native()) == 1;
  for (std::size_t i = 1; good && i < own.chain.size(); ++i)
    good = SSL_CTX_add1_chain_cert(ctx, own.chain[i].native()) == 1;
  return good && SSL_CTX_use_PrivateKey(ctx, own.key.native()) == 1;
}

base::Result<void> Probe::State::prepare(Options& options) {
  const auto broken = [](const char* what) {
    return base::unexpected(crypto::openssl_error(base::Kind::internal, "tls.context", what));
  };
  context = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context == nullptr) return broken("no TLS context could be made");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_security_level(ctx, kEverySecurityLevel);
  // The options of a system-wide configuration go first: they would hide what the server does.
  SSL_CTX_clear_options(ctx, SSL_OP_NO_SSL_MASK | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_COMPRESSION);
  if (options.tickets == Tickets::declined) SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_max_cert_list(ctx, kChainLimit);
  SSL_CTX_set_cert_verify_callback(ctx, believe_nothing_and_go_on, nullptr);
  SSL_CTX_set_cert_cb(ctx, on_certificate_request, this);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, on_session);
  SSL_CTX_set_post_handshake_auth(ctx, 1);
  set_version(options.version);
  const std::string ciphers = options.ciphers.empty() ? kEveryCipher : options.ciphers;
  if (SSL_CTX_set_cipher_list(ctx, ciphers.c_str()) != 1) return broken("libssl has none of the ciphers");
  believes = options.believes;
  if (options.own != nullptr && !use_credential(*options.own)) return broken("the certificate cannot be sent");
  ssl = SslHandle(SSL_new(ctx), FreeSsl{Library::of_process()});
  if (!ssl) return broken("no TLS connection could be made");
  SSL_set_app_data(ssl.get(), this);
  SSL_set_tlsext_status_type(ssl.get(), TLSEXT_STATUSTYPE_ocsp);
  if (options.offered != nullptr) SSL_set_session(ssl.get(), options.offered.get());
  if (!net::Address::parse(options.server_name) &&
      SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, options.server_name.data()) != 1)
    return base::fail(base::Kind::invalid, "tls.server_name",
                      "'" + options.server_name + "' cannot be a TLS server name");
  SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
  SSL_set_connect_state(ssl.get());
  return {};
}

void Probe::State::take_down() {
  sighting.version = SSL_get_version(ssl.get());
  sighting.cipher = SSL_get_cipher_name(ssl.get());
  sighting.resumed = SSL_session_reused(ssl.get()) == 1;
  sighting.secure_renegotiation = SSL_get_secure_renegotiation_support(ssl.get()) == 1;
  EVP_PKEY* ephemeral = nullptr;
  if (SSL_get_peer_tmp_key(ssl.get(), &ephemeral) == 1) {
    if (EVP_PKEY_get_base_id(ephemeral) == EVP_PKEY_DH) sighting.finite_field_bits = EVP_PKEY_get_bits(ephemeral);
    EVP_PKEY_free(ephemeral);
  }
  sighting.chain = chain_of(ssl.get());
  const unsigned char* staple = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(ssl.get(), &staple);
  if (staple != nullptr && size > 0) sighting.staple.assign(staple, staple + size);
  crypto::drop_openssl_errors();
}

net::Task<base::Result<Probe, ProbeFailure>> Probe::shake_hands(net::Socket socket, std::unique_ptr<State> state,
                                                                net::Deadline deadline) {
  if (!attach_socket(state->ssl.get(), socket))
    co_return base::unexpected(failed({base::Kind::internal, "tls.context", "no TLS connection could be made"}));
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(state->ssl.get());
    if (result == 1) break;
    const Need need = need_after(state->ssl.get(), result);
    ProbeFailure failure;
    if (need == Need::failed || need == Need::closed) {
      if (const auto alert = peek_alert_received())
        failure.alert_received = std::pair(*alert, name_of_received(*alert));
      failure.error = take_failure(state->ssl.get());
      if (state->withheld)
        failure.error = {base::Kind::denied, "tls.not_believed",
                         "the server does not prove to be this host: our certificate was not shown to it", nullptr};
      state->take_down();
      failure.seen_so_far = std::move(state->sighting);
      co_return base::unexpected(std::move(failure));
    }
    auto waited =
        co_await socket.wait(need == Need::write ? net::Socket::Ready::write : net::Socket::Ready::read, deadline);
    if (waited) continue;
    failure.error = std::move(waited).error();
    co_return base::unexpected(std::move(failure));
  }
  state->sighting.took = std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - begun);
  state->finished = true;
  state->take_down();
  state->stream = std::make_unique<TlsStream>(std::move(socket), std::move(state->ssl));
  co_return Probe(std::move(state));
}

net::Task<base::Result<Probe, ProbeFailure>> Probe::connect(net::Loop& loop, Options options, net::Deadline deadline) {
  auto state = std::make_unique<State>();
  if (auto ready = state->prepare(options); !ready) co_return base::unexpected(failed(std::move(ready).error()));
  auto socket = co_await net::Socket::connect(loop, std::move(options.to), deadline);
  if (!socket) co_return base::unexpected(failed(std::move(socket).error()));
  co_return co_await shake_hands(std::move(*socket), std::move(state), deadline);
}

Probe::Probe(std::unique_ptr<State> state) : state_(std::move(state)) {}
Probe::~Probe() = default;
Probe::Probe(Probe&&) noexcept = default;

const Sighting& Probe::sighting() const { return state_->sighting; }
net::Stream& Probe::stream() { return *state_->stream; }
bool Probe::asked_late() const { return state_->asked_late; }
ProbeSession Probe::session() const { return state_->session; }

}  // namespace countersign::tls
