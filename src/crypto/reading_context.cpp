#include "crypto/reading_context.h"

#include <array>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

namespace countersign::crypto {
namespace {

extern "C" {

/// The default provider behind it, set once before it is shown; all that it offers but decoders.
static OSSL_PROVIDER* countersign_default = nullptr;

static const OSSL_ALGORITHM* countersign_query(void*, int operation, int* no_store) {
  if (operation == OSSL_OP_DECODER) return nullptr;
  return OSSL_PROVIDER_query_operation(countersign_default, operation, no_store);
}

static int countersign_init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  static const std::array<OSSL_DISPATCH, 2> kFunctions = {
      {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(countersign_query)}, {0, nullptr}}};
  *out = kFunctions.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(countersign_default);
  return 1;
}

}  // extern "C"

/// Lives as long as the program: what was read in it may live as long.
OSSL_LIB_CTX* make() {
  OSSL_LIB_CTX* behind = OSSL_LIB_CTX_new();
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (behind == nullptr || context == nullptr) return nullptr;
  countersign_default = OSSL_PROVIDER_load(behind, "default");
  if (countersign_default == nullptr) return nullptr;
  const bool loaded = OSSL_PROVIDER_add_builtin(context, "countersign-reading", countersign_init) == 1 &&
                      OSSL_PROVIDER_load(context, "countersign-reading") != nullptr;
  return loaded ? context : nullptr;
}

}  // namespace

OSSL_LIB_CTX* reading_context() {
  static OSSL_LIB_CTX* context = make();
  return context;
}

}  // namespace countersign::crypto
