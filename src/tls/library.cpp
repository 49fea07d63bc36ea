#include "tls/library.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include "crypto/openssl_error.h"
#include "tls/key_schedule.h"

namespace countersign::tls {
namespace {

constexpr const char* kShownName = "countersign-view-of-default";
constexpr unsigned long kFastDecoders = 0x30200000UL;  ///< OpenSSL 3.2
/// The keys that certificates of ours and of partners have.
constexpr std::array<std::string_view, 4> kCertificateKeys = {"EC", "RSA", "RSA-PSS", "ED25519"};

// What else TLS as we speak it (context.cpp) takes, by the first of its names. Each time a key is decoded, OpenSSL
// copies the list of everything it has met: a short list is most of what makes that cheap.

/// HMAC signs the binders of sessions (RFC 8446 section 4.2.11.2).
constexpr std::array<std::string_view, 6> kKeys = {"EC", "RSA", "RSA-PSS", "ED25519", "X25519", "HMAC"};
/// SHA-1 is how OpenSSL tells certificates apart; nothing is signed with it.
constexpr std::array<std::string_view, 4> kDigests = {"SHA1", "SHA2-256", "SHA2-384", "SHA2-512"};
constexpr std::array<std::string_view, 3> kCiphers = {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
constexpr std::array<std::string_view, 1> kMacs = {"HMAC"};
constexpr std::array<std::string_view, 1> kDerivations = {"TLS1-PRF"};
constexpr std::array<std::string_view, 2> kExchanges = {"ECDH", "X25519"};
constexpr std::array<std::string_view, 4> kSignatures = {"ECDSA", "RSA", "ED25519", "HMAC"};
constexpr std::array<std::string_view, 2> kRandoms = {"CTR-DRBG", "SEED-SRC"};

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

/// Of the decoders, those of keys in certificates.
bool reads_certificate_keys(const OSSL_ALGORITHM& decoder) {
  const std::string_view properties = decoder.property_definition;
  return properties.find("input=der") != std::string_view::npos &&
         properties.find("structure=SubjectPublicKeyInfo") != std::string_view::npos;
}

using Algorithms = std::vector<OSSL_ALGORITHM>;
constexpr OSSL_ALGORITHM kEnd = {nullptr, nullptr, nullptr, nullptr};  // as OpenSSL wants it

/// Those of `provider`'s algorithms that are wanted.
Algorithms choose(OSSL_PROVIDER* provider, int operation, std::span<const std::string_view> names) {
  Algorithms chosen;
  int no_cache = 0;
  const OSSL_ALGORITHM* one = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);
  for (; one != nullptr && one->algorithm_names != nullptr; ++one)
    if (is_among(*one, names) && (operation != OSSL_OP_DECODER || reads_certificate_keys(*one))) chosen.push_back(*one);
  return chosen;
}

/// The process's default provider, and what of it is shown. Made once, then only read.
struct Default {
  OSSL_PROVIDER* provider = nullptr;
  std::map<int, Algorithms> shown = {};  ///< by operation
};

const Default& the_default() {
  static const Default found = [] {
    Default one;
    one.provider = OSSL_PROVIDER_load(nullptr, "default");
    if (one.provider == nullptr) return one;
    const auto show = [&one](int operation, std::span<const std::string_view> names) {
      one.shown[operation] = choose(one.provider, operation, names);
    };
    show(OSSL_OP_DECODER, kCertificateKeys);
    show(OSSL_OP_KEYMGMT, kKeys);
    show(OSSL_OP_DIGEST, kDigests);
    show(OSSL_OP_CIPHER, kCiphers);
    show(OSSL_OP_MAC, kMacs);
    show(OSSL_OP_KDF, kDerivations);
    show(OSSL_OP_KEYEXCH, kExchanges);
    show(OSSL_OP_SIGNATURE, kSignatures);
    show(OSSL_OP_RAND, kRandoms);
    one.shown[OSSL_OP_KDF].push_back(
        {"TLS13-KDF", "provider=countersign", key_schedule_functions(), "the key schedule of TLS 1.3"});
    for (auto& [operation, algorithms] : one.shown)
      algorithms.push_back(kEnd);
    return one;
  }();
  return found;
}

// The provider that shows it (provider(7)). Its context is that of the default provider, whose algorithms it lends.

const OSSL_ALGORITHM* query_shown(void*, int operation, int* no_cache) {
  *no_cache = 0;
  const auto shown = the_default().shown.find(operation);
  return shown == the_default().shown.end() ? nullptr : shown->second.data();
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
