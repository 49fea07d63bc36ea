// The closed table of who may call what: each operation of the API, as each kind of caller, at the real door. And that
// people of a partner see and touch what their own organisation has, and nothing else.

#include "authority/doors/doors_test.h"

namespace countersign::authority {
namespace {

/// Who calls: nobody, applications and programs, operators by their roles, people by theirs.
constexpr std::string_view kNobody = "nobody";
using Who = std::set<std::string_view>;
const Who kAnyone = {"nobody", "partner", "gateway", "vera",  "rita", "anna",
                     "ravi",   "ada",     "maria",   "petra", "rolf", "paula"};
const Who kHolders = {"partner", "gateway", "vera", "rita", "anna", "ravi", "ada", "maria", "petra", "rolf", "paula"};
const Who kOperators = {"vera", "rita", "anna", "ravi", "ada"};
const Who kRegistrars = {"rita", "ada"};
const Who kApprovers = {"anna", "ada"};
const Who kRevokers = {"ravi", "ada"};
const Who kAdministrators = {"ada"};
const Who kPeople = {"maria", "petra", "rolf", "paula"};
const Who kPeopleWhoRequest = {"petra", "paula"};
const Who kPeopleWhoRevoke = {"rolf", "paula"};

struct Operation {
  std::string_view name;
  const Who& may;
};
const Operation kTable[] = {
    {"POST /v1/enrolments", kAnyone},
    {"POST /v1/renewals", kHolders},
    {"POST /v1/late-renewals", kAnyone},
    {"POST /v1/applications/{environment}/{organisation}/{application}/eab-credentials", kRegistrars},
    {"GET /v1/applications/{environment}/{organisation}/{application}/eab-credentials", kOperators},
    {"POST /v1/applications/{environment}/{organisation}/{application}/eab-credentials/{kid}/cancel", kRegistrars},
    {"GET /v1/trust-chain", kAnyone},
    {"GET /v1/trust-chain/announcements", kAnyone},
    {"GET /v1/metrics", kOperators},
    {"GET /v1/roots", kOperators},
    {"POST /v1/roots", kAdministrators},
    {"POST /v1/roots/{root}/retire", kAdministrators},
    {"GET /v1/health", kAnyone},
    {"POST /v1/organisations", kRegistrars},
    {"GET /v1/organisations", kOperators},
    {"POST /v1/organisations/{organisation}/suspend", kRevokers},
    {"POST /v1/organisations/{organisation}/resume", kRevokers},
    {"POST /v1/applications", kRegistrars},
    {"GET /v1/applications", kOperators},
    {"POST /v1/applications/{environment}/{organisation}/{application}/suspend", kRevokers},
    {"POST /v1/applications/{environment}/{organisation}/{application}/resume", kRevokers},
    {"POST /v1/applications/{environment}/{organisation}/{application}/server-names", kRegistrars},
    {"POST /v1/applications/{environment}/{organisation}/{application}/enrolment-codes", kRegistrars},
    {"GET /v1/applications/{environment}/{organisation}/{application}/enrolment-codes", kOperators},
    {"POST /v1/applications/{environment}/{organisation}/{application}/enrolment-codes/{digest}/cancel", kRegistrars},
    {"GET /v1/certificates", kOperators},
    {"GET /v1/certificates/{serial}", kOperators},
    {"GET /v1/audit", kOperators},
    {"GET /v1/audit/verification", kOperators},
    {"POST /v1/audit/acknowledge", kAdministrators},
    {"GET /v1/requests", kOperators},
    {"GET /v1/requests/{request}", kOperators},
    {"POST /v1/requests/{request}/approve", kApprovers},
    {"POST /v1/requests/{request}/refuse", kApprovers},
    {"POST /v1/certificates/{serial}/revoke", kRevokers},
    {"POST /v1/own-certificates/{serial}/revoke", kHolders},
    {"POST /v1/revocations", kRevokers},
    {"GET /v1/log/checkpoint", kAnyone},
    {"GET /v1/log/verifier", kAnyone},
    {"GET /v1/log/consistency", kAnyone},
    {"GET /v1/log/certificates/{serial}", kOperators},
    {"POST /v1/log/comparison", kOperators},
    {"POST /v1/organisations/{organisation}/contacts", kRegistrars},
    {"GET /v1/organisations/{organisation}/contacts", kOperators},
    {"POST /v1/organisations/{organisation}/contacts/{contact}/remove", kRegistrars},
    {"GET /v1/notices", kOperators},
    {"GET /v1/refusals", kOperators},
    {"GET /v1/operators", kOperators},
    {"POST /v1/operators/{operator}/roles", kAdministrators},
    {"GET /v1/issuing-cas", kOperators},
    {"POST /v1/issuing-cas", kAdministrators},
    {"GET /v1/issuing-cas/{ca}", kOperators},
    {"POST /v1/issuing-cas/{ca}/certify", kAdministrators},
    {"POST /v1/issuing-cas/{ca}/certificate", kAdministrators},
    {"POST /v1/issuing-cas/{ca}/cancel", kAdministrators},
    {"POST /v1/issuing-cas/{ca}/distribute", kAdministrators},
    {"POST /v1/issuing-cas/{ca}/activate", kAdministrators},
    {"POST /v1/issuing-cas/{ca}/retire", kAdministrators},
    {"POST /v1/issuing-cas/{ca}/withdraw", kAdministrators},
    {"POST /v1/roots/{root}/crl", kAdministrators},
    {"GET /v1/people", kOperators},
    {"POST /v1/people/{organisation}/{person}/roles", kRegistrars},
    {"GET /v1/own-organisation", kPeople},
    {"GET /v1/own-organisation/applications", kPeople},
    {"GET /v1/own-organisation/certificates", kPeople},
    {"GET /v1/own-organisation/certificates/{serial}", kPeople},
    {"POST /v1/own-organisation/certificates/{serial}/revoke", kPeopleWhoRevoke},
    {"GET /v1/own-organisation/requests", kPeople},
    {"GET /v1/own-organisation/requests/{request}", kPeople},
    {"GET /v1/own-organisation/contacts", kPeople},
    {"GET /v1/own-organisation/notices", kPeople},
    {"GET /v1/own-organisation/refusals", kPeople},
    {"GET /v1/own-organisation/applications/{environment}/{application}/enrolment-codes", kPeople},
    {"POST /v1/own-organisation/applications/{environment}/{application}/enrolment-codes", kPeopleWhoRequest},
    {"POST /v1/own-organisation/applications/{environment}/{application}/enrolment-codes/{digest}/cancel",
     kPeopleWhoRequest},
    {"GET /v1/clients", kOperators},
    {"GET /v1/applications/{environment}/{organisation}/{application}/client", kOperators},
    {"POST /v1/applications/{environment}/{organisation}/{application}/client", kRegistrars},
    {"POST /v1/applications/{environment}/{organisation}/{application}/client/disable", kRevokers},
    {"POST /v1/applications/{environment}/{organisation}/{application}/client/enable", kRevokers},
    {"POST /v1/applications/{environment}/{organisation}/{application}/client/end-tokens", kRevokers},
    {"POST /v1/applications/{environment}/{organisation}/{application}/client/software-statement", kRegistrars},
    {"GET /v1/applications/{environment}/{organisation}/{application}/client/secrets", kOperators},
    {"POST /v1/applications/{environment}/{organisation}/{application}/client/secrets", kRegistrars},
    {"POST /v1/applications/{environment}/{organisation}/{application}/client/secrets/{secret}/cancel", kRegistrars},
    {"GET /v1/ehi-servers", kOperators},
    {"POST /v1/organisations/{organisation}/ehi-servers", kRegistrars},
    {"GET /v1/organisations/{organisation}/ehi-servers", kOperators},
    {"GET /v1/organisations/{organisation}/ehi-servers/{server}", kOperators},
    {"POST /v1/organisations/{organisation}/ehi-servers/{server}/check", kRegistrars},
    {"POST /v1/organisations/{organisation}/ehi-servers/{server}/confirm", kRegistrars},
    {"POST /v1/organisations/{organisation}/ehi-servers/{server}/remove", kRegistrars},
    {"POST /v1/own-organisation/ehi-servers", kPeopleWhoRequest},
    {"GET /v1/own-organisation/ehi-servers", kPeople},
    {"GET /v1/own-organisation/ehi-servers/{server}", kPeople},
    {"POST /v1/own-organisation/ehi-servers/{server}/check", kPeopleWhoRequest},
    {"POST /v1/own-organisation/ehi-servers/{server}/remove", kPeopleWhoRequest},
    {"GET /v1/token-keys", kOperators},
    {"POST /v1/token-keys/rotate", kAdministrators},
    {"POST /v1/token-keys/give-up", kAdministrators},
    {"GET /v1/openapi.json", kAnyone},
};

class People : public Doors {
 protected:
  void SetUp() override {
    Doors::SetUp();
    for (const char* organisation : {"acme", "globex"})
      for (const char* environment : {"uat", "production"})
        add(std::string(environment) + ":" + organisation + ":cards");
    add_person("maria", {});
    add_person("petra", {PersonRole::requester});
    add_person("rolf", {PersonRole::revoker});
    add_person("paula", {PersonRole::requester, PersonRole::revoker});
  }
  void add(const std::string& urn_end) {
    const base::Identity wanted = identity(urn_end);
    (void)authority().directory().create_organisation(admin_actor(), wanted.organisation, "A partner");
    ASSERT_TRUE(authority().directory().create_application(admin_actor(), {wanted, "", {}})) << urn_end;
  }
  void add_person(const std::string& name, const std::set<PersonRole>& roles) {
    add("internal:acme:" + name);
    ASSERT_TRUE(set_person_roles(authority().ledger(), {admin_actor(), identity("internal:acme:" + name), roles}));
  }
  tls::Credential person(const std::string& name) { return credential("internal:acme:" + name, Purpose::person); }
  std::string ask(const tls::Credential& own, const std::string& method, const std::string& target,
                  const std::string& body = "") {
    return outcome(api(&own, {method, "/v1/own-organisation" + target, body}));
  }
  base::json::object json_of(const base::Result<http::Response>& response) {
    EXPECT_TRUE(outcome(response).starts_with('2')) << outcome(response);
    return base::parse_json(response->body)->as_object();
  }
  base::json::object look(const tls::Credential& own, const std::string& target) {
    return json_of(api(&own, {.target = "/v1/own-organisation" + target}));
  }
};

bool is_refusal_of_the_caller(const std::string& found) {
  return found == "403 caller.none" || found == "403 caller.not_operator" || found == "403 caller.not_person" ||
         found == "403 caller.role";
}

TEST_F(People, AndEverybodyElseMayCallWhatTheTableSays) {
  for (const auto& [name, roles] : std::map<std::string, std::set<Role>>{{"vera", {}},
                                                                         {"rita", {Role::registrar}},
                                                                         {"anna", {Role::approver}},
                                                                         {"ravi", {Role::revoker}},
                                                                         {"ada", {Role::administrator}}})
    add_operator(authority().ledger(), name, roles);
  std::set<std::string> routes;
  for (const Route& route : all_routes())
    if (route.pattern.starts_with("/v1/")) routes.insert(std::string(route.method) + " " + std::string(route.pattern));
  std::set<std::string> table;
  for (const Operation& operation : kTable)
    EXPECT_TRUE(table.emplace(operation.name).second) << operation.name << " stands here twice";
  ASSERT_EQ(table, routes) << "each operation needs its line";
  for (const std::string_view who : kAnyone) {
    SCOPED_TRACE(who);
    std::optional<tls::Credential> own;
    if (who == "partner") own = credential("production:acme:payments", Purpose::transport);
    else if (who == "gateway") own = credential("internal:service:gateway", Purpose::service);
    else if (kPeople.contains(who)) own = person(std::string(who));
    else if (who != kNobody) own = credential("internal:operator:" + std::string(who), Purpose::service);
    Caller caller{own ? &*own : nullptr};
    for (const Operation& operation : kTable) {
      const std::size_t space = operation.name.find(' ');
      const std::string method(operation.name.substr(0, space));
      const std::string target = path_to_nothing(operation.name.substr(space + 1));
      const std::string body = method == "GET" ? "" : R"({"no":"body"})";
      const std::string found = outcome(api(caller, {method, target, body}));
      EXPECT_EQ(is_refusal_of_the_caller(found), !operation.may.contains(who)) << operation.name << ": " << found;
    }
  }
}

/// Every way to name something of another organisation, or of people, is answered as what is not there; its twin is of
/// the own one.
TEST_F(People, SeeNothingOfOthers) {
  const tls::Credential paula = person("paula");
  const auto serial_of = [&](const char* urn_end, Purpose purpose) {
    return credential(urn_end, purpose).chain.front().serial().hex();
  };
  const std::string own = serial_of("production:acme:cards", Purpose::transport);
  const std::string foreign = serial_of("production:globex:cards", Purpose::transport);
  const std::string of_platform = serial_of("internal:service:gateway", Purpose::service);
  const std::string of_colleague = serial_of("internal:acme:maria", Purpose::person);
  const std::string none = "0c55a1f2b4d6e8090a1b2c3d4e5f6082a2";
  for (const std::string& serial : {foreign, of_platform, none})
    EXPECT_EQ(ask(paula, "GET", "/certificates/" + serial), "404 certificate.unknown") << serial;
  EXPECT_EQ(ask(paula, "GET", "/certificates/" + own), "200");
  const std::string reason = R"({"reason":"superseded"})";
  for (const std::string& serial : {foreign, of_platform, of_colleague, none})
    EXPECT_EQ(ask(paula, "POST", "/certificates/" + serial + "/revoke", reason), "404 certificate.unknown") << serial;
  EXPECT_EQ(ask(paula, "POST", "/certificates/" + own + "/revoke", reason), "200");
  for (const char* of : {"/uat/none", "/internal/maria", "/internal/paula", "/internal/gateway"}) {
    const std::string codes = std::string("/applications") + of + "/enrolment-codes";
    EXPECT_EQ(ask(paula, "GET", codes), "404 application.unknown") << of;
    EXPECT_EQ(ask(paula, "POST", codes, "{}"), "404 application.unknown") << of;
    EXPECT_EQ(ask(paula, "POST", codes + "/0123456789abcdef/cancel"), "404 application.unknown") << of;
  }
  EXPECT_EQ(ask(paula, "POST", "/applications/uat/cards/enrolment-codes", "{}"), "201");
  const auto code = authority().enrolment().create_code(admin_actor(), {identity("uat:globex:cards"), {}});
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(code->code.text().reveal_text())));
  EXPECT_EQ(ask(paula, "POST", "/applications/uat/cards/enrolment-codes/" + digest.substr(0, 16) + "/cancel"),
            "404 enrolment_code.unknown");
  for (const char* query : {"", "?organisation=globex", "?environment=production&organisation=globex"}) {
    const auto response = api(&paula, {.target = std::string("/v1/own-organisation/applications")});
    EXPECT_EQ(response->body.find("globex"), std::string::npos) << query;
    const auto unsaid = testing::run(
        loop,
        ask_once(service().api_at(), &paula, {.target = std::string("/v1/own-organisation/certificates") + query}));
    EXPECT_EQ(outcome(unsaid), "200") << query;
    EXPECT_EQ(unsaid->body.find("globex"), std::string::npos) << query;
    EXPECT_NE(unsaid->body.find("acme"), std::string::npos) << query;
  }
}

