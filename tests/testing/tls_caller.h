// TlsCaller: a TLS client as others have them: OpenSSL, blocking, that keeps sessions and offers them again, and asks
// one question over HTTP/1.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "testing/pki.h"

typedef struct ssl_session_st SSL_SESSION;
typedef struct ssl_ctx_st SSL_CTX;

namespace countersign::testing {

using KeptSession = std::shared_ptr<SSL_SESSION>;

class TlsCaller {
 public:
  enum class Version { tls12, tls13 };
  struct Options {
    Version version = Version::tls13;
    const Issued* identity = nullptr;  ///< borrowed; null: no certificate
    bool extended_master_secret = true;
  };
  explicit TlsCaller(Options options);

  struct Call {
    std::uint16_t port;
    std::string server_name = {};  ///< empty: none is sent
    std::string host = {};         ///< in the request; empty: server_name, or "localhost"
    KeptSession offered = nullptr;
    std::string path = "/";
    bool resets = false;  ///< once the answer is there, the connection is reset instead of closed
  };
  struct Answer {
    int alert = 0;         ///< received; 0: none
    bool resumed = false;  ///< on the session offered
    int status = 0;        ///< of HTTP; 0: no answer
    std::string text = {};
    KeptSession session = nullptr;  ///< the newest that the server gave; null: none
    std::string server_serial = {};
    long lifetime = 0;                      ///< the hint beside that session, seconds
    bool asked = false;                     ///< for a certificate
    std::vector<std::string> issuers = {};  ///< names (DER) that it may be from
  };
  Answer call(const Call& call) const;

 private:
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace countersign::testing
