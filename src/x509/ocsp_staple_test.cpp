#include "x509/ocsp_staple.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"
#include "testing/pki.h"
#include "testing/staple.h"

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

}  // namespace
}  // namespace countersign::x509
