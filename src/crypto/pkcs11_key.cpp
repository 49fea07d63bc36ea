#include "crypto/pkcs11_key.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/algorithm.h"
#include "crypto/pkcs11_public_key.h"
#include "crypto/strength.h"

namespace countersign::crypto {
namespace {

using base::Bytes;
using base::BytesView;
using base::Kind;

/// The modulus of RSA-8192 and more; anything larger is none of ours.
constexpr unsigned long kAttributeLimit = 4096;
/// RFC 8017 section 9.2, note 1: DigestInfo of SHA-256, without the digest.
constexpr std::array<std::uint8_t, 19> kSha256Info = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

/// A template (section 2.4) that owns its values.
class Template {
 public:
  Template& flag(ck_attribute_type_t type, unsigned char value) { return bytes(type, {value}); }
  Template& number(ck_attribute_type_t type, unsigned long value) {
    Bytes copy(sizeof value);
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&value), sizeof value, copy.begin());
    return bytes(type, std::move(copy));
  }
  Template& text(ck_attribute_type_t type, std::string_view value) {
    return bytes(type, base::to_bytes(base::as_bytes(value)));
  }
  Template& bytes(ck_attribute_type_t type, Bytes value) {
    values_.push_back(std::move(value));
    attributes_.push_back({type, nullptr, values_.back().size()});
    return *this;
  }
  ck_attribute* data() {
    for (std::size_t i = 0; i < values_.size(); ++i)
      attributes_[i].value = values_[i].data();
    return attributes_.data();
  }
  unsigned long size() const { return attributes_.size(); }

 private:
  std::vector<Bytes> values_;
  std::vector<ck_attribute> attributes_;
};

/// A token may not know an attribute: then there is nothing to read.
Pkcs11Result<std::optional<Bytes>> read_attribute(const Pkcs11Session& session, ck_object_handle_t object,
                                                  ck_attribute_type_t type) {
  ck_attribute attribute{type, nullptr, 0};
  ck_rv_t value = session.calls().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  if (value == CKR_ATTRIBUTE_TYPE_INVALID || value == CKR_ATTRIBUTE_SENSITIVE) return std::optional<Bytes>();
  if (value != CKR_OK) return pkcs11_failure("C_GetAttributeValue", value);
  if (attribute.value_len > kAttributeLimit) return std::optional<Bytes>();
  Bytes content(attribute.value_len);
  attribute.value = content.data();
  value = session.calls().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  if (value != CKR_OK) return pkcs11_failure("C_GetAttributeValue", value);
  content.resize(std::min<std::size_t>(attribute.value_len, content.size()));
  return std::optional<Bytes>(std::move(content));
}

Pkcs11Result<std::vector<ck_object_handle_t>> find_objects(const Pkcs11Session& session, ck_object_class_t kind,
                                                           const std::string& label) {
  Template wanted;
  wanted.number(CKA_CLASS, kind).text(CKA_LABEL, label);
  const ck_function_list& calls = session.calls();
  ck_rv_t value = calls.C_FindObjectsInit(session.handle(), wanted.data(), wanted.size());
  if (value != CKR_OK) return pkcs11_failure("C_FindObjectsInit", value);
  std::array<ck_object_handle_t, 2> found{};  // a second one is enough to know that the label is not unique
  unsigned long count = 0;
  value = calls.C_FindObjects(session.handle(), found.data(), found.size(), &count);
  (void)calls.C_FindObjectsFinal(session.handle());
  if (value != CKR_OK) return pkcs11_failure("C_FindObjects", value);
  return std::vector<ck_object_handle_t>(
      found.begin(), found.begin() + std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(count)));
}

tl::unexpected<Pkcs11Failure> bad_key(const std::string& label, const std::string& why) {
  return pkcs11_finding(Kind::invalid, "token.bad_key", "the token's key '" + label + "' " + why);
}

