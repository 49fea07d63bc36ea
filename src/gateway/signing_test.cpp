// Signed messages through one worker of the gateway, on loopback: what of a request must hold before any of it reaches
// the upstream, by whose key, and what a signed response says.
#include <algorithm>

#include "gateway/doors_test.h"
#include "gateway/upstreams_test.h"
#include "http/client.h"
#include "signatures/content_signature.h"
#include "testing/soon.h"

namespace countersign::gateway {
namespace {

using signatures::DigestAlgorithm;
using testing::Issued;
using testing::soon;

constexpr std::string_view kContent = "{\"amount\": 12}";

bool says(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// How a message is signed.
struct How {
  std::string keyid = {};  ///< empty: the thumbprint
  std::string nonce = {};
  base::Duration age = {};
  std::vector<std::string> components = {};
};

class Signing : public DoorsTest {
 protected:
  void SetUp() override {
    transport_.emplace(pki_.client("acme", "payments").issue());
    signer_.emplace(signing("acme", "payments"));
    sibling_.emplace(signing("acme", "refunds"));
    stranger_.emplace(signing("rival", "payments"));
    Route plain{.host = "*", .path = "/", .upstream = telling_.at()};
    Route strict = plain;
    strict.path = "/strict";
    strict.signatures = RouteSignatures{.content_limit = 4096, .header = "x-signature"};
    Route loose = strict;
    loose.path = "/loose";
    loose.signatures->danger_content_only = {signatures::Kind::jws, signatures::Kind::header};
    loose.signatures->signer = RouteSignatures::Signer::organisation;
    loose.signatures->strips = true;
    Route once = strict;
    once.path = "/once";
    once.signatures->policy.nonce = signatures::NonceRule::required;
    Route both = strict;
    both.path = "/both";
    both.signatures->responses = true;
    start({{.listen = {"127.0.0.1", 0}}}, {plain, strict, loose, once, both});
    const tls::Credential credential{transport_->chain, std::move(transport_->key)};
    client_context_ = *tls::ClientContext::make(&credential);
  }

  /// A Signing Certificate that the feed tells.
  Issued signing(const std::string& organisation, const std::string& application) {
    Issued issued = pki_.client(organisation, application).purpose(trust::Purpose::signing).issue();
    more_facts_.emplace_back(feed::SigningCertificate{*issued.identity, issued.certificate.der()});
    return issued;
  }

  http::Request request(std::string target, std::string_view content = kContent) const {
    http::Request request;
    request.head.method = content.empty() ? "GET" : "POST";
    request.head.target = std::move(target);
    request.body = content;
    if (!content.empty())
      request.head.fields.add("Content-Digest", signatures::content_digest(DigestAlgorithm::sha256, content));
    return request;
  }

  void sign(http::Request& request, const Issued& by, const How& how = {}) const {
    const std::string authority = "localhost";
    const signatures::RequestView view{.method = request.head.method,
                                       .scheme = "https",
                                       .authority = authority,
                                       .target = request.head.target,
                                       .fields = request.head.fields};
    const auto message = signatures::MessageView::of(view);
    const auto content = request.body.empty() ? signatures::Content::none : signatures::Content::some;
    std::vector<signatures::Component> components = components_to_cover(message, content, {});
    if (!how.components.empty()) components.clear();
    for (const std::string& name : how.components)
      components.push_back(signatures::Component::named(name));
    const auto made = signatures::sign(message, {.key = by.key,
                                                 .keyid = how.keyid.empty() ? thumbprint(by) : how.keyid,
                                                 .scheme = *signatures::http_scheme(by.key.public_key().type()),
                                                 .components = std::move(components),
                                                 .created = pki_now() - how.age,
                                                 .nonce = how.nonce});
    ASSERT_TRUE(made) << made.error().detail;
    request.head.fields.set("Signature-Input", made->signature_input);
    request.head.fields.set("Signature", made->signature);
  }
  base::Instant pki_now() const { return pki_.now(); }
  static std::string thumbprint(const Issued& issued) {
    return jose::Jwk::from(issued.key.public_key()).value().thumbprint();
  }

  net::Task<void> send_to(net::Loop& loop, http::Request request, base::Result<http::Response>& out) {
    net::Endpoint to = worker_->local();
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = "localhost"};
      return trust::verify_chain(presented, policy, pki_.trust_set(), pki_.now());
    };
    auto connection =
        co_await tls::Handshake::connect(std::move(*socket), client_context_, "localhost", std::move(judge), soon());
    http::ClientOptions options;
    options.host = "localhost";
    http::Client client(*connection->stream, std::move(options));
    out = co_await client.send(std::move(request), soon());
  }
  http::Response send(http::Request request) {
    net::Loop loop;
    base::Result<http::Response> out = base::fail(base::Kind::internal, "test", "never ran");
    net::spawn(loop, send_to(loop, std::move(request), out), "client", log_.log());
    loop.run();
    EXPECT_TRUE(out) << base::to_string(out.error());
    return out ? *out : http::Response{};
  }
  std::size_t records(std::string_view part) const {
    const auto lines = log_.lines();
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const std::string& line) { return says(line, part); }));
  }
  void revoke(const Issued& issued) {
    trust::CertificateFact fact = issued.fact();
    fact.revoked_for = "key_compromise";
    ASSERT_TRUE(knowledge_.apply({++sequence_, fact}));
  }
  /// Signed well, changed by `change`, refused as `code`; the twin without the change goes through.
  void expect_refused(const std::string& name, const std::string& target,
                      const std::function<void(http::Request&)>& change, int status, const std::string& code) {
    SCOPED_TRACE(name);
    http::Request good = request(target);
    sign(good, *signer_);
    http::Request bad = good;
    EXPECT_EQ(send(std::move(good)).status, 200);
    const int before = telling_.requests();
    const std::size_t said = records("\"signature.refused\"");
    change(bad);
    const http::Response refused = send(std::move(bad));
    EXPECT_EQ(refused.status, status) << refused.body;
    EXPECT_TRUE(says(refused.body, "\"code\":\"" + code + "\"")) << refused.body;
    EXPECT_EQ(telling_.requests(), before) << "nothing of it reaches the upstream";
    EXPECT_EQ(records("\"signature.refused\""), said + 1);
  }

  TellingUpstream telling_{log_.log()};
  std::optional<Issued> transport_, signer_, sibling_, stranger_;
  std::shared_ptr<const tls::ClientContext> client_context_;
  std::uint64_t sequence_ = 1;
};

