#include "x509/imitation.h"

#include <gtest/gtest.h>

#include "crypto/false_key.h"
#include "testing/pki.h"
#include "x509/path.h"

namespace countersign::x509 {
namespace {

using crypto::PrivateKey;
using testing::Issued;
using testing::Pki;

PrivateKey new_key(PrivateKey::Kind kind = PrivateKey::Kind::p256) { return PrivateKey::generate(kind).value(); }

std::optional<PathProblem> problem_of(const Certificate& leaf, const std::vector<Certificate>& sent, const Pki& pki) {
  const AnchorSet anchors = AnchorSet::make({pki.provider_root().certificate}, {}).value();
  auto path = build_path({.leaf = leaf, .presented = sent, .at = pki.now()}, anchors);
  if (path) return std::nullopt;
  return path.error().problem;
}

class ImitationTest : public ::testing::Test {
 protected:
  Pki pki;
  Issued genuine = pki.ehi().issue();
  Certificate issuing = genuine.chain.at(1);
  PrivateKey own = new_key();
};

TEST_F(ImitationTest, TheGenuineOneIsBelieved) {
  EXPECT_EQ(problem_of(genuine.certificate, {issuing}, pki), std::nullopt);
}

TEST_F(ImitationTest, OfALookAlikeCaHasEveryNameAndIsRefused) {
  const PrivateKey false_ca_key = new_key();
  const Certificate false_ca =
      imitate(issuing, false_ca_key.public_key(), {.certificate = &pki.provider_root().certificate, .key = new_key()})
          .value();
  const Certificate leaf =
      imitate(genuine.certificate, own.public_key(), {.certificate = &false_ca, .key = false_ca_key}).value();
  EXPECT_EQ(leaf.subject().der, genuine.certificate.subject().der);
  EXPECT_EQ(leaf.issuer().der, genuine.certificate.issuer().der);
  EXPECT_EQ(leaf.authority_key_id(), genuine.certificate.authority_key_id());
  EXPECT_EQ(leaf.subject_alt_names().uris, genuine.certificate.subject_alt_names().uris);
  EXPECT_EQ(leaf.public_key().spki_sha256(), own.public_key().spki_sha256());
  EXPECT_TRUE(leaf.is_signed_by(false_ca_key.public_key()));
  EXPECT_EQ(problem_of(leaf, {false_ca}, pki), PathProblem::bad_signature);
}

TEST_F(ImitationTest, SelfSignedIsRefused) {
  const Certificate leaf = imitate(genuine.certificate, own.public_key(), {.key = own}).value();
  EXPECT_TRUE(leaf.is_self_issued());
  EXPECT_TRUE(leaf.authority_key_id().empty());
  EXPECT_EQ(problem_of(leaf, {}, pki), PathProblem::self_signed);
}

TEST_F(ImitationTest, TamperedIsTheSameKeyUnderASignatureThatDoesNotHold) {
  const Certificate leaf = tamper_with(genuine.certificate).value();
  EXPECT_NE(leaf.serial(), genuine.certificate.serial());
  EXPECT_EQ(leaf.public_key().spki_sha256(), genuine.certificate.public_key().spki_sha256());
  EXPECT_FALSE(leaf.is_signed_by(issuing.public_key()));
  EXPECT_EQ(problem_of(leaf, {issuing}, pki), PathProblem::bad_signature);
}

TEST(FalseKey, NamesTheClaimedKeyAndProvesNothing) {
  for (const auto kind : {PrivateKey::Kind::p256, PrivateKey::Kind::p384, PrivateKey::Kind::rsa2048}) {
    const PrivateKey genuine = new_key(kind);
    const PrivateKey claims = crypto::make_false_key(genuine.public_key()).value();
    EXPECT_EQ(claims.public_key().spki_sha256(), genuine.public_key().spki_sha256());
    const base::Bytes message{1, 2, 3};
    EXPECT_TRUE(genuine.public_key().verify(message, genuine.sign(message).value()));
    const auto signature = claims.sign(message);
    EXPECT_FALSE(signature && genuine.public_key().verify(message, *signature));
    EXPECT_TRUE(signature.has_value()) << "it must sign, or nothing reaches the server";
  }
  EXPECT_FALSE(crypto::make_false_key(new_key(PrivateKey::Kind::ed25519).public_key()));
}

}  // namespace
}  // namespace countersign::x509
