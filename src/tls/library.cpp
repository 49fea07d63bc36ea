#include "tls/library.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include "crypto/openssl_error.h"

namespace countersign::tls {
namespace {

constexpr const char* kShownName = "countersign-view-of-default";
constexpr unsigned long kFastDecoders = 0x30200000UL;  ///< OpenSSL 3.2
/// The keys that certificates of ours and of partners have, and what else TLS as we speak it (context.cpp) needs keys
/// for.
constexpr std::array<std::string_view, 4> kCertificateKeys = {"EC", "RSA", "RSA-PSS", "ED25519"};
constexpr std::array<std::string_view, 4> kOtherKeys = {"X25519", "HKDF", "TLS1-PRF", "HMAC"};

/// Has anybody asked for more than the default provider (openssl.cnf, FIPS)?
bool is_configured() {
  int others = 0;
  const auto count = [](OSSL_PROVIDER* provider, void* into) {
    if (std::string_view(OSSL_PROVIDER_get0_name(provider)) != "default") ++*static_cast<int*>(into);
    return 1;
  };
  OSSL_PROVIDER_do_all(nullptr, count, &others);
  return others > 0 || EVP_default_properties_is_fips_enabled(nullptr) == 1;
}

bool is_among(const OSSL_ALGORITHM& algorithm, std::span<const std::string_view> kinds) {
  const std::string_view names = algorithm.algorithm_names;  // "EC:id-ecPublicKey:1.2.840.10045.2.1"
  return std::ranges::find(kinds, names.substr(0, names.find(':'))) != kinds.end();
}

bool reads_certificate_keys(const OSSL_ALGORITHM& decoder) {
  const std::string_view properties = decoder.property_definition;
  return is_among(decoder, kCertificateKeys) && properties.find("input=der") != std::string_view::npos &&
         properties.find("structure=SubjectPublicKeyInfo") != std::string_view::npos;
}

bool keeps_needed_keys(const OSSL_ALGORITHM& keys) {
  return is_among(keys, kCertificateKeys) || is_among(keys, kOtherKeys);
}

/// Those of `provider`'s algorithms that are wanted, ended by one without a name, as OpenSSL wants it.
std::vector<OSSL_ALGORITHM> choose(OSSL_PROVIDER* provider, int operation, bool (*wanted)(const OSSL_ALGORITHM&)) {
  std::vector<OSSL_ALGORITHM> chosen;
  int no_cache = 0;
  const OSSL_ALGORITHM* one = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);
  for (; one != nullptr && one->algorithm_names != nullptr; ++one)
    if (wanted(*one)) chosen.push_back(*one);
  chosen.push_back({nullptr, nullptr, nullptr, nullptr});
  return chosen;
}

/// The process's default provider, and which of its decoders and kinds of keys are shown. Made once, then only read.
struct Default {
  OSSL_PROVIDER* provider = nullptr;
  std::vector<OSSL_ALGORITHM> decoders = {};
  std::vector<OSSL_ALGORITHM> keys = {};
};

const Default& the_default() {
  static const Default found = [] {
    Default one;
    one.provider = OSSL_PROVIDER_load(nullptr, "default");
    if (one.provider == nullptr) return one;
    one.decoders = choose(one.provider, OSSL_OP_DECODER, reads_certificate_keys);
    one.keys = choose(one.provider, OSSL_OP_KEYMGMT, keeps_needed_keys);
    return one;
  }();
  return found;
}

// The provider that shows it (provider(7)). Its context is that of the default provider, whose algorithms it lends.

const OSSL_ALGORITHM* query_shown(void*, int operation, int* no_cache) {
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_DECODER: return the_default().decoders.data();
    case OSSL_OP_KEYMGMT: return the_default().keys.data();
    case OSSL_OP_ENCODER:
    case OSSL_OP_STORE: return nullptr;
    default: return OSSL_PROVIDER_query_operation(the_default().provider, operation, no_cache);
  }
}

int capabilities_of_shown(void*, const char* capability, OSSL_CALLBACK* told, void* argument) {
  return OSSL_PROVIDER_get_capabilities(the_default().provider, capability, told, argument);
}

using AnyFunction = void (*)();

int init_shown(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions, void** context) {
  static const std::array<OSSL_DISPATCH, 3> kFunctions = {
      {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<AnyFunction>(query_shown)},
       {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<AnyFunction>(capabilities_of_shown)},
       {0, nullptr}}};
  *functions = kFunctions.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(the_default().provider);
  return 1;
}

}  // namespace

Library::~Library() {
  if (native_ == nullptr) return;
  OSSL_PROVIDER_unload(shown_);
  OSSL_LIB_CTX_free(native_);
}

std::shared_ptr<const Library> Library::of_process() { return std::shared_ptr<const Library>(new Library()); }

base::Result<std::shared_ptr<const Library>> Library::make() {
  if (OpenSSL_version_num() >= kFastDecoders || is_configured() || the_default().provider == nullptr)
    return of_process();
  std::shared_ptr<Library> library(new Library());
  library->native_ = OSSL_LIB_CTX_new();
  if (library->native_ != nullptr && OSSL_PROVIDER_add_builtin(library->native_, kShownName, init_shown) == 1)
    library->shown_ = OSSL_PROVIDER_load(library->native_, kShownName);
  if (library->shown_ != nullptr) return std::shared_ptr<const Library>(std::move(library));
  return base::unexpected(
      crypto::openssl_error(base::Kind::internal, "tls.library", "OpenSSL could not be set up for handshakes"));
}

}  // namespace countersign::tls