TEST_F(People, SeeWhatTheirOwnWereTold) {
  const tls::Credential maria = person("maria");
  for (const char* organisation : {"acme", "globex"}) {
    const auto url = courier::WebhookUrl::parse(std::string("https://") + organisation + ".example/hook").value();
    ASSERT_TRUE(authority().contacts().add(admin_actor(), {slug(organisation), std::nullopt, url}));
    credential(std::string("production:") + organisation + ":cards", Purpose::transport);
  }
  clock.set(clock.now() + kDay * 320);
  ASSERT_GE(authority().notices().plan().value_or(0), 2U);
  clock.set(clock.now() - kDay * 320);
  const auto told = api(&maria, {.target = "/v1/own-organisation/notices"});
  const auto contacts = api(&maria, {.target = "/v1/own-organisation/contacts"});
  for (const auto& response : {told, contacts}) {
    EXPECT_NE(response->body.find("https://acme.example/hook"), std::string::npos) << response->body;
    EXPECT_EQ(response->body.find("globex"), std::string::npos) << response->body;
  }
}

/// What went wrong on the way to a contact names hosts of the provider: people are told the code of it.
TEST_F(People, SeeNothingOfTheInsideInWhatFailed) {
  const tls::Credential maria = person("maria");
  const auto url = courier::WebhookUrl::parse("https://acme.example/hook").value();
  ASSERT_TRUE(authority().contacts().add(admin_actor(), {slug("acme"), std::nullopt, url}));
  credential("production:acme:cards", Purpose::transport);
  clock.set(clock.now() + kDay * 320);
  ASSERT_GE(authority().notices().plan().value_or(0), 1U);
  for (auto letter = authority().notices().claim(Channel::webhook).value(); letter;
       letter = authority().notices().claim(Channel::webhook).value())
    ASSERT_TRUE(authority().notices().settle(
        *letter, base::fail(base::Kind::timeout, "webhook.failed", "no answer through proxy.inside.example")));
  clock.set(clock.now() - kDay * 320);
  const auto told = api(&maria, {.target = "/v1/own-organisation/notices"});
  EXPECT_NE(told->body.find("\"last_error\":\"webhook.failed\""), std::string::npos) << told->body;
  EXPECT_EQ(told->body.find("inside"), std::string::npos) << told->body;
  const auto of_all = authority().notices().list({.state = "pending"}).value();
  EXPECT_TRUE(std::ranges::any_of(of_all, [](const store::LetterRow& letter) {
    return letter.last_error.value_or("").find("proxy.inside.example") != std::string::npos;
  })) << "operators need it";
}

