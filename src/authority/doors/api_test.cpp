// The API over real TLS on loopback: who may do what, what bad input is told, and what of it is kept in the log.
#include "authority/doors/api.h"

#include "authority/doors/doors_test.h"
#include "testing/ca.h"

namespace countersign::authority {
namespace {

TEST_F(Doors, LetOnlyOperatorsAdministrate) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto partner = credential("production:acme:payments", Purpose::transport);
  const auto signing = credential("production:acme:payments", Purpose::signing);
  const std::string new_organisation = R"({"id":"globex","name":"Globex"})";
  const std::string paths[] = {"/v1/organisations", "/v1/applications", "/v1/certificates", "/v1/audit"};
  for (const std::string& path : paths) {
    EXPECT_EQ(outcome(api(nullptr, {.target = path})), "403 caller.none") << path;
    EXPECT_EQ(outcome(api(&gateway, {.target = path})), "403 caller.not_operator") << path;
    EXPECT_EQ(outcome(api(&partner, {.target = path})), "403 caller.not_operator") << path;
    EXPECT_EQ(outcome(api(&signing, {.target = path})), "tls.alert_received") << path;
    EXPECT_EQ(outcome(api(admin(), {.target = path})), "200") << path;
  }
  EXPECT_TRUE(has_logged("\"reason\":\"wrong_purpose\""));
  EXPECT_EQ(outcome(api(nullptr, {"POST", "/v1/organisations", new_organisation})), "403 caller.none");
  EXPECT_EQ(outcome(api(nullptr, {"POST",
                                  "/v1/organisations",
                                  new_organisation,
                                  {{"X-Countersign-Application", "admin"}, {"Client-Cert", ":AAAA:"}}})),
            "403 caller.none");
  EXPECT_EQ(
      outcome(api(admin(), {"POST", "/v1/organisations", new_organisation, {{"Origin", "https://evil.example"}}})),
      "403 api.cross_site");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/organisations", new_organisation})), "201");
}

/// A partner's certificate opens the door for renewals, and not one of the operators' routes.
TEST_F(Doors, GiveAPartnerNoneOfTheOperatorsRoutes) {
  const auto partner = credential("production:acme:payments", Purpose::transport);
  Caller caller{&partner};
  std::size_t tried = 0;
  for (const Route& route : all_routes()) {
    if (!std::holds_alternative<OperatorHandler>(route.handler)) continue;
    const std::string path = path_to_nothing(route.pattern);
    EXPECT_EQ(outcome(api(caller, {std::string(route.method), path, "{}"})), "403 caller.not_operator") << path;
    ++tried;
  }
  EXPECT_GE(tried, 20U);
}

TEST_F(Doors, RenewForPartnersWithTheCertificateTheyHold) {
  const auto held = credential("production:acme:payments", Purpose::transport);
  const auto ask = [&](const tls::Credential* own, const char* purpose) {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const object body{{"purpose", purpose}, {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()}};
    return api(own, {"POST", "/v1/renewals", base::json::serialize(body)});
  };
  EXPECT_EQ(outcome(ask(nullptr, "transport")), "403 caller.none");
  EXPECT_EQ(outcome(ask(&held, "signing")), "201");
  EXPECT_EQ(outcome(ask(&held, "server")), "403 purpose.not_allowed");
  const auto answered = ask(&held, "transport");
  ASSERT_EQ(outcome(answered), "201");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates WHERE first_seen_at IS NOT NULL"), "1")
      << "what was shown here is in use";
}

TEST_F(Doors, ServeTheWholePathToACertificate) {
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/organisations", R"({"id":"globex","name":"Globex"})"})), "201");
  const std::string application = R"({"environment":"uat","organisation":"globex","application":"cards"})";
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/applications", application})), "201");
  const object code =
      json_of(api(admin(), {"POST", "/v1/applications/uat/globex/cards/enrolment-codes", R"({"life":"1h"})"}));
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const object order{
      {"code", code.at("code")}, {"purpose", "transport"}, {"csr", x509::Csr::make_pem(key, {"", "", ""}).value()}};
  const auto response = api(nullptr, {"POST", "/v1/enrolments", base::json::serialize(order)});
  ASSERT_EQ(outcome(response), "201");
  const object issued = json_of(response);
  EXPECT_EQ(member(issued, "urn"), "urn:countersign:uat:globex:cards");
  EXPECT_EQ(member(issued, "not_after"), base::to_rfc3339(kNow + kDay * 350));
  const auto text = [&](const char* name) { return member(issued, name); };
  const auto leaf = x509::Certificate::one_from(text("certificate"));
  const auto issuer = x509::Certificate::one_from(text("chain"));
  const auto root = x509::Certificate::one_from(text("root"));
  EXPECT_TRUE(leaf->is_signed_by(issuer->public_key()) && issuer->is_signed_by(root->public_key()));

  const object shown = json_of(api(admin(), {.target = "/v1/certificates/" + text("serial")}));
  EXPECT_EQ(member(shown, "certificate"), text("certificate"));
  EXPECT_EQ(member(shown, "status"), "valid");
  const object revoked =
      json_of(api(admin(), {"POST", "/v1/certificates/" + text("serial") + "/revoke", R"({"reason":"superseded"})"}));
  EXPECT_EQ(member(revoked, "status"), "revoked");
  EXPECT_EQ(member(revoked, "revoked_for"), "superseded");
  const object list = json_of(api(admin(), {.target = "/v1/certificates?organisation=globex&status=revoked"}));
  EXPECT_EQ(list.at("certificates").as_array().size(), 1U);
  const object none = json_of(api(admin(), {.target = "/v1/certificates?organisation=globex&status=valid"}));
  EXPECT_TRUE(none.at("certificates").as_array().empty());
}

TEST_F(Doors, ListAndCancelCodes) {
  const std::string path = "/v1/applications/production/acme/payments/enrolment-codes";
  ASSERT_EQ(outcome(api(admin(), {"POST", path, R"({"purposes":["transport"]})"})), "201");
  const object list = json_of(api(admin(), {.target = path}));
  ASSERT_EQ(list.at("enrolment_codes").as_array().size(), 1U);
  const object& code = list.at("enrolment_codes").as_array()[0].as_object();
  EXPECT_EQ(code.at("purposes").as_array().size(), 1U);
  EXPECT_TRUE(code.at("redeemed").as_array().empty());
  EXPECT_FALSE(code.contains("cancelled"));
  const std::string cancel = path + "/" + member(code, "digest") + "/cancel";
  EXPECT_EQ(outcome(api(nullptr, {"POST", cancel})), "403 caller.none");
  EXPECT_TRUE(json_of(api(admin(), {"POST", cancel})).contains("cancelled"));
  EXPECT_EQ(outcome(api(admin(), {"POST", path + "/0123456789abcdef/cancel"})), "404 enrolment_code.unknown");
}

TEST_F(Doors, TellBadInputWhatIsWrong) {
  const std::string csr =
      x509::Csr::make_pem(crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value(), {"", "", ""}).value();
  const auto enrolment = [&](const std::string& code, const std::string& purpose, const std::string& request) {
    return base::json::serialize(object{{"code", code}, {"purpose", purpose}, {"csr", request}});
  };
  const auto code = authority().enrolment().create_code(admin_actor(), {identity("production:acme:payments"), {}});
  const std::string good(code->code.text().reveal_text());
  struct Row {
    const char* name;
    Ask ask;
    const char* outcome;
  };
  const std::string application_path = "/v1/applications/production/acme/payments";
  const Row rows[] = {
      {"no such path", {.target = "/v1/nothing"}, "404 api.no_such_path"},
      {"method", {"DELETE", "/v1/organisations"}, "405 api.method_not_allowed"},
      {"no JSON", {"POST", "/v1/organisations", "{"}, "400 json.syntax"},
      {"no object", {"POST", "/v1/organisations", "[]"}, "400 json.type"},
      {"missing member", {"POST", "/v1/organisations", R"({"id":"x"})"}, "400 json.missing"},
      {"unknown member", {"POST", "/v1/organisations", R"({"id":"x","name":"X","a":1})"}, "400 json.unknown_member"},
      {"bad slug", {"POST", "/v1/organisations", R"({"id":"Ac me","name":"X"})"}, "400 slug.invalid"},
      {"duplicate", {"POST", "/v1/organisations", R"({"id":"acme","name":"X"})"}, "409 organisation.exists"},
      {"unknown organisation", {"POST", "/v1/organisations/nobody/suspend"}, "404 organisation.unknown"},
      {"unknown environment", {"POST", "/v1/applications/test/acme/payments/suspend"}, "400 environment.unknown"},
      {"unknown application", {"POST", "/v1/applications/uat/acme/payments/suspend"}, "404 application.unknown"},
      {"bad life", {"POST", application_path + "/enrolment-codes", R"({"life":"soon"})"}, "400 config.duration"},
      {"bad purpose",
       {"POST", application_path + "/enrolment-codes", R"({"purposes":["all"]})"},
       "400 purpose.unknown"},
      {"bad serial", {.target = "/v1/certificates/xyz"}, "400 serial.invalid"},
      {"unknown serial", {.target = "/v1/certificates/0123"}, "404 certificate.unknown"},
      {"bad reason", {"POST", "/v1/certificates/0123/revoke", R"({"reason":"because"})"}, "400 reason.unknown"},
      {"bad limit", {.target = "/v1/certificates?limit=0"}, "400 query.invalid"},
      {"bad status", {.target = "/v1/certificates?status=fine"}, "400 query.invalid"},
      {"application of nobody", {.target = "/v1/certificates?application=payments"}, "400 query.invalid"},
      {"bad place", {.target = "/v1/certificates?after=12"}, "400 query.invalid"},
      {"bad serial of a place", {.target = "/v1/certificates?after=12.xyz"}, "400 query.invalid"},
      {"a good place", {.target = "/v1/certificates?after=12.0c55"}, "200"},
      {"bad chain", {.target = "/v1/trust-chain?of=me"}, "400 root.unknown"},
      {"unknown code", {"POST", "/v1/enrolments", enrolment("cse_no", "transport", csr)}, "403 code.unknown"},
      {"other purpose", {"POST", "/v1/enrolments", enrolment(good, "server", csr)}, "403 code.other_purpose"},
      {"CSR cut off",
       {"POST", "/v1/enrolments", enrolment(good, "transport", csr.substr(0, 200))},
       "400 csr.malformed"},
      {"CSR too large",
       {"POST", "/v1/enrolments", enrolment(good, "transport", std::string(100'000, 'A'))},
       "413 csr.too_large"},
      {"RSA-1024",
       {"POST", "/v1/enrolments",
        enrolment(good, "transport", x509::Csr::make_pem(testing::make_weak_key(), {"", "", ""}).value())},
       "400 key.weak"},
      {"good after all", {"POST", "/v1/enrolments", enrolment(good, "transport", csr)}, "201"},
      {"used",
       {"POST", "/v1/enrolments",
        enrolment(
            good, "transport",
            x509::Csr::make_pem(crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value(), {"", "", ""})
                .value())},
       "409 code.used"},
  };
  for (const Row& row : rows) {
    const auto response = api(admin(), row.ask);
    EXPECT_EQ(outcome(response), row.outcome) << row.name;
    if (response && response->status >= 400) {
      EXPECT_EQ(response->fields.find("Content-Type"), "application/problem+json") << row.name;
    }
  }
  const auto large = api(nullptr, {"POST", "/v1/enrolments", std::string(10 * 1024 * 1024, 'A')});
  EXPECT_TRUE(outcome(large) == "413 http.body_too_large" || was_cut(large)) << outcome(large);
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200") << "the service goes on";
}

TEST_F(Doors, LeaveOneRecordOfEachRefusedCall) {
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto lines_with = [this](const std::string& part) {
    const auto lines = log.lines();
    return std::ranges::count_if(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  };
  const std::string event = R"("event":"api.refused")";
  EXPECT_EQ(outcome(api(nullptr, {.target = "/v1/health"})), "200");
  EXPECT_EQ(lines_with(event), 0);
  EXPECT_EQ(outcome(api(&gateway, {"POST", "/v1/organisations", "{}"})), "403 caller.not_operator");
  EXPECT_EQ(lines_with(event + R"(,"code":"caller.not_operator","status":403,"method":"POST",)" +
                       R"("route":"/v1/organisations","listener":"api","address":"127.0.0.1:)"),
            1);
  EXPECT_EQ(lines_with(R"("caller":"urn:countersign:internal:service:gateway","count":1)"), 1);
  const std::string code = "cse_something-that-was-guessed";
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(code))).substr(0, 8);
  const std::string body = base::json::serialize(object{{"code", code}, {"purpose", "transport"}, {"csr", ""}});
  EXPECT_EQ(outcome(api(nullptr, {"POST", "/v1/enrolments", body})), "403 code.unknown");
  EXPECT_EQ(lines_with(R"("caller":"none","count":2,"enrolment_code":")" + digest + "\""), 1);
  EXPECT_FALSE(has_logged("was-guessed"));
  EXPECT_EQ(outcome(internal(&gateway, {.target = "/v1/nothing"})), "404 api.no_such_path");
  EXPECT_EQ(lines_with(event), 3);
}

TEST_F(Doors, GiveTheTrustChains) {
  for (const auto& [of, certificates] : {std::pair{"", 4U}, {"?of=provider", 4U}, {"?of=partner", 6U}}) {
    const auto response = api(nullptr, {.target = std::string("/v1/trust-chain") + of});
    ASSERT_EQ(outcome(response), "200");
    EXPECT_EQ(response->fields.find("Content-Type"), "application/x-pem-file");
    const auto chain = x509::Certificate::all_from_pem(response->body);
    ASSERT_EQ(chain->size(), certificates) << of;
    EXPECT_TRUE(chain->front().is_self_issued());
  }
}

TEST_F(Doors, KeepTheAuthorityAndAnOperator) {
  const std::string application = "/v1/applications/internal/";
  const auto revoke_call = [](const x509::Certificate& certificate) {
    return Ask{"POST", "/v1/certificates/" + certificate.serial().hex() + "/revoke", R"({"reason":"superseded"})"};
  };
  const auto server = feed::load(server_files(authority().folder())).value();
  const auto& own = admin()->chain.front();
  EXPECT_EQ(outcome(api(admin(), {"POST", application + "service/authority/suspend"})), "409 application.authority");
  EXPECT_EQ(outcome(api(admin(), revoke_call(server.chain.front()))), "409 certificate.in_use");
  EXPECT_EQ(outcome(api(admin(), revoke_call(own))), "409 operator.last");

  add_operator(authority().ledger(), "alice", {Role::administrator});
  EXPECT_EQ(outcome(api(admin(), revoke_call(own))), "409 operator.last") << "alice has no certificate yet";
  const auto alice = credential("internal:operator:alice", Purpose::service);
  EXPECT_EQ(outcome(api(admin(), {"POST", application + "operator/alice/suspend"})), "200");
  EXPECT_EQ(outcome(api(admin(), revoke_call(own))), "409 operator.last") << "alice could not get in";
  EXPECT_EQ(outcome(api(admin(), {"POST", application + "operator/alice/resume"})), "200");
  EXPECT_EQ(outcome(api(&alice, revoke_call(own))), "200");
  EXPECT_EQ(outcome(api(&alice, revoke_call(alice.chain.front()))), "409 operator.last");
}

}  // namespace
}  // namespace countersign::authority
