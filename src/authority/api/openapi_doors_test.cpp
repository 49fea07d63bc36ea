// The OpenAPI document against the real doors: every operation answers as it says, and no body is taken
// that it would not take. Doors::api() holds each call and answer against it.
#include <algorithm>
#include <set>

#include "authority/api/openapi.h"
#include "authority/doors/doors_test.h"
#include "authority/ehi/checks.h"
#include "authority/ehi/outages.h"
#include "authority/ehi/servers.h"
#include "authority/registry/refused_certificates.h"
#include "ceremony/ca_profile.h"
#include "crypto/pem.h"
#include "feed/late_renewal.h"

namespace countersign::authority {
namespace {

using base::json::value;
using Operation = DescribedApi::Operation;

std::string name_of(const Operation& operation) { return operation.method + " " + operation.path; }
std::string security_of(const Operation& operation) { return base::json::serialize(operation.says->at("security")); }

/// Doors where certificates for transport in uat need one approval, and calls of which each operation is noted.
class DescribedDoors : public Doors {
 protected:
  /// The answer, which must be a good one; its JSON where it is that.
  object call(const tls::Credential* own, const Ask& ask) {
    const auto response = api(own, ask);
    EXPECT_TRUE(outcome(response).starts_with('2')) << ask.method << " " << ask.target << ": " << outcome(response);
    if (!response) return {};
    const auto operation = DescribedApi::served().find(ask.method, ask.target.substr(0, ask.target.find('?')));
    if (operation) answered_.insert(name_of(*operation));
    last_ = response->body;
    const auto json = base::parse_json(response->body);
    return json && json->is_object() ? json->get_object() : object();
  }
  object get(const std::string& target) { return call(admin(), {.target = target}); }
  object post(const std::string& target, const object& body = {}) {
    return call(admin(), {"POST", target, body.empty() ? "" : base::json::serialize(body)});
  }
  /// Who may call the operation, by what the document says.
  const tls::Credential* caller_of(const Operation& operation) {
    if (security_of(operation) == "[]") return nullptr;
    if (security_of(operation) == R"([{"person":[]}])") return &*person_;
    return security_of(operation) == R"([{"operator":[]}])" ? admin() : &*partner_;
  }
  static object order(const object& code) {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    return {
        {"code", code.at("code")}, {"purpose", "transport"}, {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()}};
  }
  /// A request that awaits approval, by its id, digest and order.
  struct Awaited {
    std::string path;
    value content_sha256;
    object order;
  };
  Awaited await() {
    const object order_ = order(post("/v1/applications/uat/acme/cards/enrolment-codes", {{"purposes", {"transport"}}}));
    const object pending = call(nullptr, {"POST", "/v1/enrolments", base::json::serialize(order_)});
    const std::string path = "/v1/requests/" + member(pending, "request");
    return {path, get(path).at("content_sha256"), order_};
  }

  void keep_the_directory();
  void keep_contacts();
  void keep_ehi_servers();
  void meet_trouble();
  void enrol_and_end();
  void approve_and_refuse();
  void look_after_the_own_organisation();
  void renew_late();
  void rotate_a_ca();
  void rotate_a_root();
  void keep_clients();
  void look_at_the_logs();

  const std::string& last() const { return last_; }
  const std::set<std::string>& answered() const { return answered_; }

  void SetUp() override {
    auto document = base::ConfigSection::parse(
        "[[profiles]]\nenvironment = 'uat'\npurpose = 'transport'\napprovals = 1\n"
        "[[profiles]]\nenvironment = 'internal'\npurpose = 'person'\nlife = '2h'\ndanger_renew_after_expiry = '7d'\n",
        "test.toml");
    issuance_policy = IssuancePolicy::read(document->sections("profiles").value(), kDay * 350).value();
    Doors::SetUp();
    partner_ = credential("production:acme:payments", Purpose::transport);
    ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("internal:acme:maria"), "", {}}));
    const std::set<PersonRole> roles = {PersonRole::requester, PersonRole::revoker};
    ASSERT_TRUE(set_person_roles(authority().ledger(), {admin_actor(), identity("internal:acme:maria"), roles}));
    person_ = credential("internal:acme:maria", Purpose::person);
  }

 private:
  std::set<std::string> answered_;
  std::string last_;
  std::optional<tls::Credential> partner_;
  std::optional<tls::Credential> person_;
};

