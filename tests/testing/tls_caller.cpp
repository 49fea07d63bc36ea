#include "testing/tls_caller.h"

#include <array>
#include <cstdlib>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"
#include "testing/connect_to.h"

namespace countersign::testing {
namespace {

constexpr int kAlertOffset = SSL_AD_REASON_OFFSET;

KeptSession own(SSL_SESSION* session) { return {session, SSL_SESSION_free}; }

/// The alert that ended what was just tried.
int alert_received() {
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  ERR_clear_error();
  return ERR_GET_LIB(error) == ERR_LIB_SSL && reason > kAlertOffset ? reason - kAlertOffset : 0;
}

int connect_patiently(std::uint16_t port) {
  const int descriptor = connect_to(port);
  const timeval patience{20, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return descriptor;
}

/// What a connection notes for its caller (the connection's app data).
struct Asked {
  KeptSession* session;
  bool asked = false;
};

/// Called when the server asks for a certificate; goes on with the one that is set, if any.
int note_asked(SSL* ssl, void*) {
  static_cast<Asked*>(SSL_get_app_data(ssl))->asked = true;
  return 1;
}

int keep_newest(SSL* ssl, SSL_SESSION* session) {
  *static_cast<Asked*>(SSL_get_app_data(ssl))->session = own(session);
  return 1;
}

std::string read_to_end(SSL* ssl) {
  std::string text;
  std::array<char, 4096> piece;
  for (int got = 0; (got = SSL_read(ssl, piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  return text;
}

std::vector<std::string> issuers_named(const SSL* ssl) {
  std::vector<std::string> names;
  const STACK_OF(X509_NAME)* list = SSL_get0_peer_CA_list(ssl);
  for (int i = 0; i < sk_X509_NAME_num(list); ++i) {
    const unsigned char* der = nullptr;
    std::size_t size = 0;
    if (X509_NAME_get0_der(sk_X509_NAME_value(list, i), &der, &size) == 1) names.emplace_back(der, der + size);
  }
  return names;
}

std::string serial_of_server(const SSL* ssl) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  return certificate == nullptr ? "" : x509::Certificate::from_native(certificate).serial().hex();
}

}  // namespace

TlsCaller::TlsCaller(Options options) : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
  SSL_CTX* ctx = context_.get();
  const int version = options.version == Version::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  BASE_CHECK(SSL_CTX_set_min_proto_version(ctx, version) == 1 && SSL_CTX_set_max_proto_version(ctx, version) == 1);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, keep_newest);
  SSL_CTX_set_cert_cb(ctx, note_asked, nullptr);
  if (!options.extended_master_secret) SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
  if (options.identity == nullptr) return;
  const Issued& identity = *options.identity;
  BASE_CHECK(SSL_CTX_use_certificate(ctx, identity.chain.front().native()) == 1);
  for (std::size_t i = 1; i < identity.chain.size(); ++i)
    BASE_CHECK(SSL_CTX_add1_chain_cert(ctx, identity.chain[i].native()) == 1);
  BASE_CHECK(SSL_CTX_use_PrivateKey(ctx, identity.key.native()) == 1);
}

TlsCaller::Answer TlsCaller::call(const Call& call) const {
  Answer answer;
  ERR_clear_error();
  const int descriptor = connect_patiently(call.port);
  const std::shared_ptr<SSL> ssl(SSL_new(context_.get()), SSL_free);
  SSL_set_fd(ssl.get(), descriptor);
  Asked seen{&answer.session};
  SSL_set_app_data(ssl.get(), &seen);
  std::string name = call.server_name;
  if (!name.empty()) SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  if (call.offered) SSL_set_session(ssl.get(), own(SSL_SESSION_dup(call.offered.get())).get());
  if (SSL_connect(ssl.get()) == 1) {
    answer.resumed = SSL_session_reused(ssl.get()) == 1;
    answer.server_serial = serial_of_server(ssl.get());
    answer.issuers = issuers_named(ssl.get());
    const std::string host = !call.host.empty() ? call.host : name.empty() ? "localhost" : name;
    const std::string request = "GET " + call.path + " HTTP/1.1\r\nHost: " + host +
                                "\r\nX-Countersign-Application: forged\r\nConnection: close\r\n\r\n";
    SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
    answer.text = read_to_end(ssl.get());
    if (answer.text.starts_with("HTTP/1.1 ")) answer.status = std::atoi(answer.text.c_str() + 9);
  }
  answer.asked = seen.asked;
  answer.alert = alert_received();
  if (answer.session) answer.lifetime = static_cast<long>(SSL_SESSION_get_ticket_lifetime_hint(answer.session.get()));
  SSL_set_app_data(ssl.get(), nullptr);
  const linger at_once{1, 0};
  if (call.resets) ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  else SSL_shutdown(ssl.get());
  ERR_clear_error();
  ::close(descriptor);
  return answer;
}

}  // namespace countersign::testing
