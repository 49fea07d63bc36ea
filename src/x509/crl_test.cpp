#include "x509/crl.h"

#include <chrono>
#include <functional>

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/handle.h"
#include "testing/code_of.h"
#include "testing/pki.h"
#include "testing/seeded_random.h"
#include "testing/times.h"

namespace countersign::x509 {
namespace {

using testing::code_of;
using testing::kDay;
using NativeCrl = crypto::Handle<X509_CRL, X509_CRL_free>;

constexpr const char* kUrl = "http://pki.example/crl/production-transport-3.crl";

CrlSpec spec_of(std::vector<RevokedCertificate> revoked) {
  return {.number = 7,
          .this_update = testing::kPkiNow,
          .next_update = testing::kPkiNow + kDay,
          .urls = {kUrl},
          .scope = CrlScope::user_certificates,
          .revoked = std::move(revoked)};
}

class CrlTest : public ::testing::Test {
 protected:
  const testing::Ca& issuer() { return pki_.issuing_ca(base::Environment::production, trust::Purpose::transport); }
  base::Bytes make(const CrlSpec& spec) {
    const TbsCrl tbs = build_tbs(spec, issuer().certificate).value();
    return assemble(tbs, issuer().key.sign(tbs.der).value());
  }
  static NativeCrl native(const base::Bytes& der) {
    const std::uint8_t* at = der.data();
    return NativeCrl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  }
  /// A copy that libcrypto changed and signed again.
  base::Bytes forge(const base::Bytes& der, const std::function<void(X509_CRL*)>& change) {
    const NativeCrl copy = native(der);
    change(copy.get());
    EXPECT_GT(X509_CRL_sign(copy.get(), issuer().key.native(), EVP_sha256()), 0);
    std::uint8_t* raw = nullptr;
    const int length = i2d_X509_CRL(copy.get(), &raw);
    base::Bytes out(raw, raw + length);
    OPENSSL_free(raw);
    return out;
  }
  testing::Pki pki_;
  testing::SeededRandom random_{3};
};

RevokedCertificate entry(const char* serial, CrlReason reason = CrlReason::unspecified) {
  return {Serial::parse(serial).value(), testing::kPkiNow - kDay, reason};
}

TEST_F(CrlTest, SaysAllOfTheSpecAndIsReadBack) {
  const CrlSpec spec = spec_of({entry("80ff"), entry("01", CrlReason::key_compromise),
                                entry("ff00112233445566778899aabbccddeeff001122", CrlReason::privilege_withdrawn)});
  const auto crl = Crl::from_der(make(spec));
  ASSERT_TRUE(crl) << base::to_string(crl.error());
  EXPECT_TRUE(crl->is_signed_by(issuer().certificate.public_key()));
  EXPECT_FALSE(crl->is_signed_by(pki_.partner_root().certificate.public_key()));
  EXPECT_EQ(crl->issuer().der, issuer().certificate.subject().der);
  EXPECT_EQ(crl->authority_key_id(), issuer().certificate.subject_key_id());
  EXPECT_EQ(crl->number(), 7U);
  EXPECT_EQ(crl->this_update(), spec.this_update);
  EXPECT_EQ(crl->next_update(), spec.next_update);
  ASSERT_TRUE(crl->distribution_point());
  EXPECT_EQ(crl->distribution_point()->names.urls, spec.urls);
  EXPECT_EQ(crl->distribution_point()->scope, CrlScope::user_certificates);
  ASSERT_EQ(crl->revoked().size(), 3U);
  for (const RevokedCertificate& one : spec.revoked) {
    const RevokedCertificate* found = crl->find(one.serial);
    ASSERT_NE(found, nullptr) << one.serial.hex();
    EXPECT_EQ(found->reason, one.reason);
    EXPECT_EQ(found->revoked_at, one.revoked_at);
  }
  EXPECT_EQ(crl->find(Serial::parse("02").value()), nullptr);
}

/// Byte for byte what libcrypto would write: it reads the CRL and encodes it anew.
TEST_F(CrlTest, EncodesAsLibcryptoDoes) {
  for (const CrlScope scope : {CrlScope::all, CrlScope::user_certificates, CrlScope::ca_certificates}) {
    CrlSpec spec = spec_of({entry("01"), entry("8000", CrlReason::superseded)});
    spec.scope = scope;
    const base::Bytes der = make(spec);
    const NativeCrl crl = native(der);
    ASSERT_NE(crl, nullptr);
    X509_CRL_sort(crl.get());  // marks it as changed, so that nothing cached is used
    const base::Bytes again = forge(der, [](X509_CRL* copy) { X509_CRL_sort(copy); });
    EXPECT_EQ(again.size() / 8, der.size() / 8) << "but for the signature's length";
    for (const int nid : {NID_crl_number, NID_issuing_distribution_point, NID_authority_key_identifier}) {
      X509_EXTENSION* extension = X509_CRL_get_ext(crl.get(), X509_CRL_get_ext_by_NID(crl.get(), nid, -1));
      void* decoded = X509V3_EXT_d2i(extension);
      ASSERT_NE(decoded, nullptr) << nid;
      const crypto::Handle<X509_EXTENSION, X509_EXTENSION_free> encoded(
          X509V3_EXT_i2d(nid, X509_EXTENSION_get_critical(extension), decoded));
      EXPECT_EQ(ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(encoded.get()), X509_EXTENSION_get_data(extension)), 0)
          << nid;
      EXPECT_EQ(X509_EXTENSION_get_critical(extension), nid == NID_issuing_distribution_point ? 1 : 0);
      const X509V3_EXT_METHOD* method = X509V3_EXT_get_nid(nid);
      ASN1_item_free(static_cast<ASN1_VALUE*>(decoded), ASN1_ITEM_ptr(method->it));
    }
  }
}

TEST_F(CrlTest, EmptyShardHasNoListOfRevoked) {
  const base::Bytes der = make(spec_of({}));
  const auto crl = Crl::from_der(der);
  ASSERT_TRUE(crl) << base::to_string(crl.error());
  EXPECT_TRUE(crl->revoked().empty());
  EXPECT_EQ(X509_CRL_get_REVOKED(native(der).get()), nullptr);
}

TEST_F(CrlTest, NumbersUpTo63Bits) {
  CrlSpec spec = spec_of({});
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{128}, std::uint64_t{0x7fffffffffffffff}}) {
    spec.number = number;
    EXPECT_EQ(Crl::from_der(make(spec)).value().number(), number);
  }
  spec.number = std::uint64_t{0x8000000000000000};
  EXPECT_EQ(code_of(build_tbs(spec, issuer().certificate)), "crl.build");
}