void DescribedDoors::keep_the_directory() {
  post("/v1/organisations", {{"id", "globex"}, {"name", "Globex"}});
  get("/v1/organisations");
  post("/v1/organisations/globex/suspend");
  post("/v1/organisations/globex/resume", {});
  post("/v1/applications", {{"environment", "uat"}, {"organisation", "acme"}, {"application", "cards"}});
  post("/v1/applications", {{"environment", "internal"},
                            {"organisation", "service"},
                            {"application", "billing"},
                            {"name", "Billing"},
                            {"server_names", {"billing.example.com"}}});
  get("/v1/applications?environment=uat&organisation=acme&application=cards");
  post("/v1/applications/uat/acme/cards/suspend");
  post("/v1/applications/uat/acme/cards/resume");
  post("/v1/applications/internal/service/billing/server-names", {{"server_names", {"*.example.com", "::1"}}});
}

void DescribedDoors::keep_contacts() {
  const std::string contacts = "/v1/organisations/acme/contacts";
  const object added = post(contacts, {{"webhook", "https://hooks.acme.example/countersign"}});
  post(contacts, {{"email", "x@acme.example"}, {"environment", "production"}, {"application", "payments"}});
  get(contacts);
  const base::Instant today = clock.now();
  const tls::Credential ending = credential("production:acme:payments", Purpose::transport);
  clock.set(ending.chain.front().not_after() - kDay * 30);
  EXPECT_GE(authority().notices().plan().value_or(0), 1U);
  clock.set(today);
  EXPECT_FALSE(get("/v1/notices?state=pending&limit=5").at("notices").as_array().empty());
  post(contacts + "/" + member(added, "contact") + "/remove");
  EXPECT_FALSE(get("/v1/notices?state=dropped").at("notices").as_array().empty());
}

void DescribedDoors::keep_ehi_servers() {
  const std::string servers = "/v1/organisations/acme/ehi-servers";
  const object order{{"environment", "production"}, {"url", "https://host.acme.example/decide"}};
  const std::string added = servers + "/" + member(post(servers, order), "server");
  get(added);
  EXPECT_EQ(member(post(added + "/check").at("check").as_object(), "state"), "waiting");
  const auto begun = EhiChecks(authority().ledger(), authority().hierarchy()).begin();
  ASSERT_TRUE(begun && *begun);
  const check::Report report{.url = "https://host.acme.example/decide",
                             .at = clock.now(),
                             .findings = {{"reach.connect", check::Severity::fail, "It is there", "no", "Start it"}}};
  ASSERT_TRUE(EhiChecks(authority().ledger(), authority().hierarchy()).end(**begun, report));
  EXPECT_EQ(member(get(added).at("report").as_object(), "verdict"), "fail");
  EXPECT_EQ(get(servers).at("servers").as_array().size(), 1U);
  const object page = get("/v1/ehi-servers?limit=1");
  EXPECT_EQ(member(page.at("servers").as_array().at(0).as_object(), "verdict"), "fail");
  EXPECT_TRUE(get("/v1/ehi-servers?after=" + member(page, "next")).at("servers").as_array().empty());
  post(added + "/remove");
  const auto own = [&](const char* method, const std::string& path, const object& body) {
    const std::string text = body.empty() ? "" : base::json::serialize(body);
    return call(&*person_, {method, "/v1/own-organisation/ehi-servers" + path, text});
  };
  const std::string id = "/" + member(own("POST", "", order), "server");
  EXPECT_FALSE(own("GET", id, {}).contains("confirmed"));
  EXPECT_TRUE(post(servers + id + "/confirm").contains("confirmed"));
  EXPECT_EQ(own("GET", "", {}).at("servers").as_array().size(), 1U);
  clock.set(clock.now() + kEhiCheckPause);
  own("POST", id + "/check", {});
  own("GET", id, {});
  meet_trouble();
  const object theirs = own("GET", id, {});
  const object ours = get(servers + id);
  EXPECT_EQ(member(theirs.at("calls").as_object(), "reason"), "expired");
  EXPECT_EQ(theirs.at("outages").as_array().size(), 1U);
  EXPECT_EQ(member(ours.at("reports").as_array().at(0).as_object(), "detail"), "from 10.1.2.3");
  EXPECT_EQ(base::json::serialize(theirs).find("10.1.2.3"), std::string::npos) << "that is the provider's to know";
  EXPECT_EQ(base::json::serialize(theirs).find("acme-cards"), std::string::npos);
  own("POST", id + "/remove", {});
}