TEST_F(Signing, TheUpstreamIsToldWhoSignedAndWhat) {
  http::Request signed_request = request("/strict/x?a=1");
  signed_request.head.fields.add("X-Countersign-Signer", "forged");
  signed_request.head.fields.add("x_countersign_signer_key", "forged");
  sign(signed_request, *signer_);
  const http::Response response = send(std::move(signed_request));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(says(response.body, "X-Countersign-Signer: urn:countersign:production:acme:payments\n"));
  EXPECT_TRUE(says(response.body, "X-Countersign-Signer-Key: " + thumbprint(*signer_) + "\n"));
  EXPECT_TRUE(says(response.body, "X-Countersign-Signature-Kind: rfc9421\n"));
  EXPECT_TRUE(says(response.body, "X-Countersign-Signature-Covers: \"@method\" \"@target-uri\" \"content-digest\"\n"))
      << response.body;
  EXPECT_TRUE(says(response.body, "X-Countersign-Signed-At: 2026-06-15T12:00:00Z\n"));
  EXPECT_TRUE(says(response.body, "Signature-Input: sig1="));
  EXPECT_TRUE(says(response.body, "body 14\n"));
  EXPECT_FALSE(says(response.body, "forged")) << response.body;
  EXPECT_TRUE(says(signing_.metrics(), "countersign_gateway_signatures_requests_total{code=\"ok\"} 1\n"));
}

TEST_F(Signing, WithoutContentToo) {
  http::Request get = request("/strict", "");
  sign(get, *signer_);
  EXPECT_EQ(send(std::move(get)).status, 200);
}

TEST_F(Signing, ContentThatIsRefusedCountsForThePolicy) {
  const char* policy = "[[partners]]\nwho = \"production/acme/payments\"\nbytes_in_per_day = 30\n";
  gate_.replace(policy::Policy::parse(policy, "policy.toml").value());
  const auto changed = [&] {
    http::Request request = this->request("/strict");
    sign(request, *signer_);
    request.body.back() = ']';
    return request;
  };
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(send(changed()).status, 400) << i;
  http::Request good = request("/strict");
  sign(good, *signer_);
  EXPECT_EQ(send(std::move(good)).status, 429) << "3 times 14 bytes";
}

