// EST over real TLS on loopback: what is asked and answered to the letter, and that letting partners in opens nothing
// else.
#include "authority/est/est.h"

#include "authority/doors/doors_test.h"
#include "authority/revocation/revocation.h"
#include "crypto/pem.h"
#include "x509/certs_only.h"

namespace countersign::authority {
namespace {

using crypto::PrivateKey;

constexpr const char* kEst = "/.well-known/est";

std::string packed(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '\n') out += c;
  return out;
}

base::Bytes der_of(const std::string& pem) { return crypto::pem_blocks(pem, {"CERTIFICATE REQUEST"}).value().front(); }

class Est : public Doors {
 protected:
  static std::string csr_pem(const PrivateKey& key) { return x509::Csr::make_pem(key, {"evil", "", ""}).value(); }
  static std::string csr_base64(const PrivateKey& key) { return base::to_base64(der_of(csr_pem(key))); }
  static PrivateKey make_key() { return PrivateKey::generate(PrivateKey::Kind::p256).value(); }
  std::string make_code(std::vector<Purpose> purposes = {}, const char* of = "production:acme:payments") {
    const auto code = authority().enrolment().create_code(admin_actor(), {identity(of), std::move(purposes)});
    EXPECT_TRUE(code);
    return std::string(code->code.text().reveal_text());
  }
  static http::Field basic(const std::string& code, const std::string& user = "payments") {
    return {"Authorization", "Basic " + base::to_base64(base::as_bytes(user + ":" + code))};
  }
  static Ask enroll(std::string body, std::vector<http::Field> fields, const std::string& label = "") {
    fields.push_back({"Content-Type", "application/pkcs10"});
    return {"POST", kEst + label + "/simpleenroll", std::move(body), std::move(fields)};
  }
  static Ask reenroll(std::string body, const std::string& label = "") {
    return {"POST", kEst + label + "/simplereenroll", std::move(body), {{"Content-Type", "application/pkcs10"}}};
  }
  /// The certificates of an answer that must be a bag.
  static std::vector<x509::Certificate> bag(const base::Result<http::Response>& response) {
    EXPECT_EQ(outcome(response), "200");
    const auto der = base::from_base64(packed(response ? response->body : ""));
    EXPECT_TRUE(der);
    const auto certificates = x509::parse_certs_only(der.value_or(base::Bytes{}));
    EXPECT_TRUE(certificates) << base::to_string(certificates.error());
    return certificates.value_or(std::vector<x509::Certificate>{});
  }
  static std::string field(const base::Result<http::Response>& response, const char* name) {
    return std::string(response->fields.find(name).value_or("-"));
  }
};

TEST_F(Est, TellsTheCasAboveEachPurpose) {
  struct Row {
    const char* label;
    Purpose purpose;
  };
  for (const Row& row :
       {Row{"", Purpose::transport}, Row{"/transport", Purpose::transport}, Row{"/signing", Purpose::signing}}) {
    const auto response = api(nullptr, {.target = std::string(kEst) + row.label + "/cacerts"});
    const auto certificates = bag(response);
    EXPECT_EQ(field(response, "Content-Type"), "application/pkcs7-mime");
    ASSERT_EQ(certificates.size(), 3U) << "the root and one issuing CA for each environment";
    EXPECT_EQ(certificates.front(), authority().hierarchy().root(Root::partner));
    for (const auto environment : {base::Environment::uat, base::Environment::production})
      EXPECT_NE(
          std::ranges::find(certificates, authority().hierarchy().find_issuer(environment, row.purpose)->certificate),
          certificates.end());
    for (const auto& certificate : certificates)
      EXPECT_NE(certificate, authority().hierarchy().root(Root::provider));
  }
  for (const char* label : {"/server", "/ehi", "/service", "/nonsense"})
    EXPECT_EQ(outcome(api(nullptr, {.target = std::string(kEst) + label + "/cacerts"})), "404 est.unknown_label");
}

TEST_F(Est, SaysWhichKeyItWants) {
  const auto response = api(nullptr, {.target = std::string(kEst) + "/csrattrs"});
  EXPECT_EQ(outcome(response), "200");
  EXPECT_EQ(field(response, "Content-Type"), "application/csrattrs");
  EXPECT_EQ(packed(response->body), "MCEwFQYHKoZIzj0CATEKBggqhkjOPQMBBwYIKoZIzj0EAwI=");
}

TEST_F(Est, EnrolsWithACode) {
  struct Row {
    const char* name;
    const char* label;
    Purpose purpose;
  };
  for (const Row& row :
       {Row{"without a label", "", Purpose::transport}, Row{"transport", "/transport", Purpose::transport},
        Row{"signing", "/signing", Purpose::signing}}) {
    SCOPED_TRACE(row.name);
    const auto key = make_key();
    const std::string code = make_code();
    const auto response = api(nullptr, enroll(csr_base64(key), {basic(code)}, row.label));
    const auto certificates = bag(response);
    EXPECT_EQ(field(response, "Content-Type"), "application/pkcs7-mime; smime-type=certs-only");
    EXPECT_EQ(field(response, "Content-Transfer-Encoding"), "base64");
    ASSERT_EQ(certificates.size(), 1U);
    EXPECT_EQ(certificates[0].public_key().to_spki(), key.public_key().to_spki());
    EXPECT_EQ(certificates[0].subject().common_name, "payments") << "nothing of the CSR's names";
    EXPECT_EQ(certificates[0].subject_alt_names().uris,
              std::vector<std::string>{"urn:countersign:production:acme:payments"});
    EXPECT_EQ(raw().ask("SELECT purpose FROM certificates WHERE serial = '" + certificates[0].serial().hex() + "'"),
              trust::name(row.purpose));
  }
}

TEST_F(Est, ReadsTheBodyHoweverItIsWrapped) {
  const auto key = make_key();
  const std::string good = csr_base64(key);
  std::string wrapped;
  for (std::size_t at = 0; at < good.size(); at += 76)
    wrapped += good.substr(at, 76) + "\r\n";
  const std::string code = make_code();
  struct Row {
    const char* name;
    std::string body;
    std::vector<http::Field> fields;
    const char* outcome;
  };
  const Row rows[] = {
      {"one line", good, {}, "200"},
      {"lines", wrapped, {}, "200"},
      {"the field of RFC 7030", good, {{"Content-Transfer-Encoding", "base64"}}, "200"},
      {"a field that lies", good, {{"Content-Transfer-Encoding", "binary"}}, "200"},
      {"PEM", csr_pem(key), {}, "200"},
      {"bare DER", std::string(base::as_text(der_of(csr_pem(key)))), {}, "400 csr.malformed"},
      {"nothing", "", {}, "400 csr.malformed"},
      {"no request", "aGVsbG8=", {}, "400 csr.malformed"},
      {"cut off", good.substr(0, good.size() - 8), {}, "400 csr.malformed"},
  };
  for (const Row& row : rows) {
    auto fields = row.fields;
    fields.push_back(basic(code));
    EXPECT_EQ(outcome(api(nullptr, enroll(row.body, fields))), row.outcome) << row.name;
  }
  for (const char* type : {"application/pkcs10", "Application/PKCS10; charset=us-ascii"}) {
    const Ask ask{"POST", std::string(kEst) + "/simpleenroll", good, {{"Content-Type", type}, basic(code)}};
    EXPECT_EQ(outcome(api(nullptr, ask)), "200") << type;
  }
  for (const char* type : {"application/x-www-form-urlencoded", "application/pkcs10x", ""}) {
    const Ask ask{"POST", std::string(kEst) + "/simpleenroll", good, {{"Content-Type", type}, basic(code)}};
    EXPECT_EQ(outcome(api(nullptr, ask)), "415 est.content_type") << type;
  }
}

TEST_F(Est, AsksForACodeAndTellsNothingElse) {
  const auto key = make_key();
  const std::string good = make_code();
  const std::string body = csr_base64(key);
  const auto expired = [&] {
    const auto code = authority().enrolment().create_code(
        admin_actor(), {identity("production:acme:payments"), {}, std::chrono::minutes(1)});
    return std::string(code->code.text().reveal_text());
  }();
  clock.advance(std::chrono::minutes(2));
  struct Row {
    const char* name;
    std::vector<http::Field> fields;
    const char* outcome;
  };
  const std::string unknown = "cse_" + std::string(43, 'A');
  const Row rows[] = {
      {"nothing", {}, "401"},
      {"a token", {{"Authorization", "Bearer " + good}}, "401"},
      {"no base64", {{"Authorization", "Basic ???"}}, "401"},
      {"no colon", {{"Authorization", "Basic " + base::to_base64(base::as_bytes(good))}}, "401"},
      {"no password", {basic("")}, "401"},
      {"two of them", {basic(good), basic(good)}, "401"},
      {"an unknown code", {basic(unknown)}, "401 code.unknown"},
      {"a password", {basic("secret")}, "401 code.unknown"},
      {"a code that ended", {basic(expired)}, "401 code.expired"},
      {"the good twin, without a user", {basic(good, "")}, "200"},
  };
  for (const Row& row : rows) {
    const auto response = api(nullptr, enroll(body, row.fields));
    EXPECT_EQ(outcome(response), row.outcome) << row.name;
    EXPECT_EQ(response->status == 401, field(response, "WWW-Authenticate").starts_with("Basic realm=")) << row.name;
  }
  EXPECT_EQ(outcome(api(nullptr, enroll("", {}))), "401") << "before the body is looked at";
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(unknown))).substr(0, 8);
  EXPECT_TRUE(has_logged(R"("enrolment_code":")" + digest + "\""));
  EXPECT_TRUE(has_logged(R"("code":"est.no_credentials","status":401)"));
  EXPECT_FALSE(has_logged(unknown)) << "codes are not written down";
}