TEST_F(CrlTest, SpecRefusalRows) {
  const struct {
    const char* name;
    std::function<void(CrlSpec&)> change;
    const char* code;
  } rows[] = {{"unchanged", [](CrlSpec&) {}, "ok"},
              {"times turned round", [](CrlSpec& s) { std::swap(s.this_update, s.next_update); }, "crl.build"},
              {"a space in the URL", [](CrlSpec& s) { s.urls = {"http://a b"}; }, "crl.build"},
              {"an empty URL", [](CrlSpec& s) { s.urls = {""}; }, "crl.build"},
              {"two URLs", [](CrlSpec& s) { s.urls.emplace_back("http://old.example/3.crl"); }, "ok"}};
  for (const auto& row : rows) {
    CrlSpec spec = spec_of({entry("01")});
    row.change(spec);
    EXPECT_EQ(code_of(build_tbs(spec, issuer().certificate)), row.code) << row.name;
  }
}

void set_reason(X509_CRL* crl, long reason) {
  X509_REVOKED* revoked = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), 0);
  const crypto::Handle<ASN1_ENUMERATED, ASN1_ENUMERATED_free> code(ASN1_ENUMERATED_new());
  ASN1_ENUMERATED_set(code.get(), reason);
  X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, code.get(), 0, X509V3_ADD_REPLACE);
}

