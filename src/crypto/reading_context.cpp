#include "crypto/reading_context.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

namespace countersign::crypto {
namespace {

/// Is the first of "NAME:OTHER:OID" a kind of key that check_strength() may accept?
bool is_ours(const OSSL_ALGORITHM& algorithm) {
  constexpr std::array<std::string_view, 3> kKinds = {"RSA", "EC", "ED25519"};
  const std::string_view names = algorithm.algorithm_names;
  return std::ranges::find(kKinds, names.substr(0, names.find(':'))) != kKinds.end();
}

/// SubjectPublicKeyInfo out of DER: nothing else is read with a certificate.
bool reads_public_keys(const OSSL_ALGORITHM& algorithm) {
  const std::string_view properties = algorithm.property_definition;
  return is_ours(algorithm) && properties.find("input=der") != properties.npos &&
         properties.find("SubjectPublicKeyInfo") != properties.npos;
}

/// The default provider, and what of it is shown. Made once, never changed.
struct View {
  OSSL_PROVIDER* provider = nullptr;
  std::vector<OSSL_ALGORITHM> decoders;
  std::vector<OSSL_ALGORITHM> keys;
};

View& view() {
  static View view;
  return view;
}

std::vector<OSSL_ALGORITHM> choose(int operation, bool (*wanted)(const OSSL_ALGORITHM&)) {
  std::vector<OSSL_ALGORITHM> chosen;
  int no_store = 0;
  const OSSL_ALGORITHM* next = OSSL_PROVIDER_query_operation(view().provider, operation, &no_store);
  for (; next != nullptr && next->algorithm_names != nullptr; ++next)
    if (wanted(*next)) chosen.push_back(*next);
  chosen.push_back({nullptr, nullptr, nullptr, nullptr});
  return chosen;
}

extern "C" {

static const OSSL_ALGORITHM* countersign_query(void*, int operation, int* no_store) {
  if (operation == OSSL_OP_DECODER) return view().decoders.data();
  if (operation == OSSL_OP_KEYMGMT) return view().keys.data();
  return OSSL_PROVIDER_query_operation(view().provider, operation, no_store);
}

static int countersign_init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  static const std::array<OSSL_DISPATCH, 2> kFunctions = {
      {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(countersign_query)}, {0, nullptr}}};
  *out = kFunctions.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(view().provider);
  return 1;
}

}  // extern "C"

/// Lives as long as the program: what was read in it may live as long.
OSSL_LIB_CTX* make() {
  OSSL_LIB_CTX* behind = OSSL_LIB_CTX_new();
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (behind == nullptr || context == nullptr) return nullptr;
  view().provider = OSSL_PROVIDER_load(behind, "default");
  if (view().provider == nullptr) return nullptr;
  view().decoders = choose(OSSL_OP_DECODER, reads_public_keys);
  view().keys = choose(OSSL_OP_KEYMGMT, is_ours);
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
