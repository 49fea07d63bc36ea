// A vector for each rule of the weak-key gate, and beside it a key one change away that passes.
#include "crypto/strength.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "crypto/handle.h"
#include "crypto/private_key.h"
#include "crypto/rsa_faults.h"

namespace countersign::crypto {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;
using BigContext = Handle<BN_CTX, BN_CTX_free>;
using NativeKey = Handle<EVP_PKEY, EVP_PKEY_free>;

constexpr unsigned kExponent = 65537;

PublicKey through_spki(EVP_PKEY* key) { return PublicKey::from_spki(PublicKey::from_native(key).to_spki()).value(); }
PublicKey made(PrivateKey::Kind kind) { return PrivateKey::generate(kind).value().public_key(); }

// --- RSA
// ---------------------------------------------------------------------------------------------------------------

/// An RSA public key of any modulus and exponent, good or not.
PublicKey rsa_key(const BIGNUM* modulus, unsigned exponent = kExponent) {
  const BigNumber e(BN_new());
  BN_set_word(e.get(), exponent);
  const Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  const Handle<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
  return through_spki(NativeKey(key).get());
}

BigNumber prime_of(int bits) {
  BigNumber prime(BN_new());
  BN_generate_prime_ex(prime.get(), bits, 0, nullptr, nullptr, nullptr);
  return prime;
}

BigNumber product_of(const BIGNUM* a, const BIGNUM* b) {
  const BigContext context(BN_CTX_new());
  BigNumber product(BN_new());
  BN_mul(product.get(), a, b, context.get());
  return product;
}

PublicKey generated_rsa(std::size_t bits) {
  return through_spki(NativeKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)).get());
}

