// Which signatures are believed: each refusal beside a message that is one change away and is taken.
#include "signatures/http_signature.h"

#include <gtest/gtest.h>

#include "signatures/replay_memory.h"
#include "testing/pki.h"

namespace countersign::signatures {
namespace {

using base::Instant;
using crypto::PrivateKey;

constexpr Instant kNow = testing::kPkiNow;

/// "ok", or the code of the refusal.
template <class T>
std::string outcome(const base::Result<T, Refusal>& result) {
  return result ? "ok" : std::string(explanation(result.error().reason).code);
}

/// A request that is signed, and then perhaps changed, and then checked.
struct Scene {
  explicit Scene(PrivateKey::Kind kind = PrivateKey::Kind::p256)
      : key(PrivateKey::generate(kind).value()),
        known(VerificationKey::of(jose::Jwk::from(key.public_key()).value())),
        scheme(*http_scheme(known.key().type())) {
    fields.add("Host", "api.example.com:8443");
    fields.add("Content-Type", "application/json");
    fields.add("Content-Digest", content_digest(DigestAlgorithm::sha256, content));
  }

  RequestView request() const {
    return {.method = method, .scheme = "https", .authority = authority, .target = target, .fields = fields};
  }

  void sign_it() {
    const RequestView view = request();
    const MessageView message = MessageView::of(view);
    Signing signing{.key = key,
                    .keyid = keyid.value_or(known.thumbprint()),
                    .scheme = scheme,
                    .components = components.empty() ? components_to_cover(message, Content::some, {}) : components,
                    .created = created,
                    .expires = expires,
                    .nonce = nonce,
                    .tag = tag};
    const auto made = sign(message, signing);
    ASSERT_TRUE(made) << made.error().detail;
    fields.set("Signature-Input", made->signature_input);
    fields.set("Signature", made->signature);
  }

  base::Result<VerifiedSignature, Refusal> check() const {
    const RequestView view = request();
    const MessageView message = MessageView::of(view);
    const FindKey find = [&](std::string_view named) -> base::Result<VerificationKey, Refusal> {
      if (known.is_named(named)) return known;
      return base::unexpected(refuse(Reason::unknown_key, "no such key", named));
    };
    const Content kind = content.empty() ? Content::none : Content::some;
    auto head = check_head({message, kind, policy, {.now = now}, find});
    if (!head) return base::unexpected(std::move(head).error());
    // In two pieces, as it comes.
    const base::BytesView all = base::as_bytes(content);
    head->add(all.first(all.size() / 2));
    head->add(all.subspan(all.size() / 2));
    return std::move(*head).finish();
  }

