// What happens inside a handshake when the peer's chain arrives. Private to tls.
#pragma once

#include <functional>
#include <optional>

#include "trust/verdict.h"

typedef struct ssl_st SSL;
typedef struct x509_store_ctx_st X509_STORE_CTX;

namespace countersign::tls {

/// One handshake's question to its judge, and the answer. Lives as long as the handshake, tied to its SSL object.
struct Examination {
  /// Nothing means: believed. The judge keeps its proof itself.
  std::function<std::optional<trust::Refusal>(const trust::PresentedChain&)> judge;
  bool believed = false;
  std::optional<trust::Refusal> refusal = {};

  void attach_to(SSL* ssl);
};

/// The verifier of every context of ours (SSL_CTX_set_cert_verify_callback). With no Examination attached, it refuses.
int examine_presented_chain(X509_STORE_CTX* store, void* unused);

}  // namespace countersign::tls