/// A sender met it, and contacts are told.
void DescribedDoors::meet_trouble() {
  feed::EndpointReport report{base::Environment::production, slug("acme"), "https://host.acme.example/decide",
                              "acme-cards", "decisions"};
  report.state = feed::EndpointState::refused;
  report.code = "ehi.refused";
  report.reason = trust::Reason::expired;
  report.detail = "from 10.1.2.3";
  report.times = 2;
  report.first = report.last = clock.now();
  ASSERT_TRUE(note_endpoint_reports(authority().ledger(), "ehi", {report}));
  const testing::KeptLog kept;
  EXPECT_EQ(Outages({authority().ledger(), authority().random(), kept.log(), true}).write().value_or(0), 1U);
}

void DescribedDoors::enrol_and_end() {
  const std::string codes = "/v1/applications/production/acme/payments/enrolment-codes";
  const object issued =
      call(nullptr, {"POST", "/v1/enrolments", base::json::serialize(order(post(codes, {{"life", "2h"}})))});
  post(codes);
  const object listed = get(codes);
  post(codes + "/" + member(listed.at("enrolment_codes").as_array()[0].as_object(), "digest") + "/cancel");
  get(codes);
  const std::string credentials = "/v1/applications/production/acme/payments/eab-credentials";
  const object made = post(credentials, {{"purposes", {"transport"}}, {"life", "2h"}});
  get(credentials);
  post(credentials + "/" + member(made, "kid") + "/cancel");
  get(credentials);
  object renewal = order({{"code", ""}});
  renewal.erase("code");
  const tls::Credential held = credential("production:acme:payments", Purpose::transport);
  const object renewed = call(&held, {"POST", "/v1/renewals", base::json::serialize(renewal)});
  get("/v1/certificates/" + member(issued, "serial"));
  get("/v1/log/certificates/" + member(issued, "serial"));
  call(&held, {"POST", "/v1/own-certificates/" + member(renewed, "serial") + "/revoke", R"({"reason":"superseded"})"});
  post("/v1/certificates/" + member(issued, "serial") + "/revoke", {{"reason", "key_compromise"}});
  get("/v1/certificates?environment=production&organisation=acme&purpose=transport&status=revoked&limit=5");
  get("/v1/certificates?limit=1&after=1790000000000000.0c55a1f2b4d6e8090a1b2c3d4e5f6082a2");
  const object plan = post("/v1/revocations", {{"reason", "superseded"}, {"organisation", "acme"}});
  post("/v1/revocations",
       {{"reason", "superseded"}, {"organisation", "acme"}, {"plan_sha256", plan.at("plan_sha256")}});
}

void DescribedDoors::approve_and_refuse() {
  add_operator(authority().ledger(), "alice", {});
  post("/v1/operators/alice/roles", {{"roles", {"approver", "registrar"}}});
  EXPECT_EQ(get("/v1/operators").at("operators").as_array().size(), 2U);
  const tls::Credential alice = credential("internal:operator:alice", Purpose::service);
  const auto decide = [&](const Awaited& awaited, const char* how, object word) {
    word["content_sha256"] = awaited.content_sha256;
    return call(&alice, {"POST", awaited.path + how, base::json::serialize(word)});
  };
  const Awaited first = await();
  EXPECT_EQ(member(decide(first, "/approve", {{"comment", "as agreed"}}), "state"), "approved");
  call(nullptr, {"POST", "/v1/enrolments", base::json::serialize(first.order)});
  EXPECT_TRUE(get(first.path).contains("serial"));
  const Awaited second = await();
  EXPECT_EQ(member(decide(second, "/refuse", {{"reason", "not that key"}}), "state"), "refused");
  EXPECT_EQ(outcome(api(nullptr, {"POST", "/v1/enrolments", base::json::serialize(second.order)})),
            "403 request.refused");
  get("/v1/requests?environment=uat&state=refused&limit=3");
}