  PrivateKey key;
  VerificationKey known;
  Scheme scheme;
  std::string method = "POST";
  std::string authority = "api.example.com:8443";
  std::string target = "/v1/payments?dry=1";
  std::string content = "{\"amount\": 12}";
  http::Fields fields;
  std::vector<Component> components;
  std::optional<std::string> keyid;
  Instant created = kNow;
  std::optional<Instant> expires;
  std::string nonce;
  std::string tag;
  SignaturePolicy policy;
  Instant now = kNow;
};

TEST(HttpSignature, EveryKindOfKeySignsAndIsChecked) {
  for (const auto kind :
       {PrivateKey::Kind::p256, PrivateKey::Kind::p384, PrivateKey::Kind::ed25519, PrivateKey::Kind::rsa2048}) {
    Scene scene(kind);
    scene.sign_it();
    const auto verified = scene.check();
    ASSERT_TRUE(verified) << verified.error().detail;
    EXPECT_EQ(verified->kind(), Kind::rfc9421);
    EXPECT_EQ(verified->created(), kNow);
    EXPECT_EQ(verified->covered().size(), 3U);
  }
}

TEST(HttpSignature, RsaAlsoByTheOlderScheme) {
  Scene scene(PrivateKey::Kind::rsa2048);
  scene.scheme = Scheme::rsa_v1_5_sha256;
  scene.sign_it();
  EXPECT_EQ(outcome(scene.check()), "ok");
}

struct Row {
  std::string name;
  std::function<void(Scene&)> before;  ///< what is signed
  std::function<void(Scene&)> after;   ///< what arrives
  std::string outcome;
};

std::function<void(Scene&)> nothing() {
  return [](Scene&) {};
}
std::function<void(Scene&)> set(std::string field, std::string value) {
  return [=](Scene& scene) { scene.fields.set(field, value); };
}
/// Replaces a part of Signature-Input, which the signature is over.
std::function<void(Scene&)> input(std::string from, std::string to) {
  return [=](Scene& scene) {
    std::string text(scene.fields.find("Signature-Input").value());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    scene.fields.set("Signature-Input", text.replace(at, from.size(), to));
  };
}

void run(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Scene scene;
    row.before(scene);
    scene.sign_it();
    ASSERT_EQ(outcome(scene.check()), row.after ? "ok" : row.outcome) << "before it is changed";
    if (!row.after) continue;
    row.after(scene);
    EXPECT_EQ(outcome(scene.check()), row.outcome);
  }
}

TEST(HttpSignature, WhatWasChangedAfterwardsIsRefused) {
  run({
      {"nothing", nothing(), nothing(), "ok"},
      {"method", nothing(), [](Scene& s) { s.method = "PUT"; }, "signature.bad_signature"},
      {"path", nothing(), [](Scene& s) { s.target = "/v1/refunds?dry=1"; }, "signature.bad_signature"},
      {"query", nothing(), [](Scene& s) { s.target = "/v1/payments?dry=0"; }, "signature.bad_signature"},
      {"host", nothing(), [](Scene& s) { s.authority = "api.example.org:8443"; }, "signature.bad_signature"},
      {"host in capitals is the same", nothing(), [](Scene& s) { s.authority = "API.example.com:8443"; }, "ok"},
      {"content", nothing(), [](Scene& s) { s.content = "{\"amount\": 13}"; }, "signature.content_changed"},
      {"content and digest", nothing(),
       [](Scene& s) {
         s.content = "{\"amount\": 13}";
         s.fields.set("Content-Digest", content_digest(DigestAlgorithm::sha256, s.content));
       },
       "signature.bad_signature"},
      {"digest removed", nothing(), [](Scene& s) { s.fields.remove("Content-Digest"); }, "signature.digest_unusable"},
      {"second digest field", nothing(),
       [](Scene& s) { s.fields.add("Content-Digest", content_digest(DigestAlgorithm::sha512, "other")); },
       "signature.bad_signature"},
      {"field that is not covered", nothing(), set("Content-Type", "text/plain"), "ok"},
      {"created", nothing(), input(";created=", ";created=0;x="), "signature.too_old"},
      {"key", nothing(),
       [](Scene& s) {
         const Scene other;
         s.known = other.known;
       },
       "signature.unknown_key"},
      {"key under the same name", [](Scene& s) { s.keyid = s.known.thumbprint(); },
       [](Scene& s) {
         Scene other;
         other.keyid = s.known.thumbprint();
         other.sign_it();
         s.fields.set("Signature-Input", std::string(*other.fields.find("Signature-Input")));
         s.fields.set("Signature", std::string(*other.fields.find("Signature")));
       },
       "signature.bad_signature"},
      {"algorithm of another key", nothing(), input("ecdsa-p256-sha256", "rsa-pss-sha512"),
       "signature.wrong_algorithm"},
      {"shared secret", nothing(), input("ecdsa-p256-sha256", "hmac-sha256"), "signature.wrong_algorithm"},
      {"component less", nothing(), input("\"@method\" ", ""), "signature.not_covered"},
      {"digest not covered", nothing(), input(" \"content-digest\"", ""), "signature.not_covered"},
      {"parameters in another order", nothing(), input(";created=", ";tag=\"x\";created="), "signature.bad_signature"},
  });
}

TEST(HttpSignature, WhatDoesNotParseIsRefused) {
  run({
      {"no signature", nothing(),
       [](Scene& s) {
         s.fields.remove("Signature");
         s.fields.remove("Signature-Input");
       },
       "signature.missing"},
      {"input alone", nothing(), [](Scene& s) { s.fields.remove("Signature"); }, "signature.malformed"},
      {"signature alone", nothing(), [](Scene& s) { s.fields.remove("Signature-Input"); }, "signature.malformed"},
      {"another label", nothing(), input("sig1=", "sig2="), "signature.malformed"},
      {"component twice", nothing(), input("\"@method\"", "\"@method\" \"@method\""), "signature.malformed"},
      {"component in capitals", nothing(), input("\"@method\"", "\"@METHOD\""), "signature.malformed"},
      {"unknown parameter of a component", nothing(), input("\"@method\"", "\"@method\";x"), "signature.malformed"},
      {"created as a text", nothing(), input(";created=", ";created=\"1\";x="), "signature.malformed"},
      {"no created", nothing(), input(";created=", ";made="), "signature.created_missing"},
      {"no keyid", nothing(), input(";keyid=", ";key="), "signature.unknown_key"},
      {"a list that is none", nothing(), set("Signature-Input", "sig1=1"), "signature.malformed"},
      {"a component that is not there", nothing(), input("\"@method\"", "\"@method\" \"x-none\""),
       "signature.component_unusable"},
      {"a derived one that does not exist", nothing(), input("\"@method\"", "\"@method\" \"@host\""),
       "signature.component_unusable"},
      {"the parameters as a component", nothing(), input("\"@method\"", "\"@method\" \"@signature-params\""),
       "signature.component_unusable"},
      {"of a response", nothing(), input("\"@method\"", "\"@method\" \"@status\""), "signature.component_unusable"},
  });
}

TEST(HttpSignature, TimeHasEdges) {
  const auto made = [](int seconds) { return [=](Scene& s) { s.created = kNow + std::chrono::seconds(seconds); }; };
  run({
      {"as old as may be", made(-360), {}, "ok"},
      {"a second older", made(-361), {}, "signature.too_old"},
      {"as far ahead as may be", made(60), {}, "ok"},
      {"a second further", made(61), {}, "signature.in_the_future"},
      {"ends in time",
       [](Scene& s) { s.created = kNow - std::chrono::seconds(120), s.expires = kNow - std::chrono::seconds(60); },
       {},
       "ok"},
      {"ended",
       [](Scene& s) { s.created = kNow - std::chrono::seconds(120), s.expires = kNow - std::chrono::seconds(61); },
       {},
       "signature.expired"},
      {"ends before it was made",
       [](Scene& s) { s.expires = kNow - std::chrono::seconds(1); },
       {},
       "signature.malformed"},
  });
}

TEST(HttpSignature, TargetMayBeCoveredInParts) {
  const auto covers = [](std::vector<std::string> names) {
    return [=](Scene& s) {
      for (const std::string& name : names)
        s.components.push_back(Component::named(name));
    };
  };
  run({
      {"in parts", covers({"@method", "@authority", "@path", "@query", "content-digest"}), {}, "ok"},
      {"without query", covers({"@method", "@authority", "@path", "content-digest"}), {}, "signature.not_covered"},
      {"without authority", covers({"@method", "@path", "@query", "content-digest"}), {}, "signature.not_covered"},
      {"request target says no host",
       covers({"@method", "@request-target", "content-digest"}),
       {},
       "signature.not_covered"},
      {"content length is no digest", covers({"@method", "@target-uri", "content-type"}), {}, "signature.not_covered"},
  });
}

TEST(HttpSignature, PolicyAsksForMore) {
  const auto wants = [](std::string name) { return [=](Scene& s) { s.policy.more = {Component::named(name)}; }; };
  run({
      {"a field more",
       [&](Scene& s) {
         wants("content-type")(s),
             s.components = components_to_cover(MessageView::of(s.request()), Content::some, s.policy);
       },
       {},
       "ok"},
      {"which is not covered", wants("content-type"), {}, "signature.not_covered"},
      {"a tag", [](Scene& s) { s.policy.tag = s.tag = "payments"; }, {}, "ok"},
      {"another tag", [](Scene& s) { s.policy.tag = "payments", s.tag = "other"; }, {}, "signature.missing"},
      {"a nonce", [](Scene& s) { s.policy.nonce = NonceRule::required, s.nonce = "n-1"; }, {}, "ok"},
      {"no nonce", [](Scene& s) { s.policy.nonce = NonceRule::required; }, {}, "signature.nonce_missing"},
      {"too long a nonce",
       [](Scene& s) { s.policy.nonce = NonceRule::required, s.nonce = std::string(129, 'n'); },
       {},
       "signature.nonce_missing"},
  });
}

TEST(HttpSignature, AnotherSignatureBesideIsPassedOver) {
  Scene scene;
  scene.sign_it();
  const std::string ours_input(*scene.fields.find("Signature-Input"));
  const std::string ours(*scene.fields.find("Signature"));
  scene.fields.set("Signature-Input", "other=(\"@method\");created=1;keyid=\"x\", " + ours_input);
  scene.fields.set("Signature", "other=:AAAA:, " + ours);
  EXPECT_EQ(outcome(scene.check()), "ok");
  std::string many_inputs = ours_input;
  std::string many = ours;
  for (const char* label : {"a", "b", "c", "d"}) {
    many_inputs += std::string(", ") + label + "=(\"@method\")";
    many += std::string(", ") + label + "=:AAAA:";
  }
  scene.fields.set("Signature-Input", many_inputs);
  scene.fields.set("Signature", many);
  EXPECT_EQ(outcome(scene.check()), "signature.malformed");
}

TEST(HttpSignature, WithoutContentNeedsNoDigest) {
  Scene scene;
  scene.method = "GET";
  scene.content.clear();
  scene.fields.remove("Content-Digest");
  scene.components = {Component::named("@method"), Component::named("@target-uri")};
  scene.sign_it();
  EXPECT_EQ(outcome(scene.check()), "ok");
  scene.content = "smuggled";
  EXPECT_EQ(outcome(scene.check()), "signature.not_covered");
}

TEST(HttpSignature, QueryParameterThatStandsTwiceIsNotSignedByName) {
  Scene scene;
  scene.target = "/v1?a=1&a=2";
  const auto twice = Component::from(sf::parse_item("\"@query-param\";name=\"a\"").value()).value();
  const auto value = twice.value(MessageView::of(scene.request()));
  EXPECT_EQ(value.error().code, "component.unusable");
  scene.target = "/v1?a=1&b=2";
  EXPECT_EQ(twice.value(MessageView::of(scene.request())).value(), "1");
}

/// By purpose, never by name.
TEST(VerificationKey, IsOfSigningCertificatesOnly) {
  testing::Pki pki;
  EXPECT_TRUE(VerificationKey::of(pki.client().purpose(trust::Purpose::signing).issue().certificate));
  struct Refused {
    std::string name;
    x509::Certificate certificate;
  };
  const Refused rows[] = {{"transport", pki.client().issue().certificate},
                          {"server", pki.internal_server().issue().certificate},
                          {"CA", pki.partner_root().certificate},
                          {"any purpose", pki.client()
                                              .purpose(trust::Purpose::signing)
                                              .with_eku({std::string(x509::oid::kAnyExtendedKeyUsage)})
                                              .issue()
                                              .certificate},
                          {"no digitalSignature", pki.client()
                                                      .purpose(trust::Purpose::signing)
                                                      .with_key_usage({x509::KeyUsage::key_agreement})
                                                      .issue()
                                                      .certificate}};
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.name);
    const auto key = VerificationKey::of(row.certificate);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, "signature.other_purpose");
  }
}

TEST(ReplayMemory, ANonceIsTakenOnceForAsLongAsItIsFresh) {
  ReplayMemory memory;
  using Answer = ReplayMemory::Answer;
  const Instant until = kNow + std::chrono::seconds(360);
  EXPECT_EQ(memory.take("key", "n", until, kNow), Answer::fresh);
  EXPECT_EQ(memory.take("key", "n", until, kNow), Answer::seen);
  EXPECT_EQ(memory.take("other", "n", until, kNow), Answer::fresh);
  EXPECT_EQ(memory.take("key", "n", until, until), Answer::seen);
  EXPECT_EQ(memory.take("key", "n", until, until + std::chrono::seconds(1)), Answer::fresh);
  for (std::size_t i = 0; i < ReplayMemory::kMost; ++i)
    (void)memory.take("flood", std::to_string(i), until + std::chrono::seconds(60), until);
  EXPECT_EQ(memory.take("key", "new", until, until), Answer::full);
}

}  // namespace
}  // namespace countersign::signatures
