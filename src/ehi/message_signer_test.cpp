#include "ehi/message_signer.h"

#include <gtest/gtest.h>

#include "signatures/content_signature.h"
#include "signatures/http_signature.h"
#include "testing/pki.h"

namespace countersign::ehi {
namespace {

using base::Environment;
using testing::Issued;
using testing::Pki;

constexpr const char* kUrl = "https://partner.example/decide?of=provider";

class MessageSignerTest : public ::testing::Test {
 protected:
  MessageSignerTest() {
    Issued own = pki.client("provider", "ehi").purpose(trust::Purpose::signing).issue();
    certificate = own.certificate;
    credential = std::make_shared<const tls::Credential>(tls::Credential{std::move(own.chain), std::move(own.key)});
  }
  base::Result<http::Request> sign(std::optional<SignRule> rule, Environment environment = Environment::production) {
    Endpoint endpoint{*base::Slug::parse("acme"), environment, *http::Url::parse(kUrl), std::chrono::seconds(1),
                      std::make_shared<const trust::TrustSet>(pki.web_trust())};
    endpoint.sign = rule;
    http::Request request;
    request.head.method = "POST";
    request.head.target = endpoint.url.target;
    request.head.fields.add("Content-Type", "application/json");
    request.head.fields.add("Idempotency-Key", "k1");
    request.head.fields.add("Signature", "sig9=:AAAA:");
    request.body = R"({"amount":"12.50"})";
    BASE_TRY_VOID(signer.sign(endpoint, endpoint.url, request));
    return request;
  }
  signatures::VerificationKey key() const { return *signatures::VerificationKey::of(*certificate); }
  /// "" or the reason of the refusal.
  std::string check(const http::Request& request, std::string_view target, base::Instant at) {
    const signatures::RequestView view{request.head.method, "https", "partner.example", target, request.head.fields};
    const auto message = signatures::MessageView::of(view);
    const signatures::SignaturePolicy policy{
        .more = {signatures::Component::named("idempotency-key"), signatures::Component::named("content-type")},
        .tag = std::string(kSignatureTag)};
    const signatures::FindKey find =
        [&](std::string_view keyid) -> base::Result<signatures::VerificationKey, signatures::Refusal> {
      if (key().is_named(keyid)) return key();
      return base::unexpected(signatures::Refusal{signatures::Reason::unknown_key, "another key"});
    };
    auto head = signatures::check_head({message, signatures::Content::some, policy, {.now = at}, find});
    if (!head) return std::string(explanation(head.error().reason).code);
    head->add(base::as_bytes(request.body));
    auto whole = std::move(*head).finish();
    return whole ? "" : std::string(explanation(whole.error().reason).code);
  }

  Pki pki;
  std::optional<x509::Certificate> certificate;
  std::shared_ptr<const tls::Credential> credential;
  MessageSigner signer{pki.clock()};
};

TEST_F(MessageSignerTest, AnHttpSignatureCoversWhatMatters) {
  ASSERT_TRUE(signer.use_credential(Environment::production, credential));
  auto request = sign(SignRule::rfc9421);
  ASSERT_TRUE(request) << base::to_string(request.error());
  EXPECT_EQ(request->head.fields.count("Signature"), 1U) << "what a caller brought along is gone";
  const std::string target = request->head.target;
  EXPECT_EQ(check(*request, target, pki.now()), "");
  EXPECT_NE(check(*request, "/other", pki.now()), "");
  EXPECT_NE(check(*request, target, pki.now() + kSignatureLife + std::chrono::minutes(10)), "");
  http::Request changed = *request;
  changed.body += " ";
  EXPECT_NE(check(changed, target, pki.now()), "");
  changed = *request;
  changed.head.fields.set("Idempotency-Key", "k2");
  EXPECT_NE(check(changed, target, pki.now()), "");
}

TEST_F(MessageSignerTest, ADetachedJwsCoversTheContent) {
  ASSERT_TRUE(signer.use_credential(Environment::production, credential));
  const auto request = sign(SignRule::detached_jws);
  ASSERT_TRUE(request);
  const auto jws = signatures::DetachedJws::parse(*request->head.fields.find(signatures::kJwsField));
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->keyid(), key().thumbprint());
  EXPECT_TRUE(jws->verify(key(), request->body, {.now = pki.now()}));
  EXPECT_FALSE(jws->verify(key(), request->body + " ", {.now = pki.now()}));
}

TEST_F(MessageSignerTest, TheLegacyFieldCoversTheContent) {
  ASSERT_TRUE(signer.use_credential(Environment::production, credential));
  const auto request = sign(SignRule::legacy);
  ASSERT_TRUE(request);
  const auto header = signatures::HeaderSignature::parse(*request->head.fields.find(signatures::kHeaderField));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->keyid(), key().thumbprint());
  EXPECT_TRUE(header->verify(key(), request->body));
  EXPECT_FALSE(header->verify(key(), request->body + " "));
}

TEST_F(MessageSignerTest, WithoutARuleNothingIsSignedAndNoCertificateNeeded) {
  const auto request = sign(std::nullopt);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->head.fields.count("Signature-Input"), 0U);
}

TEST_F(MessageSignerTest, WithoutACertificateThatIsValidNothingIsSent) {
  EXPECT_EQ(sign(SignRule::rfc9421).error().code, "ehi.no_signature");
  ASSERT_TRUE(signer.use_credential(Environment::production, credential));
  EXPECT_TRUE(sign(SignRule::rfc9421));
  EXPECT_EQ(sign(SignRule::rfc9421, Environment::uat).error().code, "ehi.no_signature");
  pki.clock().advance(std::chrono::hours(24 * 365 * 10));
  EXPECT_EQ(sign(SignRule::rfc9421).error().code, "ehi.no_signature");
}

TEST_F(MessageSignerTest, ATransportCertificateSignsNothing) {
  Issued transport = pki.ehi().issue();
  auto wrong =
      std::make_shared<const tls::Credential>(tls::Credential{std::move(transport.chain), std::move(transport.key)});
  EXPECT_FALSE(signer.use_credential(Environment::production, wrong));
}

}  // namespace
}  // namespace countersign::ehi