void DescribedDoors::look_after_the_own_organisation() {
  person_ = credential("internal:acme:maria", Purpose::person);  // what she had ended with all of her organisation
  const auto look = [&](const std::string& target) {
    return call(&*person_, {.target = "/v1/own-organisation" + target});
  };
  const auto change = [&](const std::string& target, const object& body = {}) {
    const std::string text = body.empty() ? "" : base::json::serialize(body);
    return call(&*person_, {"POST", "/v1/own-organisation" + target, text});
  };
  EXPECT_EQ(get("/v1/people?organisation=acme").at("people").as_array().size(), 1U);
  post("/v1/people/acme/maria/roles", {{"roles", {"requester", "revoker"}}});
  EXPECT_EQ(look("").at("roles").as_array().size(), 2U);
  EXPECT_FALSE(look("/applications?environment=production").at("applications").as_array().empty());
  look("/certificates?environment=production&application=payments&purpose=transport&status=valid&limit=3");
  look("/contacts");
  look("/notices?state=dropped&limit=3");
  const std::string fingerprint = base::to_hex(partner_->chain.front().fingerprint());
  const feed::RefusalCount refusal{fingerprint, trust::Reason::revoked, 3, clock.now(), clock.now()};
  ASSERT_EQ(note_refusals(authority().ledger(), "gateway", {refusal}).value_or(0), 1U);
  const std::string of_payments = "/refusals?environment=production&application=payments&limit=3";
  EXPECT_EQ(look(of_payments).at("refusals").as_array().size(), 1U);
  EXPECT_EQ(get("/v1" + of_payments + "&organisation=acme").at("refusals").as_array().size(), 1U);
  const Awaited waiting = await();
  const object requests = look("/requests?environment=uat&state=pending&limit=3");
  EXPECT_EQ(requests.at("requests").as_array().size(), 1U);
  look("/requests/" + waiting.path.substr(std::string("/v1/requests/").size()));
  const std::string codes = "/applications/production/payments/enrolment-codes";
  const object made = change(codes, {{"purposes", {"transport"}}, {"life", "2h"}});
  const object issued = call(nullptr, {"POST", "/v1/enrolments", base::json::serialize(order(made))});
  change(codes);
  change(codes + "/" + member(look(codes).at("enrolment_codes").as_array()[0].as_object(), "digest") + "/cancel");
  look("/certificates/" + member(issued, "serial"));
  change("/certificates/" + member(issued, "serial") + "/revoke", {{"reason", "superseded"}});
}

void DescribedDoors::renew_late() {
  const base::Instant today = clock.now();
  const tls::Credential held = credential("internal:acme:maria", Purpose::person);
  clock.set(today + std::chrono::hours(3));
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const std::string content = feed::late_renewal_content(Purpose::person, key.public_key(), held.chain.front());
  const object body{{"purpose", "person"},
                    {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()},
                    {"certificate", held.chain.front().to_pem()},
                    {"signature", base::to_base64(held.key.sign(base::as_bytes(content)).value())}};
  const object renewed = call(nullptr, {"POST", "/v1/late-renewals", base::json::serialize(body)});
  const object again = call(nullptr, {"POST", "/v1/late-renewals", base::json::serialize(body)});
  EXPECT_EQ(renewed.at("serial"), again.at("serial")) << "said again, it is answered as before";
  clock.set(today);
}

/// A certificate and a CRL as ceremonies make them, with the key of the root that a first run has left.
struct AtCeremony {
  x509::Certificate root;  // a copy: each change loads the hierarchy anew
  crypto::PrivateKey key;
  base::Instant now;

  std::string certify(const std::string& request) const {
    testing::SeededRandom random(5);
    const ceremony::CaOrder order{.rank = ceremony::CaRank::issuing,
                                  .subject = {"The third", "Example Payments", {}},
                                  .key = x509::Csr::parse(request)->public_key(),
                                  .not_before = now,
                                  .not_after = now + kDay * 3000};
    const auto draft = ceremony::draft(order, &root, now, random).value();
    return draft.assemble(key.sign(draft.tbs().der).value())->to_pem();
  }
  std::string make_crl() const {
    const auto tbs = x509::build_tbs({.number = 2,
                                      .this_update = now + std::chrono::seconds(5),
                                      .next_update = now + kDay,
                                      .urls = {"http://pki.example/crl/partner-root-0.crl"},
                                      .scope = x509::CrlScope::ca_certificates,
                                      .revoked = {}},
                                     root);
    return crypto::to_pem("X509 CRL", x509::assemble(*tbs, key.sign(tbs->der).value()));
  }
};

