#include "check/impostors.h"

#include <algorithm>
#include <iterator>

#include "crypto/false_key.h"
#include "crypto/random.h"
#include "x509/certificate_builder.h"
#include "x509/imitation.h"

namespace countersign::check {
namespace {

using crypto::PrivateKey;
using x509::Certificate;

base::Result<PrivateKey> new_key() { return PrivateKey::generate(PrivateKey::Kind::p256); }

/// The same key again: PrivateKey is never copied but by way of its encoding.
base::Result<PrivateKey> again(const PrivateKey& key) {
  BASE_TRY(const base::Secret pem, key.to_pem());
  return PrivateKey::from_pem(pem.reveal_text(), base::Secret());
}

const Certificate* find_issuer(const Certificate& of, const std::vector<Certificate>& among) {
  const auto found = std::ranges::find_if(among, [&](const Certificate& candidate) {
    return candidate.subject().der == of.issuer().der && of.is_signed_by(candidate.public_key());
  });
  return found == among.end() ? nullptr : &*found;
}

struct Genuine {
  const tls::Credential& credential;
  const Certificate* issuing = nullptr;
  const Certificate* root = nullptr;
  const Certificate& leaf() const { return credential.chain.front(); }
};

base::Result<tls::Credential> self_signed(const Genuine& genuine) {
  BASE_TRY(PrivateKey key, new_key());
  BASE_TRY(Certificate leaf, x509::imitate(genuine.leaf(), key.public_key(), {.key = key}));
  return tls::Credential{{std::move(leaf)}, std::move(key)};
}

/// A leaf under `ca`, which holds `ca_key`; `above` is sent after it.
base::Result<tls::Credential> leaf_under(const Genuine& genuine, Certificate ca, const PrivateKey& ca_key,
                                         std::vector<Certificate> above) {
  BASE_TRY(PrivateKey key, new_key());
  BASE_TRY(Certificate leaf, x509::imitate(genuine.leaf(), key.public_key(), {.certificate = &ca, .key = ca_key}));
  std::vector<Certificate> chain{std::move(leaf), std::move(ca)};
  std::ranges::move(above, std::back_inserter(chain));
  return tls::Credential{std::move(chain), std::move(key)};
}

base::Result<Certificate> other_root(const PrivateKey& key) {
  const base::Instant from = base::Instant::from_unix_seconds(1'577'836'800);   // 2020
  const base::Instant until = base::Instant::from_unix_seconds(4'102'444'800);  // 2100
  crypto::SystemRandom random;
  BASE_TRY(x509::Serial serial, x509::Serial::generate(random));
  const x509::CertificateSpec spec{
      .serial = std::move(serial),
      .subject = {.common_name = "Nobody's Issuing CA", .organisation = "Nobody", .organisational_unit = {}},
      .not_before = from,
      .not_after = until,
      .key = key.public_key(),
      .key_usage = {x509::KeyUsage::cert_sign, x509::KeyUsage::crl_sign},
      .extended_key_usage = {},
      .subject_alt_names = {},
      .ca = x509::CertificateSpec::Ca{}};
  BASE_TRY(const x509::TbsCertificate tbs, x509::build_self_issued_tbs(spec));
  BASE_TRY(const base::Bytes signature, key.sign(tbs.der));
  return x509::assemble(tbs, signature);
}

base::Result<tls::Credential> other_ca(const Genuine& genuine) {
  BASE_TRY(const PrivateKey key, new_key());
  BASE_TRY(Certificate ca, other_root(key));
  return leaf_under(genuine, std::move(ca), key, {});
}

tl::unexpected<base::Error> without(const char* what) {
  return base::fail(base::Kind::not_found, "check.no_model",
                    std::string("the ") + what + " of the provider is not known");
}

/// A CA with every word of the issuing CA, its key identifier included, and another key.
base::Result<tls::Credential> look_alike_issuer(const Genuine& genuine) {
  if (genuine.issuing == nullptr) return without("issuing CA");
  BASE_TRY(const PrivateKey ca_key, new_key());
  BASE_TRY(const PrivateKey nobody, new_key());
  // Signed by nobody, in the name of whoever signed the genuine one.
  const Certificate& above = genuine.root == nullptr ? *genuine.issuing : *genuine.root;
  BASE_TRY(Certificate ca,
           x509::imitate(*genuine.issuing, ca_key.public_key(), {.certificate = &above, .key = nobody}));
  return leaf_under(genuine, std::move(ca), ca_key, {});
}

/// The whole hierarchy over again, the root sent along.
base::Result<tls::Credential> look_alike_root(const Genuine& genuine) {
  if (genuine.issuing == nullptr || genuine.root == nullptr) return without("root");
  BASE_TRY(const PrivateKey root_key, new_key());
  BASE_TRY(const PrivateKey ca_key, new_key());
  BASE_TRY(Certificate root, x509::imitate(*genuine.root, root_key.public_key(), {.key = root_key}));
  BASE_TRY(Certificate ca,
           x509::imitate(*genuine.issuing, ca_key.public_key(), {.certificate = &root, .key = root_key}));
  std::vector<Certificate> above{std::move(root)};
  return leaf_under(genuine, std::move(ca), ca_key, std::move(above));
}

base::Result<tls::Credential> with_genuine_issuers(const Genuine& genuine, Certificate leaf, PrivateKey key) {
  std::vector<Certificate> chain{std::move(leaf)};
  chain.insert(chain.end(), genuine.credential.chain.begin() + 1, genuine.credential.chain.end());
  return tls::Credential{std::move(chain), std::move(key)};
}

base::Result<tls::Credential> tampered(const Genuine& genuine) {
  BASE_TRY(Certificate leaf, x509::tamper_with(genuine.leaf()));
  BASE_TRY(PrivateKey key, again(genuine.credential.key));
  return with_genuine_issuers(genuine, std::move(leaf), std::move(key));
}

base::Result<tls::Credential> without_key(const Genuine& genuine) {
  BASE_TRY(PrivateKey key, crypto::make_false_key(genuine.leaf().public_key()));
  return with_genuine_issuers(genuine, genuine.leaf(), std::move(key));
}

struct Recipe {
  std::string_view check;
  base::Result<tls::Credential> (*make)(const Genuine&);
};

constexpr Recipe kRecipes[] = {
    {"refuse.self_signed", self_signed},
    {"refuse.other_ca", other_ca},
    {"refuse.look_alike_issuer", look_alike_issuer},
    {"refuse.look_alike_root", look_alike_root},
    {"refuse.tampered", tampered},
    {"refuse.without_key", without_key},
};

}  // namespace

std::vector<ThrowAway> make_throw_aways(const tls::Credential& genuine,
                                        const std::vector<x509::Certificate>& trust_chain) {
  std::vector<Certificate> known(genuine.chain.begin() + 1, genuine.chain.end());
  known.insert(known.end(), trust_chain.begin(), trust_chain.end());
  Genuine model{.credential = genuine};
  model.issuing = find_issuer(model.leaf(), known);
  if (model.issuing != nullptr) model.root = find_issuer(*model.issuing, known);
  std::vector<ThrowAway> made;
  for (const Recipe& recipe : kRecipes)
    made.push_back({recipe.check, recipe.make(model)});
  return made;
}

}  // namespace countersign::check
