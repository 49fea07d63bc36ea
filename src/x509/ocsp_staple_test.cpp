#include "x509/ocsp_staple.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"
#include "testing/pki.h"
#include "testing/staple.h"
#include "x509/der.h"

namespace countersign::x509 {
namespace {

using testing::code_of;
using testing::Issued;
using testing::Pki;

class StapleTest : public ::testing::Test {
 protected:
  /// Of `subject`, said and signed by the public CA's intermediate, or by `signer`.
  base::Bytes response(const Certificate& subject, OcspStatus::Kind kind, const crypto::PrivateKey& signer) const {
    return testing::make_staple({.subject = subject,
                                 .issuer = issuer,
                                 .signer = signer,
                                 .kind = kind,
                                 .this_update = pki.now(),
                                 .next_update = pki.now() + std::chrono::hours(1)});
  }

  Pki pki;
  Issued server = pki.server().issue();
  Certificate issuer = pki.web_intermediate().certificate;
};

TEST_F(StapleTest, SaysWhatItsIssuerSigned) {
  const crypto::PrivateKey& signer = pki.web_intermediate().key;
  for (const auto kind : {OcspStatus::Kind::good, OcspStatus::Kind::revoked, OcspStatus::Kind::unknown}) {
    const base::Bytes der = response(server.certificate, kind, signer);
    const auto staple = verify_staple({.der = der, .leaf = server.certificate, .issuer = issuer});
    ASSERT_TRUE(staple) << staple.error().detail;
    EXPECT_EQ(staple->status, kind);
    EXPECT_EQ(staple->this_update, pki.now());
    EXPECT_EQ(staple->next_update, pki.now() + std::chrono::hours(1));
  }
}

TEST_F(StapleTest, IsRefused) {
  const crypto::PrivateKey& signer = pki.web_intermediate().key;
  const Issued other = pki.server("elsewhere.example").issue();
  const crypto::PrivateKey stranger = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const auto code = [&](const base::Bytes& der) {
    return code_of(verify_staple({.der = der, .leaf = server.certificate, .issuer = issuer}));
  };
  EXPECT_EQ(code(response(other.certificate, OcspStatus::Kind::good, signer)), "staple.other_certificate");
  EXPECT_EQ(code(response(server.certificate, OcspStatus::Kind::good, stranger)), "staple.bad_signature");
  EXPECT_EQ(code(ocsp_refusal(OcspRefusal::try_later)), "staple.unsuccessful");
  EXPECT_EQ(code({}), "staple.malformed");
  EXPECT_EQ(code({0x30, 0x03, 0x01}), "staple.malformed");
  base::Bytes longer = response(server.certificate, OcspStatus::Kind::good, signer);
  longer.push_back(0);
  EXPECT_EQ(code(longer), "staple.malformed");
}

/// What is around the signed bytes of a response.
struct Around {
  std::vector<Certificate> certificates;
  base::Bytes parameters = {};  ///< of the signature's algorithm
  base::Bytes behind = {};      ///< in the OCTET STRING
};

der::Element inside(base::BytesView content, std::uint8_t tag) { return der::Reader(content).next(tag).value(); }

/// The response with something else around the same signed bytes.
base::Bytes with(const base::Bytes& response, const Around& around) {
  der::Reader whole(inside(response, der::kSequence).content);
  const auto status = whole.next(der::kEnumerated).value();
  der::Reader typed(inside(whole.next(der::constructed(0)).value().content, der::kSequence).content);
  const auto type = typed.next(der::kObjectId).value();
  der::Reader basic(inside(typed.next(der::kOctetString).value().content, der::kSequence).content);
  const auto data = basic.next(der::kSequence).value();
  const auto algorithm = basic.next(der::kSequence).value();
  const auto signature = basic.next(der::kBitString).value();

  base::Bytes certificates;
  for (const Certificate& one : around.certificates)
    der::append(certificates, der::kSequence, {inside(one.der(), der::kSequence).content});
  const base::Bytes list = der::element(der::constructed(0), {der::element(der::kSequence, {certificates})});
  const base::Bytes name =
      der::element(der::kSequence, {inside(algorithm.content, der::kObjectId).whole, around.parameters});
  const base::Bytes anew = der::element(
      der::kSequence, {data.whole, name, signature.whole, around.certificates.empty() ? base::Bytes() : list});
  const base::Bytes octets = der::element(der::kOctetString, {anew, around.behind});
  const base::Bytes bytes = der::element(der::constructed(0), {der::element(der::kSequence, {type.whole, octets})});
  return der::element(der::kSequence, {status.whole, bytes});
}

/// The length of the whole in one octet more than it needs.
base::Bytes with_a_longer_length(base::Bytes response) {
  EXPECT_EQ(response[1], 0x82);
  response[1] = 0x83;
  response.insert(response.begin() + 2, 0);
  return response;
}

TEST_F(StapleTest, OfOurOwnHasNothingAroundWhatIsSigned) {
  const crypto::PrivateKey& signer = pki.web_intermediate().key;
  const base::Bytes good = response(server.certificate, OcspStatus::Kind::good, signer);
  const base::Bytes id = testing::cert_id_of(server.certificate, issuer);
  const base::Bytes large_data = build_response_data({.responder_key = OcspNames::of(issuer).key_sha1,
                                                      .produced_at = pki.now(),
                                                      .this_update = pki.now(),
                                                      .next_update = pki.now() + std::chrono::hours(1),
                                                      .answers = {80, {id, {.kind = OcspStatus::Kind::good}}},
                                                      .nonce = std::nullopt});
  const base::Bytes large = assemble_ocsp_response(large_data, signer.sign(large_data).value(), issuer);
  ASSERT_GT(large.size(), kOwnStapleLimit);
  const std::vector<Certificate> many(40, server.certificate);
  struct Row {
    const char* name;
    base::Bytes der;
    const char* code;
  };
  for (const Row& row :
       {Row{"as it was made", good, "ok"}, Row{"put together again", with(good, {{issuer}}), "ok"},
        Row{"without certificates", with(good, {{}}), "ok"},
        Row{"with NULL for parameters", with(good, {{issuer}, {0x05, 0x00}}), "ok"},
        Row{"with other parameters", with(good, {{issuer}, {0x04, 0x02, 0x01, 0x02}}), "staple.malformed"},
        Row{"with the issuer twice", with(good, {{issuer, issuer}}), "ok"},
        Row{"with the issuer three times", with(good, {{issuer, issuer, issuer}}), "staple.malformed"},
        Row{"with another certificate", with(good, {{issuer, server.certificate}}), "staple.malformed"},
        Row{"with 40 others", with(good, {many}), "staple.malformed"},
        Row{"with something behind it within", with(good, {{issuer}, {}, {0x05, 0x00}}), "staple.malformed"},
        Row{"with a length that is too long", with_a_longer_length(good), "staple.malformed"},
        Row{"too large", large, "staple.malformed"}}) {
    const StapleQuery query{.der = row.der, .leaf = server.certificate, .issuer = issuer, .at = pki.now()};
    EXPECT_EQ(code_of(verify_own_staple(query)), row.code) << row.name;
    EXPECT_EQ(code_of(verify_staple(query)), "ok") << "of somebody else, " << row.name;
  }
  const base::Bytes revoked = with(response(server.certificate, OcspStatus::Kind::revoked, signer), {many});
  const auto heard = verify_own_staple({.der = revoked, .leaf = server.certificate, .issuer = issuer});
  ASSERT_TRUE(heard) << "it is heard, and goes nowhere";
  EXPECT_EQ(heard->status, OcspStatus::Kind::revoked);
}

}  // namespace
}  // namespace countersign::x509