void DescribedDoors::rotate_a_ca() {
  // Before the worker has anything to do by itself: new trust has the authority look after its own certificate.
  const tls::Credential gateway = credential("internal:service:gateway", Purpose::service);
  const std::string cas = "/v1/issuing-cas";
  const auto take = [&](const std::string& ca, const char* step, const object& body = {}) {
    return member(post(cas + "/" + ca + "/" + step, body), "state");
  };
  EXPECT_EQ(member(post(cas, {{"line", "uat-signing"}, {"key", "p384"}}), "state"), "waiting");
  EXPECT_EQ(take("uat-signing-2", "certify"), "prepared");
  EXPECT_EQ(take("uat-signing-2", "cancel"), "retired");
  EXPECT_EQ(member(post(cas, {{"line", "uat-signing"}}), "name"), "uat-signing-3");
  const AtCeremony at{
      authority().hierarchy().root(Root::partner),
      load_key(key_file(authority().folder().keys(), "partner-root"), EstablishedData::shared().passphrase()).value(),
      clock.now()};
  const std::string certificate = at.certify(member(get(cas + "/uat-signing-3"), "csr"));
  EXPECT_EQ(take("uat-signing-3", "certificate", {{"certificate", certificate}}), "prepared");
  const std::string day = base::to_rfc3339(clock.now() + kDay * 30);
  EXPECT_EQ(take("uat-signing-3", "distribute", {{"use_from", day}}), "distributed");
  const object announced = call(nullptr, {.target = "/v1/trust-chain/announcements?of=partner"});
  EXPECT_EQ(member(announced.at("announcements").as_array().at(0).as_object(), "use_from"), day);
  ASSERT_EQ(outcome(internal(&gateway, {.target = changes_path("after=999999999&holds=0123456789abcdef")})),
            "410 feed.gone");
  EXPECT_EQ(take("uat-signing-3", "activate", {{"reason", "nobody judges these in a handshake"}}), "active");
  EXPECT_FALSE(get(cas + "/uat-signing-3").at("followers").as_array().empty());
  EXPECT_EQ(take("uat-signing", "retire"), "retired");
  EXPECT_EQ(take("uat-signing-3", "withdraw", {{"reason", "a tape was lost"}}), "withdrawn");
  EXPECT_EQ(get(cas).at("issuing_cas").as_array().size(), 10U);
  post("/v1/roots/partner/crl", {{"crl", at.make_crl()}});
}

void DescribedDoors::rotate_a_root() {
  const AtCeremony old{
      authority().hierarchy().root(Root::partner),
      load_key(key_file(authority().folder().keys(), "partner-root"), EstablishedData::shared().passphrase()).value(),
      clock.now()};
  testing::SeededRandom random(6);
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const ceremony::CaOrder order{.rank = ceremony::CaRank::root,
                                .subject = {"The next root", "Example Payments", {}},
                                .key = key.public_key(),
                                .not_before = clock.now(),
                                .not_after = clock.now() + kDay * 3000,
                                .path_length = 1};
  const auto own = ceremony::draft(order, nullptr, clock.now(), random).value();
  const auto cross = ceremony::draft(order, &old.root, clock.now(), random).value();
  const object imported =
      post("/v1/roots", {{"line", "partner"},
                         {"certificate", own.assemble(key.sign(own.tbs().der).value())->to_pem()},
                         {"cross_certificates", {cross.assemble(old.key.sign(cross.tbs().der).value())->to_pem()}}});
  EXPECT_EQ(member(imported, "root"), "partner-2");
  EXPECT_EQ(get("/v1/roots").at("roots").as_array().size(), 3U);
  EXPECT_EQ(member(post("/v1/roots/partner-2/retire"), "state"), "retired");
  get("/v1/metrics");
  EXPECT_NE(last().find("countersign_authority_ca_good_for_seconds{ca=\"people\"}"), std::string::npos) << last();
  EXPECT_NE(last().find("kind=\"CRL\",issuer=\"partner-root\""), std::string::npos) << last();
}

void DescribedDoors::keep_clients() {
  const std::string client = "/v1/applications/production/acme/payments/client";
  post(client, {{"methods", {"private_key_jwt", "client_secret_post"}},
                {"scopes", {"payments:read"}},
                {"audiences", {"https://api.example.com"}},
                {"claims", {{"tenant", "t-17"}}}});
  EXPECT_EQ(member(get(client), "client_id"), "production.acme.payments");
  EXPECT_EQ(get("/v1/clients").at("clients").as_array().size(), 1U);
  const object secret = post(client + "/secrets");
  EXPECT_EQ(get(client + "/secrets").at("secrets").as_array().size(), 1U);
  post(client + "/secrets/" + member(secret, "id") + "/cancel");
  post(client + "/disable");
  post(client + "/enable");
  post(client + "/end-tokens");
  post(client + "/software-statement", {{"scopes", {"payments:read"}}});
  EXPECT_EQ(get("/v1/token-keys").at("token_keys").as_array().size(), 1U);
  post("/v1/token-keys/rotate");
  post("/v1/token-keys/give-up");
}