/// Larger moduli take too long to make of two primes: one without small factors serves as well where no other rule is
/// meant to see it.
BigNumber random_modulus(int bits) {
  BigNumber modulus(BN_new());
  do
    BN_rand(modulus.get(), bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
  while (has_small_factor(modulus.get()));
  return modulus;
}
PublicKey random_rsa(int bits, unsigned exponent = kExponent) { return rsa_key(random_modulus(bits).get(), exponent); }

PublicKey multiple_of(unsigned factor) {
  const BigNumber modulus(BN_new());
  BN_rand(modulus.get(), 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
  while (BN_mod_word(modulus.get(), factor) != 0)
    BN_sub_word(modulus.get(), 1);
  return rsa_key(modulus.get());
}

/// Of two primes with `distance` * 2^510 between them: Fermat's method needs about distance^2 / 32 rounds.
PublicKey primes_apart(unsigned distance) {
  const BigContext context(BN_CTX_new());
  const BigNumber p = prime_of(1024);
  const BigNumber q(BN_new());
  BN_set_word(q.get(), distance);
  if (distance > 2) BN_lshift(q.get(), q.get(), 510);
  BN_add(q.get(), q.get(), p.get());
  BN_set_bit(q.get(), 0);
  while (BN_check_prime(q.get(), context.get(), nullptr) != 1)
    BN_add_word(q.get(), 2);
  return rsa_key(product_of(p.get(), q.get()).get());
}

PublicKey power_of_prime(unsigned exponent) {
  const BigNumber p = prime_of(static_cast<int>((2048 + exponent - 1) / exponent));
  BigNumber power(BN_dup(p.get()));
  for (unsigned i = 1; i < exponent; ++i)
    power = product_of(power.get(), p.get());
  while (BN_num_bits(power.get()) % 8 != 0)  // another power of another prime, until the size is not what is refused
    return power_of_prime(exponent);
  return rsa_key(power.get());
}

/// The product of the first 126 primes, for keys of 2048 bits.
BigNumber roca_product() {
  BigNumber product(BN_new());
  BN_set_word(product.get(), 2);
  int primes = 1;
  for (unsigned n = 3; primes < 126; n += 2) {
    bool is_prime = true;
    for (unsigned d = 3; d * d <= n && is_prime; d += 2)
      is_prime = n % d != 0;
    if (!is_prime) continue;
    BN_mul_word(product.get(), n);
    ++primes;
  }
  return product;
}

/// p = k * M + (65537^a mod M), with k so that p has 1024 bits and its upper two are set.
BigNumber roca_factor(unsigned exponent) {
  const BigContext context(BN_CTX_new());
  const BigNumber product = roca_product();
  const BigNumber generator(BN_new());
  const BigNumber a(BN_new());
  const BigNumber rest(BN_new());
  BigNumber factor(BN_new());
  BN_set_word(generator.get(), kExponent);
  BN_set_word(a.get(), exponent);
  BN_mod_exp(factor.get(), generator.get(), a.get(), product.get(), context.get());
  const BigNumber most(BN_new());
  BN_set_word(most.get(), 7);
  BN_lshift(most.get(), most.get(), 1021);
  BN_mod(rest.get(), most.get(), product.get(), context.get());
  BN_sub(most.get(), most.get(), rest.get());
  BN_add(factor.get(), factor.get(), most.get());
  while (has_small_factor(factor.get()))
    BN_add(factor.get(), factor.get(), product.get());
  return factor;
}

/// As Infineon's library made them (Nemec et al., section 2.1), but that the two need not be prime: the fingerprint is
/// of the modulus. `defect` unmakes it.
PublicKey roca_key(unsigned defect) {
  const BigNumber modulus = product_of(roca_factor(6789).get(), roca_factor(9876).get());
  BN_add_word(modulus.get(), defect);
  while (defect != 0 && has_small_factor(modulus.get()))
    BN_add_word(modulus.get(), 2);
  return rsa_key(modulus.get());
}

/// A power of 65537 modulo each of the primes, but not of one exponent for all: modulo 3 the parity is another.
PublicKey nearly_roca_key() {
  const BigNumber product = roca_product();
  const BigNumber modulus = product_of(roca_factor(6789).get(), roca_factor(9876).get());
  const BigNumber without_3(BN_dup(product.get()));
  BN_div_word(without_3.get(), 3);
  const BN_ULONG other = 3 - BN_mod_word(modulus.get(), 3);
  while (BN_mod_word(modulus.get(), 3) != other)
    BN_add(modulus.get(), modulus.get(), without_3.get());
  while (has_small_factor(modulus.get()))
    BN_add(modulus.get(), modulus.get(), product.get());
  return rsa_key(modulus.get());
}

PublicKey rsa_of_hex(const char* digits) {
  BIGNUM* raw = nullptr;
  BN_hex2bn(&raw, digits);
  return rsa_key(BigNumber(raw).get());
}

// Two moduli of the ROCA detection tool's test data (crocs-muni/roca, roca/tests/data), of which it finds the first.
constexpr const char* kPublishedRoca =
    "9dcd7420e420c270a68060eb8b5aa7457a9f6648f86fafed2775cc1f79ae962f1e63f1b9e51c55f9ea6fdc7332e9b005"
    "8c9ff2eb1fc89855029cf6aafe21e689feb38ac9ffb12f1ce371bb5d0e9aae64161abce74b4244bf68f1edb4411f756a"
    "097c8929c14740245ea355f8332d1aa36bb50c7dcb4505da8de02e4e53d38f8df06097da7524df0df93db48eac8cc4af"
    "2d3a16257eb2b2adca6ba464e5974fa92550d31b1babf161e7692d00b86e3dd886ecab4abfbe1a8f8cc263ff4af55cdb"
    "45f4249a5193925f5e983d762f0b6800943eb0267b08f42ed311ce1f5c86eacbc8ce4d3cb7a2fee1ef5641423a1cf411"
    "4e5ecf50034a60a412523af9e6f4aa11";
constexpr const char* kPublishedGood =
    "af659676197f1db06da7ac111a0a0ec175b8b7ef07192ffcd1f6b854c327785f1a7fd3db7da45cd4a31b2b2e5ce0d823"
    "a68e28c8adf1747316becce1fe5768064039ad2062260c8d1a34e0586dce9bc13090fcc9fb8b8b2c08ed3ae8d61b2981"
    "8a669689a7d9c1dab053b557fb8d3f9c44faad3e18c55e739b00d3c9126558bc8e980cd2af377126ef5b1374136774b8"
    "bd370e3c1c149db395c8f99696b628b105946fea20106fe24d103ac062661a9248e8c3f628e00b308d33953aabe55513"
    "2e218e74ef4b578716b4fe7cf340e8e604a319bf6e9951e1942601d34291032db54999d09e5d036dde3544ad35256bbb"
    "97d5e3fffd38166c21eae9199548853b";

// --- curves
// ------------------------------------------------------------------------------------------------------------

NativeKey ec(const char* group) { return NativeKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", group)); }
PublicKey ec_key(const char* group) { return through_spki(ec(group).get()); }

PublicKey in_point_form(const char* group, const char* form) {
  const NativeKey key = ec(group);
  EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form);
  return through_spki(key.get());
}

PublicKey explicit_curve(const char* group) {
  const NativeKey key = ec(group);
  EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
  return through_spki(key.get());
}

/// RFC 8410 section 4: an Ed25519 key of these 32 bytes.
PublicKey edwards(const char* hex) {
  base::Bytes spki = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
  const base::Bytes point = base::from_hex(hex).value();
  spki.insert(spki.end(), point.begin(), point.end());
  return PublicKey::from_spki(spki).value();
}

PublicKey of_algorithm(const char* name) {
  return through_spki(NativeKey(EVP_PKEY_Q_keygen(nullptr, nullptr, name)).get());
}

PublicKey rsa_pss() {
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_generate(context.get(), &key);
  return through_spki(NativeKey(key).get());
}

// --- the gate
// ----------------------------------------------------------------------------------------------------------

struct Row {
  const char* name;
  std::function<PublicKey()> key;
  const char* refusal;  ///< part of the detail; empty: accepted
  KeyPolicy policy = KeyPolicy::certify;
};

void expect(const Row& row) {
  SCOPED_TRACE(row.name);
  const auto result = check_strength(row.key(), row.policy);
  EXPECT_EQ(ERR_peek_error(), 0U);
  if (*row.refusal == '\0') {
    EXPECT_TRUE(result) << result.error().detail;
    return;
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "key.weak");
  EXPECT_NE(result.error().detail.find(row.refusal), std::string::npos) << result.error().detail;
  EXPECT_NE(result.error().detail.find("make a new key"), std::string::npos);
}

TEST(CheckStrength, Kinds) {
  const char* none = "none of RSA, P-256";
  for (const Row& row :
       {Row{"P-256", [] { return made(PrivateKey::Kind::p256); }, ""},
        Row{"P-384", [] { return made(PrivateKey::Kind::p384); }, ""},
        Row{"Ed25519", [] { return made(PrivateKey::Kind::ed25519); }, ""},
        Row{"RSA", [] { return made(PrivateKey::Kind::rsa3072); }, ""},
        Row{"P-521", [] { return ec_key("P-521"); }, none}, Row{"P-224", [] { return ec_key("P-224"); }, none},
        Row{"secp256k1", [] { return ec_key("secp256k1"); }, none},
        Row{"brainpoolP256r1", [] { return ec_key("brainpoolP256r1"); }, none},
        Row{"X25519", [] { return of_algorithm("X25519"); }, none},
        Row{"Ed448", [] { return of_algorithm("ED448"); }, none}, Row{"RSA-PSS", rsa_pss, none},
        Row{"no key at all", [] { return PublicKey::from_native(nullptr); }, none}})
    expect(row);
}

TEST(CheckStrength, RsaSizes) {
  for (const Row& row :
       {Row{"1024", [] { return generated_rsa(1024); }, "1024 bits, at least 2048"},
        Row{"2040", [] { return random_rsa(2040); }, "2040 bits, at least 2048"},
        Row{"2047", [] { return random_rsa(2047); }, "2047 bits, at least 2048"},
        Row{"2048", [] { return generated_rsa(2048); }, ""},
        Row{"2049", [] { return random_rsa(2049); }, "no multiple of 8"},
        Row{"2052", [] { return random_rsa(2052); }, "no multiple of 8"},
        Row{"2056", [] { return random_rsa(2056); }, ""}, Row{"4096", [] { return random_rsa(4096); }, ""},
        Row{"4104", [] { return random_rsa(4104); }, "4104 bits, at most 4096"},
        Row{"4104 of others", [] { return random_rsa(4104); }, "", KeyPolicy::believe},
        Row{"8192 of others", [] { return random_rsa(8192); }, "", KeyPolicy::believe},
        Row{"8200 of others", [] { return random_rsa(8200); }, "at most 8192", KeyPolicy::believe},
        Row{"1024 of others", [] { return generated_rsa(1024); }, "at least 2048", KeyPolicy::believe}})
    expect(row);
}

TEST(CheckStrength, RsaExponents) {
  for (const Row& row : {Row{"65537", [] { return random_rsa(2048, 65537); }, ""},
                         Row{"3", [] { return random_rsa(2048, 3); }, "exponent is not 65537"},
                         Row{"1", [] { return random_rsa(2048, 1); }, "exponent is not 65537"},
                         Row{"65536", [] { return random_rsa(2048, 65536); }, "exponent is not 65537"},
                         Row{"65539", [] { return random_rsa(2048, 65539); }, "exponent is not 65537"}})
    expect(row);
}

TEST(CheckStrength, RsaModuli) {
  for (const Row& row : {Row{"even", [] { return multiple_of(2); }, "small factor"},
                         Row{"three", [] { return multiple_of(3); }, "small factor"},
                         Row{"the last that NIST asks for", [] { return multiple_of(751); }, "small factor"},
                         Row{"the last prime tried", [] { return multiple_of(3989); }, "small factor"},
                         Row{"none", [] { return random_rsa(2048); }, ""},
                         Row{"a prime", [] { return power_of_prime(1); }, "a prime or a power of one"},
                         Row{"a cube", [] { return power_of_prime(3); }, "a prime or a power of one"},
                         Row{"a square", [] { return power_of_prime(2); }, "too close together"}})
    expect(row);
}

TEST(CheckStrength, ClosePrimes) {
  // (q - p)^2 / (8 sqrt(n)) rounds: with q - p = d * 2^510 and sqrt(n) between 2^1023 and 2^1024, d^2/64 to d^2/32.
  for (const Row& row : {Row{"next to each other", [] { return primes_apart(2); }, "too close together"},
                         Row{"found within 50 rounds", [] { return primes_apart(40); }, "too close together"},
                         Row{"found after 225 rounds at the earliest", [] { return primes_apart(120); }, ""}})
    expect(row);
}

TEST(CheckStrength, Roca) {
  for (const Row& row :
       {Row{"made as the library did", [] { return roca_key(0); }, "ROCA"},
        Row{"the same, two further", [] { return roca_key(2); }, ""},
        Row{"prime by prime, but not for all", nearly_roca_key, ""},
        Row{"published, from a card", [] { return rsa_of_hex(kPublishedRoca); }, "ROCA"},
        Row{"published, from elsewhere", [] { return rsa_of_hex(kPublishedGood); }, ""},
        Row{"of others as well", [] { return rsa_of_hex(kPublishedRoca); }, "ROCA", KeyPolicy::believe}})
    expect(row);
}

TEST(CheckStrength, Points) {
  for (const char* group : {"P-256", "P-384"})
    for (const Row& row :
         {Row{"uncompressed", [=] { return in_point_form(group, "uncompressed"); }, ""},
          Row{"compressed", [=] { return in_point_form(group, "compressed"); }, "another form"},
          Row{"hybrid", [=] { return in_point_form(group, "hybrid"); }, "another form"},
          Row{"explicit parameters", [=] { return explicit_curve(group); }, "describes its curve itself"}})
      expect(row);
}

/// Refused wherever it first shows: as a key, or at the gate.
std::string refusal_of(base::BytesView spki) {
  const auto key = PublicKey::from_spki(spki);
  if (!key) return key.error().code;
  const auto strong = check_strength(*key, KeyPolicy::believe);
  return strong ? "ok" : strong.error().code;
}

TEST(CheckStrength, PointsThatAreNone) {
  for (const PrivateKey::Kind kind : {PrivateKey::Kind::p256, PrivateKey::Kind::p384}) {
    const std::size_t point = kind == PrivateKey::Kind::p256 ? 65 : 97;
    const base::Bytes good = made(kind).to_spki();
    EXPECT_EQ(refusal_of(good), "ok");
    base::Bytes off_curve = good;
    off_curve.back() ^= 1U;
    EXPECT_EQ(refusal_of(off_curve), "key.malformed");
    base::Bytes origin = good;
    std::fill(origin.end() - static_cast<std::ptrdiff_t>(point) + 1, origin.end(), std::uint8_t{0});
    EXPECT_EQ(refusal_of(origin), "key.malformed");
    // SEC 1 section 2.3.3: infinity is the single octet 0. Lengths: outer sequence, and the bit string in front of it.
    base::Bytes infinity(good.begin(), good.end() - static_cast<std::ptrdiff_t>(point) + 1);
    infinity.back() = 0;
    infinity[1] = static_cast<std::uint8_t>(infinity.size() - 2);
    infinity[infinity.size() - 3] = 2;
    EXPECT_NE(refusal_of(infinity), "ok");
  }
}

TEST(CheckStrength, EdwardsPoints) {
  const char* low = "low order";
  const char* none = "no point of its curve";
  // Orders 1, 2, 4 and 8 as libsodium and others list them, with both signs of x; RFC 8032 section 7.1, test 1.
  for (const Row& row :
       {Row{"of RFC 8032", [] { return edwards("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"); },
            ""},
        Row{"order 1", [] { return edwards("0100000000000000000000000000000000000000000000000000000000000000"); }, low},
        Row{"order 1, sign", [] { return edwards("0100000000000000000000000000000000000000000000000000000000000080"); },
            low},
        Row{"order 2", [] { return edwards("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"); }, low},
        Row{"order 2, sign", [] { return edwards("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"); },
            low},
        Row{"order 4", [] { return edwards("0000000000000000000000000000000000000000000000000000000000000000"); }, low},
        Row{"order 4, sign", [] { return edwards("0000000000000000000000000000000000000000000000000000000000000080"); },
            low},
        Row{"order 8", [] { return edwards("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"); }, low},
        Row{"order 8, sign", [] { return edwards("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"); },
            low},
        Row{"order 8, other",
            [] { return edwards("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"); }, low},
        Row{"order 8, other, sign",
            [] { return edwards("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"); }, low},
        Row{"y = p", [] { return edwards("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"); }, none},
        Row{"y = p + 1", [] { return edwards("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"); },
            none},
        Row{"no x for this y",
            [] { return edwards("0200000000000000000000000000000000000000000000000000000000000000"); }, none},
        Row{"an x for this y",
            [] { return edwards("0300000000000000000000000000000000000000000000000000000000000000"); }, ""}})
    expect(row);
}

}  // namespace
}  // namespace countersign::crypto
