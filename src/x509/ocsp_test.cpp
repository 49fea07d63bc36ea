// OCSP requests and responses, held against libcrypto's own.
#include <functional>

#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "crypto/handle.h"
#include "testing/code_of.h"
#include "testing/pki.h"
#include "testing/seeded_random.h"
#include "testing/times.h"
#include "x509/ocsp_response.h"

namespace countersign::x509 {
namespace {

using base::Bytes;
using testing::code_of;
using testing::kDay;
using NativeRequest = crypto::Handle<OCSP_REQUEST, OCSP_REQUEST_free>;
using NativeResponse = crypto::Handle<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using NativeBasic = crypto::Handle<OCSP_BASICRESP, OCSP_BASICRESP_free>;

template <class T>
Bytes encode(T* object, int (*i2d)(const T*, unsigned char**)) {
  std::uint8_t* raw = nullptr;
  const int length = i2d(object, &raw);
  Bytes out(raw, raw + length);
  OPENSSL_free(raw);
  return out;
}

void free_certificates(STACK_OF(X509) * stack) { sk_X509_free(stack); }

class Ocsp : public ::testing::Test {
 protected:
  const testing::Ca& issuer() { return pki_.issuing_ca(base::Environment::production, trust::Purpose::transport); }
  Certificate leaf() { return pki_.client().issue().certificate; }

  /// A request of libcrypto for these certificates.
  NativeRequest request(const std::vector<Certificate>& certificates, const EVP_MD* digest = EVP_sha1()) {
    NativeRequest made(OCSP_REQUEST_new());
    for (const Certificate& certificate : certificates)
      OCSP_request_add0_id(made.get(), OCSP_cert_to_id(digest, certificate.native(), issuer().certificate.native()));
    return made;
  }
  static Bytes der_of(const NativeRequest& request) { return encode(request.get(), i2d_OCSP_REQUEST); }