TEST_F(Signing, TheCertificateMayNameTheKey) {
  http::Request by_certificate = request("/strict");
  sign(by_certificate, *signer_, {.keyid = base::to_base64url(signer_->certificate.fingerprint())});
  EXPECT_EQ(send(std::move(by_certificate)).status, 200);
}

TEST_F(Signing, WhatDoesNotHoldReachesNoUpstream) {
  const auto signed_by = [this](const Issued& by, How how = {}) {
    return [this, &by, how](http::Request& request) { sign(request, by, how); };
  };
  expect_refused(
      "no signature", "/strict",
      [](http::Request& r) { r.head.fields.remove("Signature"), r.head.fields.remove("Signature-Input"); }, 403,
      "signature.missing");
  expect_refused(
      "path", "/strict", [](http::Request& r) { r.head.target = "/strict/other"; }, 403, "signature.bad_signature");
  expect_refused(
      "method", "/strict", [](http::Request& r) { r.head.method = "PUT"; }, 403, "signature.bad_signature");
  expect_refused(
      "content", "/strict", [](http::Request& r) { r.body = "{\"amount\": 13}"; }, 400, "signature.content_changed");
  expect_refused(
      "content taken away", "/strict", [](http::Request& r) { r.body.clear(); }, 400, "signature.content_changed");
  expect_refused(
      "digest that does not parse", "/strict",
      [](http::Request& r) { r.head.fields.set("Content-Digest", "sha-256=x"); }, 400, "signature.digest_unusable");
  expect_refused("content not covered", "/strict", signed_by(*signer_, {.components = {"@method", "@target-uri"}}), 403,
                 "signature.not_covered");
  expect_refused("too old", "/strict", signed_by(*signer_, {.age = std::chrono::seconds(361)}), 403,
                 "signature.too_old");
  expect_refused("another application's", "/strict", signed_by(*sibling_), 403, "signature.unknown_key");
  expect_refused("another partner's", "/strict", signed_by(*stranger_), 403, "signature.unknown_key");
  expect_refused("another partner's where the organisation may", "/loose", signed_by(*stranger_), 403,
                 "signature.unknown_key");
  expect_refused("another's key under our name", "/strict", signed_by(*stranger_, {.keyid = thumbprint(*signer_)}), 403,
                 "signature.bad_signature");
  EXPECT_TRUE(says(signing_.metrics(), "{code=\"signature.unknown_key\"} 3\n")) << signing_.metrics();
}

TEST_F(Signing, TheOrganisationMaySignWhereTheRouteSaysSo) {
  http::Request by_sibling = request("/loose");
  sign(by_sibling, *sibling_);
  const http::Response response = send(std::move(by_sibling));
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(says(response.body, "X-Countersign-Signer: urn:countersign:production:acme:refunds\n"));
  EXPECT_TRUE(says(response.body, "X-Countersign-Application: payments\n"));
  EXPECT_FALSE(says(response.body, "Signature-Input")) << "this route strips them";
}

/// By purpose, never by name: told by the feed as one that signs, issued and admitted as one that connects.
TEST_F(Signing, ATransportKeySignsNoMessage) {
  const Issued transport = pki_.client("acme", "payments").issue();
  ASSERT_TRUE(knowledge_.apply({++sequence_, transport.fact()}));
  ASSERT_TRUE(
      knowledge_.apply({++sequence_, feed::SigningCertificate{*transport.identity, transport.certificate.der()}}));
  expect_refused(
      "transport key", "/strict", [&](http::Request& r) { sign(r, transport); }, 403, "signature.unknown_key");
  // Nor one that an issuing CA for connections signed as if it were for messages.
  const Issued crossed = pki_.client("acme", "payments")
                             .purpose(trust::Purpose::signing)
                             .issued_by(base::Environment::production, trust::Purpose::transport)
                             .issue();
  ASSERT_TRUE(knowledge_.apply({++sequence_, crossed.fact()}));
  ASSERT_TRUE(knowledge_.apply({++sequence_, feed::SigningCertificate{*crossed.identity, crossed.certificate.der()}}));
  expect_refused(
      "of the other issuing CA", "/strict", [&](http::Request& r) { sign(r, crossed); }, 403, "signature.key_refused");
}