/// Refuses what another program may have put there: a key that is not safe in the token, or that cannot sign by itself.
Pkcs11Result<void> check_private_half(const Pkcs11Session& session, ck_object_handle_t key, const std::string& label) {
  struct Wanted {
    ck_attribute_type_t type;
    unsigned char value;
    bool may_be_unknown;
    const char* otherwise;
  };
  constexpr std::array kWanted = {
      Wanted{CKA_SENSITIVE, 1, false, "is not sensitive: the token would tell it to whoever asks"},
      Wanted{CKA_EXTRACTABLE, 0, false, "may leave the token: make it anew, or import it as not extractable"},
      Wanted{CKA_SIGN, 1, false, "may not sign"},
      Wanted{CKA_ALWAYS_AUTHENTICATE, 0, true, "wants its PIN for each signature, which an authority cannot give"},
  };
  for (const Wanted& wanted : kWanted) {
    BASE_TRY(const auto found, read_attribute(session, key, wanted.type));
    if (!found && wanted.may_be_unknown) continue;
    if (!found || found->size() != 1 || ((*found)[0] != 0) != (wanted.value != 0))
      return bad_key(label, wanted.otherwise);
  }
  return {};
}

Pkcs11Result<PublicKey> read_public_half(const Pkcs11Session& session, ck_object_handle_t key,
                                         const std::string& label) {
  BASE_TRY(const auto parameters, read_attribute(session, key, CKA_EC_PARAMS));
  BASE_TRY(const auto point, read_attribute(session, key, CKA_EC_POINT));
  BASE_TRY(const auto modulus, read_attribute(session, key, CKA_MODULUS));
  BASE_TRY(const auto exponent, read_attribute(session, key, CKA_PUBLIC_EXPONENT));
  auto read = [&]() -> base::Result<PublicKey> {
    if (parameters && point) return ec_public_key(*parameters, *point);
    if (modulus && exponent) return rsa_public_key(*modulus, *exponent);
    return base::fail(Kind::invalid, "key.malformed", "it is neither an EC key nor one of RSA");
  }();
  if (!read) return bad_key(label, "cannot be used: " + read.error().detail);
  if (const auto strong = check_strength(*read, KeyPolicy::certify); !strong)
    return bad_key(label, "is weak: " + strong.error().detail);
  return std::move(*read);
}

Bytes digest_of(BytesView message, KeyType type) {
  Bytes digest(EVP_MAX_MD_SIZE);
  unsigned length = 0;
  BASE_CHECK(EVP_Digest(message.data(), message.size(), digest.data(), &length, signing_digest(type), nullptr) == 1);
  digest.resize(length);
  return digest;
}

Pkcs11Result<Bytes> sign_raw(const Pkcs11Session& session, const Pkcs11Key& key, ck_mechanism_type_t type, Bytes data) {
  ck_mechanism mechanism{type, nullptr, 0};
  const ck_function_list& calls = session.calls();
  ck_rv_t value = calls.C_SignInit(session.handle(), &mechanism, key.handle);
  if (value != CKR_OK) return pkcs11_failure("C_SignInit", value);
  Bytes signature(kAttributeLimit);
  unsigned long length = signature.size();
  value = calls.C_Sign(session.handle(), data.data(), data.size(), signature.data(), &length);
  if (value != CKR_OK) return pkcs11_failure("C_Sign", value);
  signature.resize(std::min<std::size_t>(length, signature.size()));
  return signature;
}

/// CKA_ID is what other tools pair the halves by; it need only be the same for both.
Bytes id_of(const std::string& label) {
  const Digest256 digest = sha256(base::as_bytes(label));
  return Bytes(digest.begin(), digest.begin() + 20);
}