  struct Responder {
    crypto::PrivateKey key;
    Certificate certificate;
  };
  Responder responder() {
    auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    CertificateSpec spec{.serial = Serial::generate(random_).value(),
                         .subject = {"ocsp", "service", "internal"},
                         .not_before = testing::kPkiNow - kDay,
                         .not_after = testing::kPkiNow + kDay,
                         .key = key.public_key(),
                         .key_usage = {KeyUsage::digital_signature},
                         .extended_key_usage = {std::string(oid::kOcspSigning)},
                         .subject_alt_names = {},
                         .ca = std::nullopt};
    spec.ocsp_no_check = OcspNoCheck::yes;
    Certificate certificate = testing::issue(spec, issuer());
    return {std::move(key), std::move(certificate)};
  }
  testing::Pki pki_;
  testing::SeededRandom random_{5};
};

TEST_F(Ocsp, ReadsWhatLibcryptoWrites) {
  const Certificate one = leaf();
  const Certificate two = leaf();
  const OcspNames names = OcspNames::of(issuer().certificate);
  const OcspNames others = OcspNames::of(pki_.partner_root().certificate);
  for (const EVP_MD* digest : {EVP_sha1(), EVP_sha256()}) {
    const auto made = request({one, two}, digest);
    OCSP_request_add1_nonce(made.get(), nullptr, 32);
    const auto read = OcspRequest::parse(der_of(made));
    ASSERT_TRUE(read) << base::to_string(read.error());
    ASSERT_EQ(read->cert_ids().size(), 2U);
    EXPECT_EQ(base::to_bytes(read->cert_ids()[0].serial), one.serial().magnitude());
    EXPECT_EQ(base::to_bytes(read->cert_ids()[1].serial), two.serial().magnitude());
    EXPECT_TRUE(names.are_in(read->cert_ids()[0]));
    EXPECT_FALSE(others.are_in(read->cert_ids()[0]));
    ASSERT_TRUE(read->nonce());
    EXPECT_EQ(read->nonce()->size(), 34U);
  }
  const auto sha512 = OcspRequest::parse(der_of(request({one}, EVP_sha512())));
  ASSERT_TRUE(sha512);
  EXPECT_FALSE(names.are_in(sha512->cert_ids()[0])) << "no issuer of ours has such a name";
  EXPECT_FALSE(sha512->nonce());
}

/// A request for one certificate with this extension, whose value is given whole.
Bytes with_extension(const NativeRequest& request, int nid, int critical, const Bytes& value) {
  const crypto::Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> octets(ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(octets.get(), value.data(), static_cast<int>(value.size()));
  const crypto::Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509_EXTENSION_create_by_NID(nullptr, nid, critical, octets.get()));
  OCSP_REQUEST_add_ext(request.get(), extension.get(), -1);
  return encode(request.get(), i2d_OCSP_REQUEST);
}

TEST_F(Ocsp, NonceRows) {
  const struct {
    const char* name;
    std::size_t length;
    const char* code;
  } rows[] = {{"empty", 0, "ocsp.malformed"},
              {"one octet", 1, "ok"},
              {"RFC 8954's most", 32, "ok"},
              {"RFC 9654's most", 128, "ok"},
              {"one more", 129, "ocsp.malformed"}};
  for (const auto& row : rows) {
    const crypto::Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> octets(ASN1_OCTET_STRING_new());
    const Bytes nonce(row.length, 0x41);
    ASN1_OCTET_STRING_set(octets.get(), nonce.data(), static_cast<int>(nonce.size()));
    const Bytes value = encode(octets.get(), i2d_ASN1_OCTET_STRING);
    EXPECT_EQ(code_of(OcspRequest::parse(with_extension(request({leaf()}), NID_id_pkix_OCSP_Nonce, 0, value))),
              row.code)
        << row.name;
  }
  EXPECT_EQ(code_of(OcspRequest::parse(with_extension(request({leaf()}), NID_id_pkix_OCSP_Nonce, 0, Bytes(16, 1)))),
            "ocsp.malformed")
      << "not wrapped into an OCTET STRING";
  const auto twice = request({leaf()});
  const Bytes value = base::from_hex("040101").value();
  (void)with_extension(twice, NID_id_pkix_OCSP_Nonce, 0, value);
  EXPECT_EQ(code_of(OcspRequest::parse(with_extension(twice, NID_id_pkix_OCSP_Nonce, 0, value))), "ocsp.malformed");
}

TEST_F(Ocsp, OtherExtensionsAreIgnoredUnlessCritical) {
  const Bytes value = base::from_hex("0500").value();
  EXPECT_EQ(
      code_of(OcspRequest::parse(with_extension(request({leaf()}), NID_id_pkix_OCSP_acceptableResponses, 0, value))),
      "ok");
  EXPECT_EQ(
      code_of(OcspRequest::parse(with_extension(request({leaf()}), NID_id_pkix_OCSP_acceptableResponses, 1, value))),
      "ocsp.malformed");
}

TEST_F(Ocsp, RequestRows) {
  const Certificate one = leaf();
  const std::vector<Certificate> sixteen(16, one);
  const std::vector<Certificate> seventeen(17, one);
  EXPECT_EQ(code_of(OcspRequest::parse(der_of(request(sixteen)))), "ok");
  EXPECT_EQ(code_of(OcspRequest::parse(der_of(request(seventeen)))), "ocsp.malformed");
  EXPECT_EQ(code_of(OcspRequest::parse(base::from_hex("300430023000").value())), "ocsp.malformed") << "asks for none";
  const Bytes good = der_of(request({one}));
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_EQ(code_of(OcspRequest::parse(base::BytesView(good).first(length))), "ocsp.malformed") << length;
  Bytes behind = good;
  behind.push_back(0);
  EXPECT_EQ(code_of(OcspRequest::parse(behind)), "ocsp.malformed");
  EXPECT_EQ(code_of(OcspRequest::parse(Bytes(kOcspRequestLimit + 1, 0x30))), "ocsp.malformed");
}

TEST_F(Ocsp, SignedRequestsAreReadAsIfUnsigned) {
  const Certificate one = leaf();
  const auto made = request({one});
  OCSP_request_sign(made.get(), issuer().certificate.native(), issuer().key.native(), EVP_sha256(), nullptr, 0);
  const auto read = OcspRequest::parse(der_of(made));
  ASSERT_TRUE(read) << base::to_string(read.error());
  EXPECT_EQ(base::to_bytes(read->cert_ids()[0].serial), one.serial().magnitude());
}

TEST_F(Ocsp, SerialsThatNoCertificateHas) {
  const struct {
    const char* name;
    const char* integer;  ///< the content octets
    std::size_t size;     ///< of what is read
    const char* code;
  } rows[] = {{"twenty octets", "7f112233445566778899aabbccddeeff00112233", 20, "ok"},
              {"twenty octets behind a zero", "00ff112233445566778899aabbccddeeff00112233", 20, "ok"},
              {"twenty-one octets", "7f112233445566778899aabbccddeeff0011223344", 0, "ok"},
              {"negative", "ff00", 0, "ok"},
              {"needless zero", "0001", 0, "ocsp.malformed"}};
  const Bytes head = base::from_hex(
                         "300906052b0e03021a0500"
                         "0401aa0401bb")
                         .value();
  for (const auto& row : rows) {
    Bytes integer = base::from_hex(row.integer).value();
    integer.insert(integer.begin(), {0x02, static_cast<std::uint8_t>(integer.size())});
    Bytes whole = head;
    whole.insert(whole.end(), integer.begin(), integer.end());
    for (int depth = 0; depth < 5; ++depth)  // CertID, Request, requestList, TBSRequest, OCSPRequest
      whole.insert(whole.begin(), {0x30, static_cast<std::uint8_t>(whole.size())});
    const auto read = OcspRequest::parse(whole);
    EXPECT_EQ(code_of(read), row.code) << row.name;
    if (read) {
      EXPECT_EQ(read->cert_ids()[0].serial.size(), row.size) << row.name;
    }
  }
}

TEST_F(Ocsp, LibcryptoVerifiesAndUnderstandsTheResponse) {
  const Certificate good = leaf();
  const Certificate revoked = leaf();
  const Certificate unknown = leaf();
  const auto native = request({good, revoked, unknown}, EVP_sha256());
  OCSP_request_add1_nonce(native.get(), nullptr, 16);
  const auto asked = OcspRequest::parse(der_of(native)).value();
  const Responder own = responder();
  const base::Instant then = testing::kPkiNow - kDay;
  const OcspStatus statuses[] = {{OcspStatus::Kind::good},
                                 {OcspStatus::Kind::revoked, then, CrlReason::key_compromise},
                                 {OcspStatus::Kind::unknown}};
  OcspResponseSpec spec{.responder_key = OcspNames::of(own.certificate).key_sha1,
                        .produced_at = testing::kPkiNow,
                        .this_update = testing::kPkiNow,
                        .next_update = testing::kPkiNow + std::chrono::hours(1),
                        .answers = {},
                        .nonce = asked.nonce()};
  for (std::size_t i = 0; i < 3; ++i)
    spec.answers.push_back({asked.cert_ids()[i].der, statuses[i]});
  const Bytes data = build_response_data(spec);
  const Bytes whole = assemble_ocsp_response(data, own.key.sign(data).value(), own.certificate);

  const std::uint8_t* at = whole.data();
  const NativeResponse response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(whole.size())));
  ASSERT_NE(response, nullptr);
  EXPECT_EQ(at, whole.data() + whole.size());
  EXPECT_EQ(encode(response.get(), i2d_OCSP_RESPONSE), whole) << "not in DER";
  EXPECT_EQ(OCSP_response_status(response.get()), OCSP_RESPONSE_STATUS_SUCCESSFUL);
  const NativeBasic basic(OCSP_response_get1_basic(response.get()));
  EXPECT_EQ(OCSP_check_nonce(native.get(), basic.get()), 1);
  const crypto::Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), pki_.partner_root().certificate.native());
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), testing::kPkiNow.unix_seconds());
  const crypto::Handle<STACK_OF(X509), free_certificates> helpers(sk_X509_new_null());
  sk_X509_push(helpers.get(), issuer().certificate.native());
  EXPECT_EQ(OCSP_basic_verify(basic.get(), helpers.get(), store.get(), 0), 1);

  const int expected[] = {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_UNKNOWN};
  for (int i = 0; i < 3; ++i) {
    int reason = -2;
    ASN1_GENERALIZEDTIME* revoked_at = nullptr;
    EXPECT_EQ(OCSP_single_get0_status(OCSP_resp_get0(basic.get(), i), &reason, &revoked_at, nullptr, nullptr),
              expected[i]);
    EXPECT_EQ(reason, i == 1 ? 1 : -2);
  }
}

TEST_F(Ocsp, RefusalsAreFiveOctets) {
  EXPECT_EQ(base::to_hex(ocsp_refusal(OcspRefusal::malformed_request)), "30030a0101");
  EXPECT_EQ(base::to_hex(ocsp_refusal(OcspRefusal::unauthorized)), "30030a0106");
}

}  // namespace
}  // namespace countersign::x509
