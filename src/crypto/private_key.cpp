#include "crypto/private_key.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/check.h"
#include "crypto/algorithm.h"
#include "crypto/digest.h"
#include "crypto/key_type.h"
#include "crypto/openssl_error.h"

namespace countersign::crypto {
namespace {

using Bio = Handle<BIO, BIO_free_all>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;

constexpr std::uint64_t kScryptN = 1U << 14U;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 1;
/// PEM_BUFSIZE: the key would not open again with a longer one.
constexpr std::size_t kPassphraseLimit = 1024;
constexpr std::size_t kPemLimit = 64 * 1024;

struct KindName {
  PrivateKey::Kind kind;
  std::string_view name;
};
constexpr std::array<KindName, 6> kKinds = {{{PrivateKey::Kind::p256, "p256"},
                                             {PrivateKey::Kind::p384, "p384"},
                                             {PrivateKey::Kind::ed25519, "ed25519"},
                                             {PrivateKey::Kind::rsa2048, "rsa2048"},
                                             {PrivateKey::Kind::rsa3072, "rsa3072"},
                                             {PrivateKey::Kind::rsa4096, "rsa4096"}}};

Key make_key(PrivateKey::Kind kind) {
  const auto rsa = [](std::size_t bits) { return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)); };
  switch (kind) {
    case PrivateKey::Kind::p256: return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    case PrivateKey::Kind::p384: return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
    case PrivateKey::Kind::ed25519: return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case PrivateKey::Kind::rsa2048: return rsa(2048);
    case PrivateKey::Kind::rsa3072: return rsa(3072);
    case PrivateKey::Kind::rsa4096: return rsa(4096);
  }
  BASE_UNREACHABLE();
}

/// Hands the passphrase to libcrypto and remembers that it was wanted.
struct Asked {
  base::BytesView passphrase;
  bool wanted = false;
};

int give_passphrase(char* buffer, int size, int, void* user) {
  auto* asked = static_cast<Asked*>(user);
  asked->wanted = true;
  const std::size_t length = asked->passphrase.size();
  if (length == 0 || length > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, asked->passphrase.data(), length);
  return static_cast<int>(length);
}

std::string_view content(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &data);
  return {data, length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// PBES2 (RFC 8018) with scrypt (RFC 7914) and AES-256-CBC; salt and IV are libcrypto's random bytes.
Handle<X509_SIG, X509_SIG_free> encrypt(const EVP_PKEY* key, base::BytesView passphrase) {
  const Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> plain(EVP_PKEY2PKCS8(key));
  X509_ALGOR* scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 16, nullptr, kScryptN, kScryptR, kScryptP);
  if (plain == nullptr || scheme == nullptr) {
    X509_ALGOR_free(scheme);
    return nullptr;
  }
  const std::string_view text = base::as_text(passphrase);
  X509_SIG* sealed = PKCS8_set0_pbe(text.data(), static_cast<int>(text.size()), plain.get(), scheme);
  if (sealed == nullptr) X509_ALGOR_free(scheme);
  return Handle<X509_SIG, X509_SIG_free>(sealed);
}

}  // namespace

base::Result<PrivateKey::Kind> PrivateKey::parse_kind(std::string_view text) {
  const auto found = std::ranges::find(kKinds, text, &KindName::name);
  if (found != kKinds.end()) return found->kind;
  return base::fail(base::Kind::invalid, "key.unknown_kind",
                    "'" + std::string(text.substr(0, 40)) +
                        "' is no kind of key: use p256, p384, ed25519, rsa2048, rsa3072 or rsa4096");
}

base::Result<PrivateKey> PrivateKey::generate(Kind kind) {
  Key key = make_key(kind);
  if (key == nullptr)
    return base::unexpected(openssl_error(base::Kind::internal, "key.generation", "no key could be made"));
  return PrivateKey(std::move(key));
}

