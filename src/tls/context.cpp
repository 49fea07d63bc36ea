#include "tls/context.h"

#include <openssl/ssl.h>

#include "base/files.h"
#include "crypto/openssl_error.h"
#include "tls/examination.h"
#include "tls/reception.h"

namespace countersign::tls {
namespace {

/// RFC 9325: ECDHE with AEAD. TLS 1.3 has nothing else.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kTls13Ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr const char* kSignatureAlgorithms =
    "ECDSA+SHA256:ed25519:ECDSA+SHA384:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+"
    "SHA384:"
    "RSA+SHA512";
/// The largest Certificate message a peer may send, in bytes.
constexpr long kPeerChainLimit = 64 * 1024;

/// RFC 7301 section 3.1: each name behind its length; the better one first.
constexpr std::string_view kHttpProtocols = "\x02h2\x08http/1.1";
constexpr std::size_t kHttp2Name = 3;  ///< with its length

/// Our order decides, not the client's.
int select_http(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned int offered_size, void*) {
  const auto* ours = reinterpret_cast<const unsigned char*>(kHttpProtocols.data());
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_size, ours, static_cast<unsigned>(kHttpProtocols.size()),
                                          offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

tl::unexpected<base::Error> context_failed(std::string what) {
  return base::unexpected(crypto::openssl_error(base::Kind::internal, "tls.context", std::move(what)));
}

base::Result<std::shared_ptr<SSL_CTX>> make_context(const SSL_METHOD* method, const Library& library) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new_ex(library.native(), nullptr, method), SSL_CTX_free);
  if (!context) return context_failed("no TLS context could be made");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_options(
      ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ctx, 1);  // a record in one system call, not its header and then its body
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(ctx, kPeerChainLimit);
  SSL_CTX_set_cert_verify_callback(ctx, examine_presented_chain, nullptr);
  const bool set = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
                   SSL_CTX_set_cipher_list(ctx, kTls12Ciphers) == 1 &&
                   SSL_CTX_set_ciphersuites(ctx, kTls13Ciphers) == 1 && SSL_CTX_set1_groups_list(ctx, kGroups) == 1 &&
                   SSL_CTX_set1_sigalgs_list(ctx, kSignatureAlgorithms) == 1;
  if (!set) return context_failed("libssl does not offer the protocols and ciphers we need");
  return context;
}

base::Result<void> use_credential(SSL_CTX* ctx, const Credential& own) {
  if (own.chain.empty()) return base::fail(base::Kind::invalid, "tls.context", "there is no certificate of our own");
  // Only what we were given is sent: without this, OpenSSL would add to the chain from the trust store.
  SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
  if (SSL_CTX_use_certificate(ctx, own.chain.front().native()) != 1)
    return context_failed("our own certificate was not accepted");
  for (std::size_t i = 1; i < own.chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(ctx, own.chain[i].native()) != 1)
      return context_failed("our own chain was not accepted");
  if (SSL_CTX_use_PrivateKey(ctx, own.key.native()) != 1 || SSL_CTX_check_private_key(ctx) != 1)
    return context_failed("our private key does not belong to our certificate");
  return {};
}

}  // namespace

base::Result<Credential> load_credential(const std::string& chain_file, const std::string& key_file) {
  BASE_TRY(const std::string chain_pem, base::read_file(chain_file));
  auto chain = x509::Certificate::all_from_pem(chain_pem);
  if (!chain)
    return base::unexpected(std::move(chain).error().under("credential.malformed", "cannot use '" + chain_file + "'"));
  BASE_TRY(const base::Secret key_pem, base::read_secret_file(key_file));
  auto key = crypto::PrivateKey::from_pem(key_pem.reveal_text(), base::Secret());
  if (!key)
    return base::unexpected(std::move(key).error().under("credential.malformed", "cannot use '" + key_file + "'"));
  if (key->public_key().spki_sha256() != chain->front().public_key().spki_sha256())
    return base::fail(base::Kind::invalid, "credential.mismatch",
                      "the key in '" + key_file + "' does not belong to the first certificate in '" + chain_file + "'");
  return Credential{std::move(*chain), std::move(*key)};
}

base::Result<std::shared_ptr<const ServerContext>> ServerContext::make(
    const Credential& own, ClientCertificate mode, const std::vector<x509::Certificate>& client_ca_names,
    std::shared_ptr<const Library> library) {
  return make(own, {.mode = mode, .client_ca_names = client_ca_names, .library = std::move(library)});
}

base::Result<std::shared_ptr<const ServerContext>> ServerContext::make(const Credential& own, Options options) {
  BASE_TRY(std::shared_ptr<SSL_CTX> context, make_context(TLS_server_method(), *options.library));
  BASE_TRY_VOID(use_credential(context.get(), own));
  install_reception(context.get(), options.resumption);
  if (options.http2) SSL_CTX_set_alpn_select_cb(context.get(), select_http, nullptr);
  for (const x509::Certificate& ca : options.client_ca_names)
    if (SSL_CTX_add_client_CA(context.get(), ca.native()) != 1)
      return context_failed("a client CA name was not accepted");
  std::unique_ptr<StapleView> staple;
  if (options.staple != nullptr) {
    staple = std::make_unique<StapleView>(std::move(options.staple));
    staple->install(context.get());
  }
  return std::shared_ptr<const ServerContext>(
      new ServerContext(std::move(options.library), std::move(staple), std::move(context), options.mode));
}

base::Result<std::shared_ptr<const ClientContext>> ClientContext::make(const Credential* own, Offer offer,
                                                                       Staple staple) {
  BASE_TRY(std::shared_ptr<SSL_CTX> context, make_context(TLS_client_method(), *Library::of_process()));
  if (own != nullptr) BASE_TRY_VOID(use_credential(context.get(), *own));
  const std::string_view offered = offer == Offer::http_2 ? kHttpProtocols.substr(0, kHttp2Name) : kHttpProtocols;
  if (offer != Offer::nothing &&
      SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                              static_cast<unsigned>(offered.size())) != 0)
    return context_failed("ALPN cannot be offered");
  if (staple == Staple::asked && SSL_CTX_set_tlsext_status_type(context.get(), TLSEXT_STATUSTYPE_ocsp) != 1)
    return context_failed("a staple cannot be asked for");
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(context)));
}

}  // namespace countersign::tls
