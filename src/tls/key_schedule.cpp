// SHA256_Update() and its like are deprecated in favour of EVP, whose contexts are the cost that is spared here. It is
// what the default provider calls, and this file is not used from OpenSSL 3.2 on (library.h).
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/key_schedule.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>

#include "base/bytes.h"

namespace countersign::tls {
namespace {

struct Sha256 {
  using State = SHA256_CTX;
  static constexpr std::size_t kSize = SHA256_DIGEST_LENGTH;
  static constexpr std::size_t kBlock = SHA256_CBLOCK;
  static void begin(State& state) { SHA256_Init(&state); }
  static void add(State& state, base::BytesView data) { SHA256_Update(&state, data.data(), data.size()); }
  static void finish(State& state, std::uint8_t* into) { SHA256_Final(into, &state); }
};

struct Sha384 {
  using State = SHA512_CTX;
  static constexpr std::size_t kSize = SHA384_DIGEST_LENGTH;
  static constexpr std::size_t kBlock = SHA512_CBLOCK;
  static void begin(State& state) { SHA384_Init(&state); }
  static void add(State& state, base::BytesView data) { SHA384_Update(&state, data.data(), data.size()); }
  static void finish(State& state, std::uint8_t* into) { SHA384_Final(into, &state); }
};

template <class Hash>
using Digest = std::array<std::uint8_t, Hash::kSize>;

/// Leaves nothing of a secret behind.
template <class Value>
class Wiped {
 public:
  Wiped() = default;
  ~Wiped() { OPENSSL_cleanse(&value, sizeof value); }
  Wiped(const Wiped&) = delete;
  Value value;
};

/// RFC 2104. The key is no longer than a block: whoever calls has made sure.
template <class Hash>
class Hmac {
 public:
  explicit Hmac(base::BytesView key) {
    Wiped<std::array<std::uint8_t, Hash::kBlock>> pad;
    begin(inner_.value, pad.value, key, 0x36);
    begin(outer_.value, pad.value, key, 0x5c);
  }
  void add(base::BytesView data) { Hash::add(inner_.value, data); }
  void finish(Digest<Hash>& into) {
    Hash::finish(inner_.value, into.data());
    Hash::add(outer_.value, into);
    Hash::finish(outer_.value, into.data());
  }

 private:
  using State = typename Hash::State;
  static void begin(State& state, std::array<std::uint8_t, Hash::kBlock>& pad, base::BytesView key, std::uint8_t with) {
    pad.fill(with);
    for (std::size_t i = 0; i < key.size(); ++i)
      pad[i] ^= key[i];
    Hash::begin(state);
    Hash::add(state, pad);
  }