base::Result<PrivateKey> PrivateKey::from_pem(std::string_view pem, const base::Secret& passphrase) {
  if (pem.size() > kPemLimit)
    return base::fail(base::Kind::invalid, "key.malformed", "the key file is larger than 64 KiB");
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  BASE_CHECK(bio != nullptr);
  Asked asked{passphrase.reveal()};
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &asked));
  if (key != nullptr) {
    drop_openssl_errors();
    return PrivateKey(std::move(key));
  }
  if (!asked.wanted)
    return base::unexpected(openssl_error(base::Kind::invalid, "key.malformed", "no private key in PEM form is there"));
  drop_openssl_errors();
  return base::fail(base::Kind::invalid, "key.passphrase",
                    passphrase.empty() ? "the key is encrypted: a passphrase is needed"
                                       : "the key does not open with this passphrase");
}

PublicKey PrivateKey::public_key() const {
  auto key = PublicKey::from_spki(PublicKey::from_native(key_.get()).to_spki());
  BASE_CHECK(key.has_value());
  return std::move(*key);
}

base::Result<std::string> PrivateKey::to_encrypted_pem(const base::Secret& passphrase) const {
  if (passphrase.empty()) return base::fail(base::Kind::invalid, "key.passphrase", "the passphrase is empty");
  if (passphrase.reveal().size() > kPassphraseLimit)
    return base::fail(base::Kind::invalid, "key.passphrase", "the passphrase has more than 1024 bytes");
  const auto sealed = encrypt(key_.get(), passphrase.reveal());
  const Bio bio(BIO_new(BIO_s_mem()));
  if (sealed == nullptr || bio == nullptr || PEM_write_bio_PKCS8(bio.get(), sealed.get()) != 1)
    return base::unexpected(openssl_error(base::Kind::internal, "key.encryption", "the key could not be encrypted"));
  return std::string(content(bio.get()));
}

base::Result<base::Secret> PrivateKey::to_pem() const {
  const Bio bio(BIO_new(BIO_s_secmem()));
  const bool written = bio != nullptr &&
                       PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  if (!written)
    return base::unexpected(openssl_error(base::Kind::internal, "key.encoding", "the key could not be written"));
  return base::Secret(content(bio.get()));
}

namespace {

/// As EVP_DigestSign does it, in less time: ECDSA and RSA sign a digest, and ours is fetched already. Empty where it
/// fails.
base::Bytes sign_p256(EVP_PKEY* key, base::BytesView message) {
  const Digest256 digest = sha256(message);
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  constexpr std::size_t kLongest = 72;  // SEQUENCE of two INTEGERs of 33 octets
  std::size_t length = kLongest;
  base::Bytes signature(length);
  const bool good = context != nullptr && EVP_PKEY_sign_init(context.get()) == 1 &&
                    EVP_PKEY_sign(context.get(), signature.data(), &length, digest.data(), digest.size()) == 1;
  signature.resize(good ? length : 0);
  return signature;
}

}  // namespace

base::Result<base::Bytes> PrivateKey::sign(base::BytesView message) const {
  const KeyType type = type_of(key_.get());
  if (type == KeyType::ec_p256) {
    base::Bytes made = sign_p256(key_.get(), message);
    if (!made.empty()) return made;
    return base::unexpected(openssl_error(base::Kind::internal, "key.signing", "the key could not sign"));
  }
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::size_t length = 0;
  base::Bytes signature;
  const auto sign_into = [&](std::uint8_t* out) {
    return EVP_DigestSign(context.get(), out, &length, message.data(), message.size()) == 1;
  };
  bool good = type != KeyType::other && context != nullptr &&
              EVP_DigestSignInit(context.get(), nullptr, signing_digest(type), nullptr, key_.get()) == 1 &&
              sign_into(nullptr);
  if (good) {
    signature.resize(length);
    good = sign_into(signature.data());
  }
  if (!good) return base::unexpected(openssl_error(base::Kind::internal, "key.signing", "the key could not sign"));
  signature.resize(length);
  return signature;
}

}  // namespace countersign::crypto