TEST_F(CrlTest, ReadingRefusalRows) {
  const base::Bytes good = make(spec_of({entry("01", CrlReason::superseded)}));
  const struct {
    const char* name;
    std::function<void(X509_CRL*)> change;
    const char* code;
  } rows[] = {
      {"signed again", [](X509_CRL*) {}, "ok"},
      {"another reason", [](X509_CRL* c) { set_reason(c, 4); }, "ok"},
      {"reason removeFromCRL", [](X509_CRL* c) { set_reason(c, 8); }, "crl.malformed"},
      {"reason 7, which is none", [](X509_CRL* c) { set_reason(c, 7); }, "crl.malformed"},
      {"version 1", [](X509_CRL* c) { X509_CRL_set_version(c, 0); }, "crl.malformed"},
      {"no number",
       [](X509_CRL* c) { X509_EXTENSION_free(X509_CRL_delete_ext(c, X509_CRL_get_ext_by_NID(c, NID_crl_number, -1))); },
       "crl.malformed"},
      {"the same serial twice",
       [](X509_CRL* c) {
         X509_CRL_add0_revoked(c, X509_REVOKED_dup(sk_X509_REVOKED_value(X509_CRL_get_REVOKED(c), 0)));
       },
       "crl.malformed"},
      {"a delta CRL",
       [](X509_CRL* c) {
         const crypto::Handle<ASN1_INTEGER, ASN1_INTEGER_free> number(ASN1_INTEGER_new());
         ASN1_INTEGER_set(number.get(), 1);
         X509_CRL_add1_ext_i2d(c, NID_delta_crl, number.get(), 1, X509V3_ADD_DEFAULT);
       },
       "crl.malformed"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(Crl::from_der(forge(good, row.change))), row.code) << row.name;
  base::Bytes behind = good;
  behind.push_back(0);
  EXPECT_EQ(code_of(Crl::from_der(behind)), "crl.malformed");
  EXPECT_EQ(code_of(Crl::from_der(base::BytesView(good).first(good.size() - 1))), "crl.malformed");
}

/// What a verifier does with it: OpenSSL's own check, with the certificate's distribution point.
TEST_F(CrlTest, OpensslRefusesWhatItListsAndNothingElse) {
  auto spec_for = [&](const char* url) {
    CertificateSpec spec{.serial = Serial::generate(random_).value(),
                         .subject = {"payments", "acme", "production"},
                         .not_before = testing::kPkiNow - kDay,
                         .not_after = testing::kPkiNow + kDay,
                         .key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value().public_key(),
                         .key_usage = {KeyUsage::digital_signature},
                         .extended_key_usage = {},
                         .subject_alt_names = {},
                         .ca = std::nullopt};
    spec.crl_distribution_points = {{url}};
    return testing::issue(spec, issuer());
  };
  const Certificate listed = spec_for(kUrl);
  const Certificate other = spec_for(kUrl);
  const Certificate of_other_shard = spec_for("http://pki.example/crl/production-transport-4.crl");
  const auto verify = [&](const Certificate& leaf, const base::Bytes& crl_der) {
    const crypto::Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), issuer().certificate.native());
    X509_STORE_add_crl(store.get(), native(crl_der).get());
    X509_VERIFY_PARAM* param = X509_STORE_get0_param(store.get());
    X509_VERIFY_PARAM_set_flags(param,
                                X509_V_FLAG_CRL_CHECK | X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_EXTENDED_CRL_SUPPORT);
    X509_VERIFY_PARAM_set_time(param, testing::kPkiNow.unix_seconds());
    const crypto::Handle<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), store.get(), leaf.native(), nullptr);
    X509_verify_cert(context.get());
    return X509_STORE_CTX_get_error(context.get());
  };
  const base::Bytes crl = make(spec_of({{listed.serial(), testing::kPkiNow - kDay, CrlReason::key_compromise}}));
  EXPECT_EQ(verify(listed, crl), X509_V_ERR_CERT_REVOKED);
  EXPECT_EQ(verify(other, crl), X509_V_OK);
  EXPECT_EQ(verify(of_other_shard, crl), X509_V_ERR_DIFFERENT_CRL_SCOPE);
}

TEST(CrlReasons, HaveTheirNames) {
  EXPECT_EQ(parse_crl_reason("key_compromise"), CrlReason::key_compromise);
  EXPECT_EQ(parse_crl_reason("privilege_withdrawn"), CrlReason::privilege_withdrawn);
  EXPECT_EQ(parse_crl_reason("remove_from_crl"), std::nullopt);
}

}  // namespace
}  // namespace countersign::x509
