// What happens inside a handshake when the peer's chain arrives. Private to tls.
#pragma once

#include <functional>
#include <optional>

#include "trust/presented.h"

typedef struct ssl_st SSL;
typedef struct x509_store_ctx_st X509_STORE_CTX;

namespace countersign::tls {

class Reception;

/// One handshake's question to its judge, and the answer. Lives as long as the handshake, tied to its SSL object.
struct Examination {
  /// Nothing means: believed. The judge keeps its proof itself.
  std::function<std::optional<trust::Refusal>(const trust::Presented&)> judge;
  /// libssl decoded the certificates with fewer decoders than there are (library.h): who looks at them reads them anew.
  bool read_anew = false;
  bool believed = false;
  Reception* reception = nullptr;  ///< of a server; borrowed
  std::optional<trust::Refusal> refusal = {};

  void attach_to(SSL* ssl);
};

/// The verifier of every context of ours (SSL_CTX_set_cert_verify_callback). With no Examination attached, it refuses.
int examine_presented_chain(X509_STORE_CTX* store, void* unused);

}  // namespace countersign::tls
