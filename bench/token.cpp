// Measures what access tokens and signed requests cost: processor time of a token issued (assertion checked, token
// signed, without the registry), of one checked at the gateway - never seen before, and remembered -, and of a request
// by RFC 9421 checked at the gateway, each beside the bare signatures.
//
// One thread, CLOCK_THREAD_CPUTIME_ID, median of several rounds. One line a case.
#include <algorithm>
#include <functional>
#include <string_view>

#include "base/check.h"
#include "gateway/signing/request_check.h"
#include "gateway/token/checker.h"
#include "oauth/assertion.h"
#include "report.h"
#include "testing/pki.h"

namespace {

using namespace countersign;

constexpr int kRounds = 7;
constexpr base::Instant kNow = testing::kPkiNow;
const std::string kIssuer = "https://auth.example.com:8443";

class Silence final : public base::LogSink {
 public:
  void write(std::string_view) override {}
};

/// Microseconds of processor time for one call of `work`, which is told which it is.
double measure(int times, const std::function<void(int)>& work) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const double began = bench::thread_cpu_seconds();
    for (int i = 0; i < times; ++i)
      work(i);
    rounds.push_back((bench::thread_cpu_seconds() - began) * 1e6 / times);
  }
  return bench::quantile(rounds, 0.5);
}

trust::AdmittedChain admit(testing::Pki& pki, const testing::Issued& issued) {
  const auto registry = pki.registry();
  const trust::Policy policy{.purposes = {trust::Purpose::transport}};
  auto chain = trust::verify_chain(issued.chain, policy, pki.trust_set(), kNow);
  return trust::admit(std::move(*chain), *registry).value();
}

/// The ring of a gateway that has heard of one key.
void teach(feed::Knowledge& knowledge, testing::Pki& pki, const jose::Jwk& key,
           const std::vector<feed::Fact>& more = {}) {
  feed::Snapshot snapshot;
  snapshot.feed = "bench";
  snapshot.facts.emplace_back(feed::RootFact{pki.partner_root().certificate});
  for (const trust::IssuingCa& ca : pki.issuing_cas())
    snapshot.facts.emplace_back(ca);
  snapshot.facts.emplace_back(feed::RootFact{pki.provider_root().certificate});
  snapshot.facts.emplace_back(
      feed::TokenKeyFact{"k1", kIssuer, base::json::serialize(key.to_json()), kNow + std::chrono::hours(1)});
  snapshot.facts.insert(snapshot.facts.end(), more.begin(), more.end());
  BASE_CHECK(knowledge.replace(snapshot).has_value());
}

void measure_checks(bool json) {
  testing::Pki pki;
  const testing::Issued shop = pki.client("acme", "shop").issue();
  const trust::AdmittedChain peer = admit(pki, shop);
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const testing::FakeClock clock{kNow};
  Silence silence;
  const base::Log log({.program = "bench"}, clock, silence);
  feed::Knowledge knowledge;
  teach(knowledge, pki, jose::Jwk::from(key.public_key()).value());
  gateway::TokenRings rings(knowledge, log);
  rings.refresh();
  const oauth::Demand demand{"https://api.example.com", *oauth::Scopes::parse("payments:read")};
  const auto request_with = [&](int number) {
    oauth::Grant grant{kIssuer,
                       "production.acme.shop",
                       *shop.identity,
                       {demand.audience},
                       *oauth::Scopes::parse("payments:read payments:write"),
                       shop.certificate.fingerprint(),
                       {{"tenant", "t-17"}},
                       "token-" + std::to_string(number),
                       kNow,
                       kNow + std::chrono::minutes(10)};
    http::Fields fields;
    fields.add("Authorization", "Bearer " + oauth::make_token(grant, "k1", key).value());
    return fields;
  };
  constexpr int kTokens = 500;
  std::vector<http::Fields> requests;
  for (int i = 0; i < kTokens; ++i)
    requests.push_back(request_with(i));
  const auto check = [&](gateway::TokenChecker& checker, const http::Fields& fields) {
    BASE_CHECK(checker.check(fields, peer, demand, kNow).has_value());
  };
  const base::Bytes message(400, 'x');
  const base::Bytes signature = key.sign(message).value();
  const crypto::PublicKey public_key = key.public_key();
  const double bare = measure(kTokens, [&](int) { BASE_CHECK(public_key.verify(message, signature)); });
  std::optional<gateway::TokenChecker> checker;
  const double fresh = measure(kTokens, [&](int i) {
    if (i == 0) checker.emplace(rings);
    check(*checker, requests[static_cast<std::size_t>(i)]);
  });
  const double known =
      measure(100 * kTokens, [&](int i) { check(*checker, requests[static_cast<std::size_t>(i % kTokens)]); });
  bench::print(json, "check_first", {{"cpu_us", fresh}, {"bare_verify_us", bare}, {"added_us", fresh - bare}});
  bench::print(json, "check_again", {{"cpu_us", known}});
}