Pkcs11Result<void> generate_pair(const Pkcs11Session& session, const std::string& label, PrivateKey::Kind kind) {
  Template for_all;
  Template for_me;
  for_all.flag(CKA_TOKEN, 1)
      .flag(CKA_PRIVATE, 0)
      .flag(CKA_VERIFY, 1)
      .text(CKA_LABEL, label)
      .bytes(CKA_ID, id_of(label));
  for_me.flag(CKA_TOKEN, 1).flag(CKA_PRIVATE, 1).flag(CKA_SENSITIVE, 1).flag(CKA_EXTRACTABLE, 0);
  // Said in so many words, since tokens let a key do whatever it was not forbidden.
  for_me.flag(CKA_SIGN, 1).flag(CKA_DECRYPT, 0).flag(CKA_UNWRAP, 0);
  for_me.text(CKA_LABEL, label).bytes(CKA_ID, id_of(label));
  ck_mechanism mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  if (const unsigned long bits = rsa_bits(kind); bits != 0) {
    mechanism.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
    for_all.number(CKA_MODULUS_BITS, bits).bytes(CKA_PUBLIC_EXPONENT, {0x01, 0x00, 0x01});
  } else {
    for_all.bytes(CKA_EC_PARAMS, ec_parameters(kind));
    for_me.flag(CKA_DERIVE, 0);
  }
  ck_object_handle_t public_half = 0;
  ck_object_handle_t private_half = 0;
  const ck_rv_t value = session.calls().C_GenerateKeyPair(session.handle(), &mechanism, for_all.data(), for_all.size(),
                                                          for_me.data(), for_me.size(), &public_half, &private_half);
  if (value != CKR_OK) return pkcs11_failure("C_GenerateKeyPair", value);
  return {};
}

}  // namespace

Pkcs11Result<Pkcs11Key> find_key(Pkcs11Session& session, const std::string& label) {
  if (const auto known = session.keys().find(label); known != session.keys().end()) return known->second;
  BASE_TRY(const auto private_halves, find_objects(session, CKO_PRIVATE_KEY, label));
  BASE_TRY(const auto public_halves, find_objects(session, CKO_PUBLIC_KEY, label));
  if (private_halves.empty() || public_halves.empty())
    return pkcs11_finding(Kind::not_found, "token.no_key",
                          "the token has no " + std::string(private_halves.empty() ? "private" : "public") +
                              " key with the label '" + label + "'");
  if (private_halves.size() > 1 || public_halves.size() > 1)
    return pkcs11_finding(Kind::invalid, "token.ambiguous",
                          "the token has more than one key with the label '" + label + "': rename the others");
  BASE_TRY_VOID(check_private_half(session, private_halves[0], label));
  BASE_TRY(auto public_key, read_public_half(session, public_halves[0], label));
  Pkcs11Key key{private_halves[0], std::move(public_key)};
  session.keys().emplace(label, key);
  return key;
}

Pkcs11Result<Pkcs11Key> make_key(Pkcs11Session& session, const std::string& label, PrivateKey::Kind kind) {
  if (kind == PrivateKey::Kind::ed25519)
    return pkcs11_finding(Kind::invalid, "token.unsupported",
                          "keys in a token are p256, p384, rsa2048, rsa3072 or rsa4096");
  for (const ck_object_class_t half : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    BASE_TRY(const auto there, find_objects(session, half, label));
    if (!there.empty())
      return pkcs11_finding(Kind::conflict, "token.key_exists",
                            "the token already has a key with the label '" + label + "'");
  }
  BASE_TRY_VOID(generate_pair(session, label, kind));
  return find_key(session, label);
}

Pkcs11Result<Bytes> sign(const Pkcs11Session& session, const Pkcs11Key& key, BytesView message) {
  const KeyType type = key.public_key.type();
  Bytes digest = digest_of(message, type);
  if (type == KeyType::rsa) {
    digest.insert(digest.begin(), kSha256Info.begin(), kSha256Info.end());
    return sign_raw(session, key, CKM_RSA_PKCS, std::move(digest));
  }
  BASE_TRY(const Bytes raw, sign_raw(session, key, CKM_ECDSA, std::move(digest)));
  auto der = to_ecdsa_sig_value(raw);
  if (!der) return base::unexpected(Pkcs11Failure{CKR_OK, std::move(der).error()});
  return std::move(*der);
}

}  // namespace countersign::crypto
