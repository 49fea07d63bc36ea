// Contexts: what our side brings to a handshake. TLS 1.3 and 1.2 only, ECDHE and AEAD only, no tickets, no
// renegotiation, no compression. There is no way to make one that does not verify.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crypto/private_key.h"
#include "tls/library.h"
#include "tls/own_staple.h"
#include "x509/certificate.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace countersign::tls {

/// Our certificate (leaf first, then its issuers without the root) and its key.
struct Credential {
  std::vector<x509::Certificate> chain;
  crypto::PrivateKey key;
};

/// Reads PEM files. Fails: as files and crypto, `credential.mismatch` when the key is not the leaf's.
base::Result<Credential> load_credential(const std::string& chain_file, const std::string& key_file);

/// What a server asks of clients.
enum class ClientCertificate {
  required,  ///< mutual TLS: no certificate, no connection
  optional,  ///< verified when sent; for APIs where some calls need no caller
  none,      ///< one-way TLS: not asked for, nobody who calls is known
};

/// May clients come back on a session of before? Never on a ticket that we would have to believe.
enum class Resumption {
  off,
  stateful,  ///< by the id of a session that is kept here, see session_memory.h
};

/// What is spoken on a connection, as far as TLS knows.
enum class Protocol {
  http_1_1,  ///< also of who offered nothing (no ALPN), and of listeners that ask for nothing
  http_2,
};

class ServerContext {
 public:
  struct Options {
    ClientCertificate mode = ClientCertificate::required;
    std::vector<x509::Certificate> client_ca_names = {};  ///< the subjects sent in CertificateRequest
    std::shared_ptr<const Library> library = Library::of_process();
    Resumption resumption = Resumption::off;
    /// Serves HTTP/2 beside HTTP/1.1: ALPN (RFC 7301) takes "h2", else "http/1.1"; a client that offers neither is
    /// refused with no_application_protocol (section 3.2). Without, nothing is chosen.
    bool http2 = false;
    /// Of the certificate; null: clients who ask for one get none. With it, handshakes of this context are one
    /// thread's.
    std::shared_ptr<const OwnStaple> staple = {};
  };
  /// Fails: `tls.context`.
  static base::Result<std::shared_ptr<const ServerContext>> make(const Credential& own, Options options);
  /// `client_ca_names`: the subjects sent in CertificateRequest (RFC 8446 section 4.2.4). `library`: see there.
  /// Fails: `tls.context`.
  static base::Result<std::shared_ptr<const ServerContext>> make(
      const Credential& own, ClientCertificate mode, const std::vector<x509::Certificate>& client_ca_names,
      std::shared_ptr<const Library> library = Library::of_process());
  SSL_CTX* native() const { return context_.get(); }
  ClientCertificate mode() const { return mode_; }
  const std::shared_ptr<const Library>& library() const { return library_; }

 private:
  ServerContext(std::shared_ptr<const Library> library, std::unique_ptr<StapleView> staple,
                std::shared_ptr<SSL_CTX> context, ClientCertificate mode)
      : library_(std::move(library)), staple_(std::move(staple)), context_(std::move(context)), mode_(mode) {}
  std::shared_ptr<const Library> library_;
  std::unique_ptr<StapleView> staple_;  ///< null where none is shown
  std::shared_ptr<SSL_CTX> context_;
  ClientCertificate mode_;
};

class ClientContext {
 public:
  /// What is offered by ALPN (RFC 7301).
  enum class Offer {
    nothing,   ///< then HTTP/1.1 is spoken
    http_2,    ///< alone; a server may still choose nothing: see Connection::protocol
    http_any,  ///< HTTP/2, else HTTP/1.1
  };
  /// Is the server asked to staple an OCSP response (RFC 6066 section 8)? See Connection::staple; nobody verifies it
  /// here.
  enum class Staple { not_asked, asked };
  /// With `own`, our certificate is sent when the server asks; null: one-way TLS. Fails: `tls.context`.
  static base::Result<std::shared_ptr<const ClientContext>> make(const Credential* own, Offer offer = Offer::nothing,
                                                                 Staple staple = Staple::not_asked);
  SSL_CTX* native() const { return context_.get(); }

 private:
  explicit ClientContext(std::shared_ptr<SSL_CTX> context) : context_(std::move(context)) {}
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace countersign::tls