void measure_issue(bool json) {
  constexpr int kTimes = 500;
  const auto client = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const std::vector<oauth::ClientKey> keys{
      {jose::Jwk::from(client.public_key()).value(), "x5t", oauth::ClientKey::Use::signing}};
  const oauth::AssertionRules rules{.client = "production.acme.shop", .audiences = {kIssuer}};
  const std::string assertion =
      oauth::make_assertion({.client = rules.client, .audience = kIssuer, .id = "x", .issued = kNow}, client,
                            jose::Algorithm::es256)
          .value();
  const oauth::Grant grant{kIssuer,
                           rules.client,
                           base::Identity::from_urn("urn:countersign:production:acme:shop").value(),
                           {"https://api.example.com"},
                           *oauth::Scopes::parse("payments:read"),
                           crypto::sha256(base::as_bytes("certificate")),
                           {},
                           "x",
                           kNow,
                           kNow + std::chrono::minutes(10)};
  const base::Bytes message(400, 'x');
  const base::Bytes signature = client.sign(message).value();
  const double bare = measure(kTimes, [&](int) {
    BASE_CHECK(client.public_key().verify(message, signature));
    BASE_CHECK(key.sign(message).has_value());
  });
  const double issue = measure(kTimes, [&](int) {
    BASE_CHECK(oauth::verify_assertion(assertion, keys, rules, kNow).has_value());
    BASE_CHECK(oauth::make_token(grant, "k1", key).has_value());
  });
  bench::print(json, "issue", {{"cpu_us", issue}, {"bare_verify_and_sign_us", bare}});
}

/// A request as its client signs it; `view` borrows from the others.
struct SignedCall {
  http::Fields fields = {};
  std::string content;
  signatures::RequestView view = {
      .method = "POST", .scheme = "https", .authority = "api.example.com", .target = "/payments?a=1", .fields = fields};
};

void sign(SignedCall& call, const testing::Issued& signer) {
  call.fields.add("Host", "api.example.com");
  call.fields.add("Content-Type", "application/json");
  call.fields.add("Content-Digest", signatures::content_digest(signatures::DigestAlgorithm::sha256, call.content));
  const auto message = signatures::MessageView::of(call.view);
  const auto made =
      signatures::sign(message, {.key = signer.key,
                                 .keyid = jose::Jwk::from(signer.key.public_key()).value().thumbprint(),
                                 .scheme = *signatures::http_scheme(signer.key.public_key().type()),
                                 .components = components_to_cover(message, signatures::Content::some, {}),
                                 .created = kNow});
  call.fields.add("Signature-Input", made->signature_input);
  call.fields.add("Signature", made->signature);
}

void measure_signed(bool json) {
  testing::Pki pki;
  const testing::Issued signer = pki.client("acme", "shop").purpose(trust::Purpose::signing).issue();
  const testing::FakeClock clock{kNow};
  Silence silence;
  const base::Log log({.program = "bench"}, clock, silence);
  feed::Knowledge knowledge;
  teach(knowledge, pki, jose::Jwk::from(signer.key.public_key()).value(),
        {signer.fact(), feed::SigningCertificate{*signer.identity, signer.certificate.der()}});
  gateway::MessageSigning signing(knowledge, clock, log);
  const gateway::RouteSignatures settings;
  for (const std::size_t size : {std::size_t{100}, std::size_t{4'096}, std::size_t{65'536}}) {
    SignedCall call{.content = std::string(size, 'x')};
    sign(call, signer);
    const gateway::RequestQuestion question{call.view, signatures::Content::some, settings, *signer.identity};
    const double checked = measure(500, [&](int) {
      auto head = gateway::RequestCheck::of_head(question, signing);
      BASE_CHECK(head.has_value() && std::move(*head).with_content(call.content).has_value());
    });
    const base::Bytes message(300, 'x');
    const base::Bytes signature = signer.key.sign(message).value();
    const crypto::PublicKey key = signer.key.public_key();
    const double bare = measure(500, [&](int) { BASE_CHECK(key.verify(message, signature)); });
    const double digest = measure(500, [&](int) { (void)crypto::sha256(base::as_bytes(call.content)); });
    bench::print(json, "signed_request_" + std::to_string(size),
                 {{"cpu_us", checked},
                  {"bare_verify_us", bare},
                  {"bare_digest_us", digest},
                  {"added_us", checked - bare - digest}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::string_view(argv[1]) == "--json";
  measure_issue(json);
  measure_checks(json);
  measure_signed(json);
  return 0;
}