void DescribedDoors::look_at_the_logs() {
  call(nullptr, {.target = "/v1/health"});
  call(nullptr, {.target = "/v1/openapi.json"});
  call(nullptr, {.target = "/v1/trust-chain?of=partner"});
  call(nullptr, {.target = "/v1/log/verifier"});
  call(nullptr, {.target = "/v1/log/consistency?from=1"});
  call(nullptr, {.target = "/v1/log/checkpoint"});
  const std::string kept = last();
  EXPECT_TRUE(post("/v1/log/comparison", {{"checkpoint", kept}}).at("intact").as_bool());
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/log/comparison", R"({"checkpoint":"no note"})"})),
            "400 checkpoint.foreign");
  get("/v1/audit?after=0&limit=1000");
  EXPECT_TRUE(get("/v1/audit/verification").at("intact").as_bool());
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/audit/acknowledge"})), "409 audit.intact");
  ASSERT_TRUE(raw().run("UPDATE audit SET subject = 'x' WHERE sequence = 3"));
  EXPECT_FALSE(get("/v1/audit/verification").at("intact").as_bool());
  EXPECT_FALSE(post("/v1/log/comparison", {{"checkpoint", kept}}).empty());
  post("/v1/audit/acknowledge");
}

TEST_F(DescribedDoors, AnswerEachOperationAsItSays) {
  keep_the_directory();
  keep_contacts();
  keep_ehi_servers();
  enrol_and_end();
  approve_and_refuse();
  look_after_the_own_organisation();
  renew_late();
  rotate_a_ca();
  rotate_a_root();
  keep_clients();
  look_at_the_logs();
  for (const Operation& operation : DescribedApi::served().operations())
    EXPECT_TRUE(answered().contains(name_of(operation)))
        << "no good answer of " << name_of(operation)
        << " was held against the document: add a call to one of the steps in openapi_doors_test.cpp";
}

/// Of all members that any call takes, each takes those that its schema names, and no other.
TEST_F(DescribedDoors, TakeNoMemberThatTheDocumentDoesNotName) {
  const DescribedApi& described = DescribedApi::served();
  std::vector<Operation> taking = described.operations();
  std::erase_if(taking, [&](const Operation& operation) { return described.request_schema(operation) == nullptr; });
  std::set<std::string> words = {"unknown"};
  for (const Operation& operation : taking)
    for (const auto& property : described.request_schema(operation)->at("properties").as_object())
      words.emplace(property.key());
  EXPECT_GE(taking.size(), 15U);
  for (const Operation& operation : taking) {
    auto connection = testing::run(loop, connect(service().api_at(), caller_of(operation)));
    ASSERT_TRUE(connection) << base::to_string(connection.error());
    const value& schema = *described.request_schema(operation);
    for (const std::string& word : words) {
      if (schema.at("properties").as_object().contains(word)) continue;
      object body = schema.at("examples").at(0).as_object();
      body[word] = "x";
      const Ask ask{operation.method, described.example_path(operation), base::json::serialize(body)};
      const std::string found = outcome(testing::run(loop, send(*connection, ask)));
      if (found == "400 json.unknown_member") continue;
      ADD_FAILURE() << name_of(operation) << " takes \"" << word << "\" (" << found
                    << "): refuse it, or add it to the schema of its body in openapi.json";
      break;
    }
  }
}

TEST_F(DescribedDoors, TakeEachMemberThatTheDocumentNames) {
  const DescribedApi& described = DescribedApi::served();
  std::vector<Operation> operations = described.operations();
  // Partners first: one of the others suspends the organisation of the examples.
  std::ranges::stable_partition(operations, [](const Operation& operation) {
    return security_of(operation) == R"([{"certificate":[]}])" || security_of(operation) == R"([{"person":[]}])";
  });
  for (const Operation& operation : operations) {
    const value* schema = described.request_schema(operation);
    if (schema == nullptr) continue;
    for (const value& example : schema->at("examples").as_array()) {
      const Ask ask{operation.method, described.example_path(operation), base::json::serialize(example)};
      const std::string found = outcome(api(caller_of(operation), ask));
      EXPECT_TRUE(found.starts_with('2') || (found.starts_with('4') && !found.starts_with("400 json.")))
          << name_of(operation) << " refuses an example of its own body: " << found;
    }
  }
}

}  // namespace
}  // namespace countersign::authority