  Wiped<State> inner_;
  Wiped<State> outer_;
};

/// What one call asks for; all of it is the caller's.
struct Asked {
  int mode = -1;
  std::string_view digest = {};
  base::BytesView key = {};
  std::optional<base::BytesView> salt = {};
  base::BytesView prefix = {};
  base::BytesView label = {};
  base::BytesView context = {};
};

base::BytesView bytes_of(const OSSL_PARAM& one) { return {static_cast<const std::uint8_t*>(one.data), one.data_size}; }

/// Nothing where a parameter is of another type than libssl gives it.
std::optional<Asked> read(const OSSL_PARAM* parameters) {
  Asked asked;
  for (const OSSL_PARAM* one = parameters; one != nullptr && one->key != nullptr; ++one) {
    const std::string_view name = one->key;
    if (name == OSSL_KDF_PARAM_MODE) {
      if (one->data_type != OSSL_PARAM_INTEGER || one->data_size != sizeof(int)) return std::nullopt;
      asked.mode = *static_cast<const int*>(one->data);
      continue;
    }
    if (name == OSSL_KDF_PARAM_DIGEST) {
      if (one->data_type != OSSL_PARAM_UTF8_STRING) return std::nullopt;
      asked.digest = static_cast<const char*>(one->data);
      continue;
    }
    if (one->data_type != OSSL_PARAM_OCTET_STRING) return std::nullopt;
    if (name == OSSL_KDF_PARAM_KEY) asked.key = bytes_of(*one);
    else if (name == OSSL_KDF_PARAM_SALT) asked.salt = bytes_of(*one);
    else if (name == OSSL_KDF_PARAM_PREFIX) asked.prefix = bytes_of(*one);
    else if (name == OSSL_KDF_PARAM_LABEL) asked.label = bytes_of(*one);
    else if (name == OSSL_KDF_PARAM_DATA) asked.context = bytes_of(*one);
    else return std::nullopt;
  }
  return asked;
}

/// HKDF-Expand-Label (RFC 8446 section 7.1); the label is in two parts. False where it cannot be said in a HkdfLabel.
template <class Hash>
bool expand_label(base::BytesView secret, const Asked& asked, base::BytesView context, std::span<std::uint8_t> out) {
  constexpr std::size_t kLongest =
      255;  // of a label, of its context, and of blocks of HKDF-Expand (RFC 5869 section 2.3)
  const std::size_t label = asked.prefix.size() + asked.label.size();
  if (secret.size() > Hash::kBlock || label > kLongest || context.size() > kLongest) return false;
  if (out.empty() || out.size() > kLongest * Hash::kSize) return false;
  const std::array<std::uint8_t, 3> head = {static_cast<std::uint8_t>(out.size() >> 8),
                                            static_cast<std::uint8_t>(out.size()), static_cast<std::uint8_t>(label)};
  const std::array<std::uint8_t, 1> context_size = {static_cast<std::uint8_t>(context.size())};
  Wiped<Digest<Hash>> block;
  for (std::uint8_t count = 1; !out.empty(); ++count) {
    Hmac<Hash> mac(secret);
    if (count > 1) mac.add(block.value);
    for (const base::BytesView part : {base::BytesView(head), asked.prefix, asked.label, base::BytesView(context_size),
                                       context, base::BytesView(&count, 1)})
      mac.add(part);
    mac.finish(block.value);
    const std::size_t size = std::min(out.size(), block.value.size());
    std::copy_n(block.value.begin(), size, out.begin());
    out = out.subspan(size);
  }
  return true;
}

/// The next secret of the schedule: HKDF-Extract of `asked.key` (zeros where there is none), salted with what
/// Derive-Secret makes of the secret before (nothing where there is none).
template <class Hash>
bool extract_next(const Asked& asked, std::span<std::uint8_t> out) {
  if (out.size() != Hash::kSize) return false;
  Wiped<Digest<Hash>> salt;
  base::BytesView salted;
  if (asked.salt) {
    Digest<Hash> of_nothing;
    typename Hash::State empty;
    Hash::begin(empty);
    Hash::finish(empty, of_nothing.data());
    if (!expand_label<Hash>(*asked.salt, asked, of_nothing, salt.value)) return false;
    salted = salt.value;
  }
  static constexpr Digest<Hash> kZeros = {};
  Hmac<Hash> mac(salted);
  mac.add(asked.key.data() == nullptr ? base::BytesView(kZeros) : asked.key);
  Wiped<Digest<Hash>> next;
  mac.finish(next.value);
  std::ranges::copy(next.value, out.begin());
  return true;
}

template <class Hash>
bool derive_with(const Asked& asked, std::span<std::uint8_t> out) {
  switch (asked.mode) {
    case EVP_KDF_HKDF_MODE_EXPAND_ONLY:
      return asked.key.data() != nullptr && expand_label<Hash>(asked.key, asked, asked.context, out);
    case EVP_KDF_HKDF_MODE_EXTRACT_ONLY: return extract_next<Hash>(asked, out);
    default: return false;
  }
}

// provider-kdf(7).

/// There is nothing to keep between calls; OpenSSL wants an address, and never looks behind it.
void* make_context(void* provider) { return provider; }
void free_context(void*) {}

int derive(void*, unsigned char* key, std::size_t size, const OSSL_PARAM* parameters) {
  const auto asked = read(parameters);
  if (!asked || key == nullptr) return 0;
  const std::span<std::uint8_t> out(key, size);
  if (asked->digest == "SHA2-256" || asked->digest == "SHA256") return derive_with<Sha256>(*asked, out) ? 1 : 0;
  if (asked->digest == "SHA2-384" || asked->digest == "SHA384") return derive_with<Sha384>(*asked, out) ? 1 : 0;
  return 0;
}

using AnyFunction = void (*)();

}  // namespace

const OSSL_DISPATCH* key_schedule_functions() {
  static const std::array<OSSL_DISPATCH, 4> kFunctions = {
      {{OSSL_FUNC_KDF_NEWCTX, reinterpret_cast<AnyFunction>(make_context)},
       {OSSL_FUNC_KDF_FREECTX, reinterpret_cast<AnyFunction>(free_context)},
       {OSSL_FUNC_KDF_DERIVE, reinterpret_cast<AnyFunction>(derive)},
       {0, nullptr}}};
  return kFunctions.data();
}

}  // namespace countersign::tls