TEST_F(Signing, ACertificateThatTheRegistryDoesNotListSignsNothing) {
  const Issued unlisted = pki_.client("acme", "payments").purpose(trust::Purpose::signing).without_registry().issue();
  ASSERT_TRUE(
      knowledge_.apply({++sequence_, feed::SigningCertificate{*unlisted.identity, unlisted.certificate.der()}}));
  expect_refused(
      "unlisted", "/strict", [&](http::Request& r) { sign(r, unlisted); }, 403, "signature.key_refused");
  const Issued other_environment =
      pki_.client("acme", "payments").environment(base::Environment::uat).purpose(trust::Purpose::signing).issue();
  ASSERT_TRUE(knowledge_.apply(
      {++sequence_, feed::SigningCertificate{*other_environment.identity, other_environment.certificate.der()}}));
  expect_refused(
      "of UAT", "/strict", [&](http::Request& r) { sign(r, other_environment); }, 403, "signature.unknown_key");
  // Told as ours, and another's by what it says itself.
  ASSERT_TRUE(
      knowledge_.apply({++sequence_, feed::SigningCertificate{*signer_->identity, stranger_->certificate.der()}}));
  expect_refused(
      "told wrongly", "/strict", [&](http::Request& r) { sign(r, *stranger_); }, 403, "signature.unknown_key");
}

TEST_F(Signing, RevocationActsOnTheNextMessage) {
  http::Request before = request("/strict");
  sign(before, *signer_);
  EXPECT_EQ(send(before).status, 200);
  revoke(*signer_);
  const http::Response after = send(std::move(before));
  EXPECT_EQ(after.status, 403);
  EXPECT_TRUE(says(after.body, "signature.key_refused") && says(after.body, "revoked")) << after.body;
  const Issued next = pki_.client("acme", "payments").purpose(trust::Purpose::signing).issue();
  ASSERT_TRUE(knowledge_.apply({++sequence_, next.fact()}));
  ASSERT_TRUE(knowledge_.apply({++sequence_, feed::SigningCertificate{*next.identity, next.certificate.der()}}));
  http::Request by_next = request("/strict");
  sign(by_next, next);
  EXPECT_EQ(send(std::move(by_next)).status, 200);
}

TEST_F(Signing, ANonceIsTakenOnce) {
  http::Request once = request("/once");
  sign(once, *signer_, {.nonce = "n-1"});
  EXPECT_EQ(send(once).status, 200);
  const http::Response again = send(std::move(once));
  EXPECT_EQ(again.status, 403);
  EXPECT_TRUE(says(again.body, "signature.replayed"));
  http::Request other = request("/once");
  sign(other, *signer_, {.nonce = "n-2"});
  EXPECT_EQ(send(std::move(other)).status, 200);
  http::Request none = request("/once");
  sign(none, *signer_);
  EXPECT_TRUE(says(send(std::move(none)).body, "signature.nonce_missing"));
}

TEST_F(Signing, ContentIsHeldUpToItsLimit) {
  for (const std::size_t size : {std::size_t{4096}, std::size_t{4097}}) {
    http::Request large = request("/strict", std::string(size, 'x'));
    sign(large, *signer_);
    const http::Response response = send(std::move(large));
    EXPECT_EQ(response.status, size == 4096 ? 200 : 413) << response.body;
  }
  EXPECT_TRUE(says(signing_.metrics(), "countersign_gateway_signatures_held_bytes 0\n")) << signing_.metrics();
}

TEST_F(Signing, KindsOverTheContentAloneAreTakenWhereTheRouteSaysSo) {
  const std::string jws =
      signatures::sign_detached_jws(signer_->key, thumbprint(*signer_), kContent, pki_.now()).value();
  const std::string header = signatures::sign_header(signer_->key, thumbprint(*signer_), kContent).value();
  const std::pair<std::string, std::string> kinds[] = {{"x-jws-signature", jws}, {"x-signature", header}};
  for (const auto& [field, value] : kinds) {
    SCOPED_TRACE(field);
    const auto made = [&](const std::string& target, std::string_view content = kContent) {
      http::Request request = this->request(target, content);
      request.head.fields.add(field, value);
      return request;
    };
    const http::Response good = send(made("/loose"));
    EXPECT_EQ(good.status, 200) << good.body;
    EXPECT_TRUE(says(good.body, "X-Countersign-Signature-Covers: content\n")) << good.body;
    EXPECT_FALSE(says(good.body, field + ":"));
    EXPECT_TRUE(says(send(made("/strict")).body, "signature.missing"));
    EXPECT_TRUE(says(send(made("/loose", "{\"amount\": 13}")).body, "signature.bad_signature"));
    EXPECT_TRUE(says(send(made("/loose", "")).body, "signature.not_covered"));
    http::Request twice = made("/loose");
    twice.head.fields.add(field, value);
    EXPECT_TRUE(says(send(std::move(twice)).body, "signature.malformed"));
    http::Request beside = made("/loose");
    beside.head.fields.add("Signature-Input", "sig1=(\"@method\");created=1");
    beside.head.fields.add("Signature", "sig1=:AAAA:");
    EXPECT_NE(send(std::move(beside)).status, 200) << "one of RFC 9421 must hold where there is one";
  }
}