TEST_F(Est, RefusesAsEveryEnrolmentDoes) {
  const auto key = make_key();
  const std::string code = make_code({Purpose::transport});
  EXPECT_EQ(outcome(api(nullptr, enroll(csr_base64(key), {basic(code)}, "/signing"))), "403 code.other_purpose");
  EXPECT_EQ(outcome(api(nullptr, enroll(csr_base64(key), {basic(code)}))), "200");
  EXPECT_EQ(outcome(api(nullptr, enroll(csr_base64(key), {basic(code)}))), "200") << "the same again";
  EXPECT_EQ(outcome(api(nullptr, enroll(csr_base64(make_key()), {basic(code)}))), "409 code.used");
  base::Bytes unproved = der_of(csr_pem(make_key()));
  unproved.back() ^= 1U;
  EXPECT_EQ(outcome(api(nullptr, enroll(base::to_base64(unproved), {basic(make_code())}))), "403 csr.bad_proof");
  ASSERT_TRUE(authority().directory().suspend_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(outcome(api(nullptr, enroll(csr_base64(make_key()), {basic(make_code())}))), "403 organisation.suspended");
}

TEST_F(Est, RenewsWithTheTransportCertificate) {
  const auto held = credential("production:acme:payments", Purpose::transport);
  for (const char* label : {"", "/transport", "/signing"}) {
    const auto key = make_key();
    const auto certificates = bag(api(&held, reenroll(csr_base64(key), label)));
    ASSERT_EQ(certificates.size(), 1U) << label;
    EXPECT_EQ(certificates[0].public_key().to_spki(), key.public_key().to_spki());
    EXPECT_EQ(certificates[0].subject_alt_names().uris,
              std::vector<std::string>{"urn:countersign:production:acme:payments"});
  }
  EXPECT_EQ(outcome(api(&held, reenroll(csr_base64(held.key)))), "403 key.reused");
}

TEST_F(Est, RenewsForNobodyElse) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto signing = credential("production:acme:payments", Purpose::signing);
  const auto held = credential("production:acme:payments", Purpose::transport);
  const std::string csr = csr_base64(make_key());
  struct Row {
    const char* name;
    const tls::Credential* own;
    const char* outcome;
  };
  const Row rows[] = {
      {"nobody", nullptr, "403 caller.none"},
      {"a gateway", &gateway, "403 purpose.not_allowed"},
      {"an operator", admin(), "403 purpose.not_allowed"},
      {"a signing certificate", &signing, "tls.alert_received"},
      {"a partner", &held, "200"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(outcome(api(row.own, reenroll(csr))), row.outcome) << row.name;
  EXPECT_EQ(outcome(api(&held, reenroll(csr, "/server"))), "404 est.unknown_label");
  Ask from_a_page = reenroll(csr);
  from_a_page.fields.push_back({"Origin", "https://evil.example"});
  EXPECT_EQ(outcome(api(&held, from_a_page)), "403 api.cross_site");
}

TEST_F(Est, RenewsNoMoreAfterRevocationAndSuspension) {
  const auto revoked = credential("production:acme:payments", Purpose::transport);
  ASSERT_TRUE(revoke(authority().ledger(), admin_actor(), revoked.chain.front().serial(), "superseded"));
  EXPECT_EQ(outcome(api(&revoked, reenroll(csr_base64(make_key())))), "tls.alert_received");
  const auto suspended = credential("production:acme:payments", Purpose::transport);
  EXPECT_EQ(outcome(api(&suspended, reenroll(csr_base64(make_key())))), "200");
  ASSERT_TRUE(authority().directory().suspend_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(outcome(api(&suspended, reenroll(csr_base64(make_key())))), "tls.alert_received");
}

/// With few places, so that none of those who take them is closed for idleness before the last is taken.
class EstWithFewPlaces : public Est {
 protected:
  void SetUp() override {
    places.partners = 3;
    Est::SetUp();
  }
};

TEST_F(EstWithFewPlaces, KeepsPlacesForOperators) {
  EXPECT_LT(Places().partners + Places().anonymous, kConnectionLimit) << "some are left";
  const auto partner = credential("production:acme:payments", Purpose::transport);
  std::vector<Connection> connections;
  for (std::size_t i = 0; i < places.partners; ++i) {
    auto connection = testing::run(loop, connect(service().api_at(), &partner));
    ASSERT_TRUE(connection) << i;
    connections.push_back(std::move(*connection));
  }
  EXPECT_EQ(outcome(testing::run(loop, send(connections.back(), {.target = "/v1/health"}))), "200");
  EXPECT_TRUE(was_cut(api(&partner, {.target = "/v1/health"}))) << "their places are taken";
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200") << "others' are not";
  EXPECT_EQ(outcome(api(admin(), {.target = "/v1/health"})), "200");
  connections.pop_back();
  EXPECT_EQ(outcome(api(&partner, {.target = "/v1/health"})), "200") << "one has left";
}

TEST_F(Est, TellsOfRequestsThatWaitForAnApproval) {
  const auto response = to_est_response(Pending{"r-1", 0, 1, std::chrono::milliseconds(1500)});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->fields.find("Retry-After"), "2");
  EXPECT_EQ(to_est_response(Pending{"r-1", 0, 1, std::chrono::seconds(0)})->fields.find("Retry-After"), "1");
}

/// Where the provider wants an approval for transport certificates in production.
class EstWithApprovals : public Est {
 protected:
  void SetUp() override {
    auto document = base::ConfigSection::parse(
        "[[profiles]]\nenvironment = \"production\"\npurpose = \"transport\"\napprovals = 1\n", "test.toml");
    issuance_policy = IssuancePolicy::read(document->sections("profiles").value(), kDay * 350).value();
    Est::SetUp();
    add_operator(authority().ledger(), "bob", {Role::approver});
  }
};

TEST_F(EstWithApprovals, WaitsForPeople) {
  const auto key = make_key();
  const Ask ask = enroll(csr_base64(key), {basic(make_code())});
  for (int i = 0; i < 2; ++i) {
    const auto waiting = api(nullptr, ask);
    EXPECT_EQ(outcome(waiting), "202");
    EXPECT_EQ(field(waiting, "Retry-After"), "60");
  }
  store::RequestFilter filter;
  filter.state = "pending";
  filter.now = clock.now();
  const auto requests = authority().approvals().list(filter);
  ASSERT_EQ(requests->size(), 1U) << "asking again opens no second one";
  const store::RequestRow& row = requests->front().row;
  ASSERT_TRUE(authority().approvals().approve({identity("internal:operator:bob"), row.id, row.content_sha256, ""}));
  EXPECT_EQ(bag(api(nullptr, ask))[0].public_key().to_spki(), key.public_key().to_spki());
}

TEST_F(Est, GivesTheTrustChainAsABagToo) {
  const auto response = api(nullptr, {.target = "/v1/trust-chain?of=provider&format=pkcs7"});
  EXPECT_EQ(outcome(response), "200");
  const auto parsed = x509::parse_certs_only(base::as_bytes(response->body));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, authority().hierarchy().trust_chain(Root::provider));
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/trust-chain?format=jks"})), "400 query.invalid");
}

}  // namespace
}  // namespace countersign::authority