/// A person's certificate opens the API and nothing else; taken back, suspended or without role it opens less at once.
TEST_F(People, AreWhatTheRegistrySaysNow) {
  const tls::Credential petra = person("petra");
  const std::string codes = "/applications/production/cards/enrolment-codes";
  EXPECT_EQ(ask(petra, "POST", codes, "{}"), "201");
  ASSERT_TRUE(set_person_roles(authority().ledger(), {admin_actor(), identity("internal:acme:petra"), {}}));
  EXPECT_EQ(ask(petra, "POST", codes, "{}"), "403 caller.role");
  EXPECT_EQ(ask(petra, "GET", codes), "200");
  EXPECT_TRUE(outcome(internal(&petra, {.target = "/v1/feed/snapshot"})).starts_with("tls."));
  ASSERT_TRUE(authority().directory().suspend_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(ask(petra, "GET", ""), "tls.alert_received");
  ASSERT_TRUE(authority().directory().resume_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(ask(petra, "GET", ""), "200");
}

TEST_F(People, RenewTheirOwnCertificateAndNoOther) {
  const tls::Credential maria = person("maria");
  const auto renew = [&](const char* purpose) {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const base::json::object body{{"purpose", purpose}, {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()}};
    return outcome(api(&maria, {"POST", "/v1/renewals", base::json::serialize(body)}));
  };
  for (const char* other : {"transport", "signing", "service", "server", "ehi"})
    EXPECT_EQ(renew(other), "403 purpose.not_allowed") << other;
  EXPECT_EQ(renew("person"), "201");
}

TEST_F(People, MakeNoMoreCodesThanAreUsed) {
  const tls::Credential petra = person("petra");
  const std::string codes = "/applications/production/cards/enrolment-codes";
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(ask(petra, "POST", codes, "{}"), "201") << i;
  EXPECT_EQ(ask(petra, "POST", codes, "{}"), "403 code.too_many");
  const auto made = look(petra, codes);
  const std::string digest = member(made.at("enrolment_codes").as_array()[0].as_object(), "digest");
  EXPECT_EQ(ask(petra, "POST", codes + "/" + digest + "/cancel"), "200");
  EXPECT_EQ(ask(petra, "POST", codes, "{}"), "201") << "one less waits";
}

class PeopleWithApprovals : public People {
 protected:
  void SetUp() override {
    auto document = base::ConfigSection::parse(
        "[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\napprovals = 1\n", "test.toml");
    issuance_policy = IssuancePolicy::read(document->sections("profiles").value(), kDay * 350).value();
    People::SetUp();
  }
};

/// Who let somebody in may hold that one's certificate: approving what it asks for would be approving oneself.
TEST_F(PeopleWithApprovals, AreNotApprovedByWhoLetThemIn) {
  for (const char* name : {"rita", "anna"})
    add_operator(authority().ledger(), name, {Role::registrar, Role::approver});
  const tls::Credential rita = credential("internal:operator:rita", Purpose::service);
  const tls::Credential anna = credential("internal:operator:anna", Purpose::service);
  ASSERT_EQ(outcome(api(&rita, {"POST", "/v1/people/acme/petra/roles", R"({"roles":["requester"]})"})), "200");
  const tls::Credential petra = person("petra");
  const auto made = json_of(api(&petra, {"POST", "/v1/own-organisation/applications/production/cards/enrolment-codes",
                                         R"({"purposes":["transport"]})"}));
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const base::json::object order{
      {"code", made.at("code")}, {"purpose", "transport"}, {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()}};
  ASSERT_EQ(outcome(api(nullptr, {"POST", "/v1/enrolments", base::json::serialize(order)})), "202");
  const auto seen = look(petra, "/requests").at("requests").as_array()[0].as_object();
  const std::string path = "/v1/requests/" + member(seen, "request") + "/approve";
  const std::string word = base::json::serialize(base::json::object{{"content_sha256", seen.at("content_sha256")}});
  EXPECT_EQ(outcome(api(&rita, {"POST", path, word})), "403 approval.own");
  EXPECT_EQ(outcome(api(&anna, {"POST", path, word})), "200");
  EXPECT_EQ(outcome(api(nullptr, {"POST", "/v1/enrolments", base::json::serialize(order)})), "201");
}

}  // namespace
}  // namespace countersign::authority