TEST_F(Signing, TheAnswerSaysWhatToSign) {
  const http::Response refused = send(request("/strict"));
  EXPECT_EQ(refused.fields.find("Accept-Signature"),
            "sig=(\"@method\" \"@target-uri\" \"content-digest\");created;keyid");
}

class SigningResponses : public Signing {
 protected:
  void SetUp() override {
    Signing::SetUp();
    Issued own = pki_.client("provider", "gateway").purpose(trust::Purpose::signing).issue();
    own_key_.emplace(own.key.public_key());
    ASSERT_TRUE(signing_.use_credential(
        std::make_shared<const tls::Credential>(tls::Credential{std::move(own.chain), std::move(own.key)})));
  }
  bool holds(const http::Request& asked, const http::Response& answer) const {
    const signatures::RequestView view{.method = asked.head.method,
                                       .scheme = "https",
                                       .authority = "localhost",
                                       .target = asked.head.target,
                                       .fields = asked.head.fields};
    const auto message = signatures::MessageView::of(answer.status, answer.fields, &view);
    const signatures::FindKey find =
        [&](std::string_view) -> base::Result<signatures::VerificationKey, signatures::Refusal> {
      return signatures::VerificationKey::of(jose::Jwk::from(*own_key_).value());
    };
    const auto content = answer.body.empty() ? signatures::Content::none : signatures::Content::some;
    signatures::SignaturePolicy policy;
    policy.more = {signatures::Component::parse("\"@method\";req").value(),
                   signatures::Component::parse("\"@target-uri\";req").value()};
    auto head = signatures::check_head({message, content, policy, {.now = pki_.now()}, find});
    if (!head) return ADD_FAILURE() << head.error().detail, false;
    head->add(base::as_bytes(answer.body));
    return std::move(*head).finish().has_value();
  }
  std::optional<crypto::PublicKey> own_key_;
};

TEST_F(SigningResponses, AResponseIsSignedWithTheRequestItAnswers) {
  for (const char* method : {"POST", "GET", "HEAD"}) {
    SCOPED_TRACE(method);
    http::Request asked = request("/both/x", method == std::string("POST") ? kContent : "");
    asked.head.method = method;
    sign(asked, *signer_);
    http::Response answer = send(asked);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(holds(asked, answer));
    answer.status = 201;
    http::Request other = asked;
    other.head.target = "/both/y";
    if (answer.body.empty()) continue;
    answer.status = 200;
    answer.body += " ";
    EXPECT_FALSE(holds(asked, answer));
  }
}

TEST_F(SigningResponses, OneThatIsTooLargeIsNotSentUnsigned) {
  http::Request asked = request("/both/x", std::string(4000, 'x'));
  asked.head.target = "/both/" + std::string(3000, 'a');
  asked.head.fields.add("X-Large", std::string(2000, 'b'));
  sign(asked, *signer_);
  const http::Response answer = send(asked);  // the upstream tells all that it saw
  EXPECT_EQ(answer.status, 502);
  EXPECT_TRUE(says(answer.body, "gateway.response_unsigned")) << answer.body;
  EXPECT_EQ(records("\"gateway.response_unsigned\""), 1U);
}

TEST_F(Signing, WithoutAKeyNoResponseIsSentUnsigned) {
  http::Request asked = request("/both/x");
  sign(asked, *signer_);
  EXPECT_EQ(send(asked).status, 502);
}

/// A certificate that opens connections signs no responses either.
TEST_F(Signing, OurOwnKeyIsOfASigningCertificate) {
  Issued transport = pki_.client("provider", "gateway").issue();
  const auto used = signing_.use_credential(
      std::make_shared<const tls::Credential>(tls::Credential{std::move(transport.chain), std::move(transport.key)}));
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().code, "signature.other_purpose");
}

}  // namespace
}  // namespace countersign::gateway
