// The authorisation server over a real registry: who gets a token for what, what is remembered, what gateways are told.
#include "authority/oauth/server.h"

#include "authority/oauth/oauth_test.h"
#include "authority/oauth/party_keys.h"

namespace countersign::authority {
namespace {

TEST_F(OauthServer, GivesATokenForTheCertificateAndTheRulesOfTheClient) {
  const std::string token = get_token("&scope=a&resource=https%3A%2F%2Fapi.example");
  const auto checked = oauth::check_token(token, ring(), clock.now());
  ASSERT_TRUE(checked);
  const oauth::Grant& grant = checked->grant();
  EXPECT_EQ(grant.certificate, transport_->chain.front().fingerprint());
  EXPECT_EQ(grant.scopes.text(), "a");
  EXPECT_EQ(grant.audiences, std::vector<std::string>{kApi});
  EXPECT_EQ(base::json::serialize(grant.claims), R"({"tenant":"t-17"})");
  EXPECT_EQ(grant.expires - grant.issued, std::chrono::minutes(10));
  const auto all = oauth::check_token(get_token(), ring(), clock.now());
  EXPECT_EQ(all->grant().scopes.text(), "a b");
  EXPECT_EQ(all->grant().audiences.size(), 2U);
}

TEST_F(OauthServer, RefusesEachWithItsReason) {
  const auto second = credential(kShop, Purpose::transport);
  const PrivateKey strange = PrivateKey::generate(PrivateKey::Kind::p256).value();
  struct Row {
    const char* what;
    oauth::RelayedCall call;
    const char* outcome;
  };
  auto anonymous = good_call();
  anonymous.peer.reset();
  auto unlisted = good_call();
  unlisted.peer->fingerprint[0] ^= 1U;
  auto other_identity = good_call();
  other_identity.peer->identity = identity("production:acme:other");
  auto signing_certificate = good_call();
  signing_certificate.peer->fingerprint = signing_->chain.front().fingerprint();
  auto by_get = good_call();
  by_get.method = "GET";
  auto elsewhere = good_call();
  elsewhere.path = "/oauth2/nothing";
  const std::string password = "grant_type=password&username=a&password=b";
  for (const Row& row : {
           Row{"good", good_call(), "200"},
           Row{"without a certificate", anonymous, "401 oauth.no_certificate"},
           Row{"a certificate that is not listed", unlisted, "401 oauth.certificate_not_active"},
           Row{"listed for somebody else", other_identity, "401 oauth.certificate_not_active"},
           Row{"a signing certificate", signing_certificate, "401 oauth.certificate_not_active"},
           Row{"another grant", token_call(password), "400 oauth.grant_not_supported"},
           Row{"no grant", token_call("a=b"), "400 oauth.malformed_request"},
           Row{"GET", by_get, "400 oauth.malformed_request"},
           Row{"nothing there", elsewhere, "404 oauth.no_such_path"},
           Row{"no client", token_call("grant_type=client_credentials"), "401 oauth.no_client_authentication"},
           Row{"another client", good_call("&client_id=production.acme.other"), "401 oauth.certificate_of_another"},
           Row{"the client named", good_call(std::string("&client_id=") + kClient), "200"},
           Row{"signed with the transport key", token_call(form(assertion(transport_->key))),
               "401 oauth.assertion_key_not_signing"},
           Row{"signed with a strange key", token_call(form(assertion(strange))), "401 oauth.assertion_key_unknown"},
           Row{"a scope too many", good_call("&scope=a+c"), "400 oauth.scope_refused"},
           Row{"a malformed scope", good_call("&scope=a++b"), "400 oauth.scope_refused"},
           Row{"another resource", good_call("&resource=https%3A%2F%2Fx"), "400 oauth.audience_refused"},
           Row{"by certificate alone", token_call(std::string("grant_type=client_credentials&client_id=") + kClient),
               "401 oauth.method_not_allowed"},
           Row{"the same key with another certificate of it",
               [&] {
                 auto made = good_call();
                 made.peer->fingerprint = second.chain.front().fingerprint();
                 return made;
               }(),
               "200"},
       })
    EXPECT_EQ(ask(row.call), row.outcome) << row.what;
  EXPECT_TRUE(has_logged("oauth.assertion_key_not_signing"));
}

TEST_F(OauthServer, TakesAnAssertionOnce) {
  const std::string body = form(assertion(signing_->key, "the-id"));
  EXPECT_EQ(ask(token_call(body)), "200");
  EXPECT_EQ(ask(token_call(body)), "401 oauth.assertion_replayed");
  EXPECT_EQ(ask(token_call(form(assertion(signing_->key, "the-id")))), "401 oauth.assertion_replayed");
  clock.advance(std::chrono::minutes(1));
  EXPECT_EQ(ask(token_call(body)), "401 oauth.assertion_replayed");
  EXPECT_EQ(ask(token_call(form(assertion(signing_->key, "another-id")))), "200");
  // What cannot be taken any more is forgotten, and can still not be taken.
  clock.advance(std::chrono::minutes(10));
  EXPECT_EQ(ask(good_call()), "200");
  EXPECT_EQ(ask(token_call(body)), "401 oauth.assertion_expired");
}

TEST_F(OauthServer, AsksTheRegistryOnceMore) {
  EXPECT_EQ(ask(good_call()), "200");
  ASSERT_TRUE(authority().directory().suspend_application(admin_actor(), identity(kShop)));
  EXPECT_EQ(ask(good_call()), "401 oauth.certificate_not_active");
  ASSERT_TRUE(authority().directory().resume_application(admin_actor(), identity(kShop)));
  EXPECT_EQ(ask(good_call()), "200");
  ASSERT_TRUE(server().clients().disable(admin_actor(), identity(kShop)));
  EXPECT_EQ(ask(good_call()), "401 oauth.client_disabled");
  ASSERT_TRUE(server().clients().enable(admin_actor(), identity(kShop)));
  EXPECT_EQ(ask(good_call()), "200");
  clock.advance(kDay * 351);
  EXPECT_EQ(ask(good_call()), "401 oauth.certificate_not_active");
}

TEST_F(OauthServer, TakesASecretWithTheCertificateOnly) {
  allow({oauth::Method::client_secret_post, oauth::Method::client_secret_basic, oauth::Method::tls_client_auth});
  const auto made = server().clients().make_secret(admin_actor(), identity(kShop));
  ASSERT_TRUE(made);
  const std::string secret(made->secret.reveal_text());
  const std::string post = std::string("grant_type=client_credentials&client_id=") + kClient;
  EXPECT_EQ(ask(token_call(post)), "200");
  EXPECT_EQ(ask(token_call(post + "&client_secret=" + secret)), "200");
  auto basic = token_call("grant_type=client_credentials");
  basic.authorization = "Basic " + base::to_base64(base::as_bytes(std::string(kClient) + ":" + secret));
  EXPECT_EQ(ask(basic), "200");
  auto stolen = basic;
  stolen.peer.reset();
  EXPECT_EQ(ask(stolen), "401 oauth.no_certificate");
  EXPECT_FALSE(has_logged(secret));
  for (int i = 0; i < kWrongSecrets; ++i)
    EXPECT_EQ(ask(token_call(post + "&client_secret=" + std::string(secret.size(), 'x'))), "401 oauth.secret_refused");
  EXPECT_EQ(ask(basic), "401 oauth.too_many_attempts");
  clock.advance(kSecretPause);
  EXPECT_EQ(ask(basic), "200");
  ASSERT_TRUE(server().clients().cancel_secret(admin_actor(), identity(kShop), made->id));
  EXPECT_EQ(ask(basic), "401 oauth.secret_refused");
}

TEST_F(OauthServer, RevokesAndIntrospects) {
  const std::string token = get_token();
  const auto about = [&](const char* path, const std::string& which) {
    auto made = call(*transport_, kShop, path);
    made.body = form(assertion(signing_->key), "&token=" + which);
    return made;
  };
  EXPECT_EQ(ask(about("/oauth2/introspect", token)), "200");
  EXPECT_TRUE(last_.at("active").as_bool());
  EXPECT_EQ(ask(about("/oauth2/introspect", "nonsense")), "200");
  EXPECT_EQ(base::json::serialize(last_), R"({"active":false})");
  EXPECT_EQ(ask(about("/oauth2/revoke", "nonsense")), "200");
  EXPECT_EQ(check(token), "ok");
  EXPECT_EQ(ask(about("/oauth2/revoke", token)), "200");
  EXPECT_EQ(check(token), "oauth.token_revoked");
  EXPECT_EQ(ask(about("/oauth2/introspect", token)), "200");
  EXPECT_FALSE(last_.at("active").as_bool());
  EXPECT_EQ(ask(about("/oauth2/revoke", token)), "200");
  const std::string another = get_token();
  EXPECT_EQ(check(another), "ok");
  ASSERT_TRUE(server().clients().end_tokens(admin_actor(), identity(kShop)));
  EXPECT_EQ(check(another), "oauth.token_revoked");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(check(get_token()), "ok");
}

TEST_F(OauthServer, PublishesAKeyBeforeItSignsAndKnowsItUntilItsTokensEnd) {
  const std::string first = get_token();
  const auto kids = [&] {
    std::vector<std::string> all;
    const auto known = server().keys().known();
    for (const auto& row : *known)
      all.push_back(row.kid);
    return all;
  };
  ASSERT_EQ(kids().size(), 1U);
  const std::string first_kid = kids().front();
  clock.advance(kDay * 28);
  ASSERT_TRUE(server().keys().tend());
  EXPECT_EQ(kids().size(), 1U);
  clock.advance(kDay + std::chrono::hours(1));
  ASSERT_TRUE(server().keys().tend());
  ASSERT_EQ(kids().size(), 2U);
  EXPECT_EQ(server().keys().signing()->kid, first_kid);
  const std::string last = get_token();
  clock.advance(kDay);
  EXPECT_NE(server().keys().signing()->kid, first_kid);
  EXPECT_EQ(kids().front(), first_kid);
  clock.advance(std::chrono::hours(2));
  ASSERT_TRUE(server().keys().tend());
  EXPECT_EQ(kids().size(), 1U);
  EXPECT_EQ(check(last), "oauth.token_key_unknown");
  const std::string now = get_token();
  EXPECT_EQ(check(now), "ok");
  ASSERT_TRUE(server().keys().rotate(admin_actor(), TokenKeys::Rotation::planned));
  EXPECT_EQ(check(now), "ok");
  ASSERT_TRUE(server().keys().rotate(admin_actor(), TokenKeys::Rotation::compromised));
  EXPECT_EQ(check(now), "oauth.token_key_unknown");
  EXPECT_EQ(check(get_token()), "ok");
}

TEST_F(OauthServer, IsAskedByGatewaysOnly) {
  const tls::Credential gateway = credential("internal:service:gateway", Purpose::service);
  ASSERT_TRUE(
      authority().directory().create_application(admin_actor(), {identity("internal:service:billing"), "", {}}));
  const tls::Credential billing = credential("internal:service:billing", Purpose::service);
  const auto relay = [&](const tls::Credential& own, const oauth::RelayedCall& made) {
    return internal(&own, {"POST", std::string(oauth::kRelayPath), base::json::serialize(oauth::to_json(made))});
  };
  EXPECT_EQ(outcome(relay(billing, good_call())), "403 caller.not_gateway");
  const auto answered = relay(gateway, good_call());
  ASSERT_EQ(outcome(answered), "200");
  const auto inner = oauth::relayed_answer(answered->body);
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->status, 200);
  EXPECT_EQ(inner->fields.find("Cache-Control"), "no-store");
  EXPECT_EQ(outcome(internal(&gateway, {"POST", std::string(oauth::kRelayPath), "{}"})), "400 relay.malformed");
  const std::string token = get_token();
  const auto said = internal(&billing, {"POST", "/v1/oauth/introspect", R"({"token":")" + token + "\"}"});
  ASSERT_EQ(outcome(said), "200");
  EXPECT_TRUE(json_of(said).at("active").as_bool());
}

TEST_F(OauthServer, TellsGatewaysOfKeysAndRevocations) {
  const std::string token = get_token();
  const tls::Credential gateway = credential("internal:service:gateway", Purpose::service);
  auto revoking = call(*transport_, kShop, "/oauth2/revoke");
  revoking.body = form(assertion(signing_->key), "&token=" + token);
  EXPECT_EQ(ask(revoking), "200");
  ASSERT_TRUE(server().clients().end_tokens(admin_actor(), identity(kShop)));
  for (const std::string& path : {std::string("/v1/feed/snapshot"), changes_path("after=0")}) {
    const auto feed = internal(&gateway, {.target = path});
    ASSERT_EQ(outcome(feed), "200");
    for (const char* type : {"token_key", "token_revocation", "token_cut"})
      EXPECT_NE(feed->body.find("\"type\":\"" + std::string(type) + "\""), std::string::npos) << path << " " << type;
  }
}

TEST_F(OauthServer, ListsTheSigningKeysOfAnOrganisation) {
  const auto get = [&](const std::string& path) {
    oauth::RelayedCall made;
    made.method = "GET";
    made.path = path;
    return ask(made);
  };
  const auto thumbprint = jose::Jwk::from(signing_->key.public_key())->thumbprint();
  ASSERT_EQ(get("/oauth2/jwks/production/acme"), "200");
  ASSERT_EQ(last_.at("keys").as_array().size(), 1U);
  EXPECT_EQ(member(last_.at("keys").at(0).as_object(), "kid"), thumbprint);
  ASSERT_EQ(get("/oauth2/jwks/production/acme/inactive"), "200");
  EXPECT_TRUE(last_.at("keys").as_array().empty());
  for (const char* none : {"/oauth2/jwks/internal/service", "/oauth2/jwks/production", "/oauth2/jwks/production/a/b",
                           "/oauth2/jwks/production/../x", "/oauth2/jwks/"})
    EXPECT_EQ(get(none).substr(0, 3), "404") << none;
  const std::string serial = signing_->chain.front().serial().hex();
  ASSERT_EQ(outcome(api(admin(), {"POST", "/v1/certificates/" + serial + "/revoke", R"({"reason":"superseded"})"})),
            "200");
  ASSERT_EQ(get("/oauth2/jwks/production/acme"), "200");
  EXPECT_TRUE(last_.at("keys").as_array().empty());
  ASSERT_EQ(get("/oauth2/jwks/production/acme/inactive"), "200");
  ASSERT_EQ(last_.at("keys").as_array().size(), 1U);
  EXPECT_EQ(member(last_.at("keys").at(0).as_object(), "why"), "superseded");
  EXPECT_EQ(ask(good_call()), "401 oauth.assertion_key_unknown");
  clock.advance(kRecently + kDay);
  ASSERT_EQ(get("/oauth2/jwks/production/acme/inactive"), "200");
  EXPECT_TRUE(last_.at("keys").as_array().empty());
}

TEST_F(OauthServer, LetsAnApplicationRegisterItselfByAStatement) {
  const ClientRules rules{
      {oauth::Method::private_key_jwt, oauth::Method::client_secret_post}, *oauth::Scopes::parse("x y"), {kApi}, {}};
  clock.advance(std::chrono::minutes(1));
  const auto statement = [&] {
    return server().registration().make_statement(admin_actor(), identity(kShop), rules).value();
  };
  const auto registering = [&](const object& body, const std::string& path = "/oauth2/register") {
    auto made = call(*transport_, kShop, path);
    made.content_type = "application/json";
    made.body = base::json::serialize(body);
    return made;
  };
  const std::string one = statement();
  const object good{{"software_statement", one}, {"client_name", "Shop"}, {"x_future", {1, 2}}, {"scope", "x"}};
  const auto with = [&](const char* name, const base::json::value& value) {
    object changed = good;
    changed[name] = value;
    return changed;
  };
  EXPECT_EQ(ask(registering(with("software_statement", "e.y.J"))), "400 oauth.statement_refused");
  EXPECT_EQ(ask(registering(with("jwks_uri", "https://x"))), "400 oauth.metadata_refused");
  EXPECT_EQ(ask(registering(with("scope", "x z"))), "400 oauth.metadata_refused");
  EXPECT_EQ(ask(registering(with("grant_types", base::json::array{"password"}))), "400 oauth.metadata_refused");
  EXPECT_EQ(ask(registering(with("token_endpoint_auth_method", "tls_client_auth"))), "400 oauth.metadata_refused");
  EXPECT_EQ(ask(registering(good)), "201");
  const std::string access = member(last_.as_object(), "registration_access_token");
  EXPECT_EQ(member(last_.as_object(), "client_id"), kClient);
  EXPECT_EQ(member(last_.as_object(), "software_statement"), one);
  EXPECT_EQ(ask(registering(good)), "400 oauth.statement_refused");

  const std::string own = std::string("/oauth2/register/") + kClient;
  const auto managing = [&](const char* method, const object& body = {}) {
    auto made = registering(body, own);
    made.method = method;
    made.authorization = "Bearer " + access;
    return made;
  };
  EXPECT_EQ(ask(managing("GET")), "200");
  EXPECT_EQ(base::json::serialize(last_.at("x_future")), "[1,2]");
  EXPECT_EQ(ask(managing("PUT", {{"client_id", "production.acme.other"}})), "400 oauth.metadata_refused");
  EXPECT_EQ(ask(managing("PUT", {{"client_id", kClient}, {"client_name", "New"}, {"x_future", 3}})), "200");
  EXPECT_EQ(ask(managing("GET")), "200");
  EXPECT_EQ(member(last_.as_object(), "client_name"), "New");
  EXPECT_EQ(last_.at("x_future").as_int64(), 3);
  EXPECT_EQ(member(last_.as_object(), "software_statement"), one);
  EXPECT_EQ(member(last_.as_object(), "scope"), "x");
  // What the provider decides leaves what the client says alone, and the other way round.
  allow({oauth::Method::private_key_jwt});
  EXPECT_EQ(ask(managing("GET")), "200");
  EXPECT_EQ(member(last_.as_object(), "client_name"), "New");
  EXPECT_EQ(member(last_.as_object(), "scope"), "a b");
  auto wrong = managing("GET");
  wrong.authorization += "x";
  EXPECT_EQ(ask(wrong), "401 oauth.registration_refused");
  EXPECT_EQ(ask(managing("DELETE")), "204");
  EXPECT_EQ(ask(managing("GET")), "401 oauth.registration_refused");
  EXPECT_EQ(ask(good_call()), "401 oauth.client_disabled");
}

TEST_F(OauthServer, TakesNoStatementFromBeforeTheProvidersLastWord) {
  const ClientRules wide{{}, *oauth::Scopes::parse("a b admin"), {}, {}};
  const std::string old = server().registration().make_statement(admin_actor(), identity(kShop), wide).value();
  clock.advance(std::chrono::minutes(1));
  allow({oauth::Method::private_key_jwt});
  auto made = call(*transport_, kShop, "/oauth2/register");
  made.body = base::json::serialize(object{{"software_statement", old}});
  EXPECT_EQ(ask(made), "400 oauth.statement_refused");
  clock.advance(std::chrono::minutes(1));
  const std::string fresh = server().registration().make_statement(admin_actor(), identity(kShop), wide).value();
  made.body = base::json::serialize(object{{"software_statement", fresh}});
  EXPECT_EQ(ask(made), "201");
  clock.advance(kStatementLife + std::chrono::minutes(1));
  EXPECT_EQ(ask(made), "400 oauth.statement_refused");
}

TEST_F(OauthServer, DescribesItself) {
  oauth::RelayedCall made;
  made.method = "GET";
  made.path = "/.well-known/oauth-authorization-server";
  ASSERT_EQ(ask(made), "200");
  const object said = last_.as_object();
  EXPECT_EQ(member(said, "issuer"), issuer());
  EXPECT_EQ(member(said, "token_endpoint"), issuer() + "/oauth2/token");
  EXPECT_EQ(member(said.at("mtls_endpoint_aliases").as_object(), "token_endpoint"), issuer() + "/oauth2/token");
  EXPECT_TRUE(said.at("tls_client_certificate_bound_access_tokens").as_bool());
  for (const char* path : {"/.well-known/oauth-authorization-server", "/oauth2/jwks", "/oauth2/jwks/production/acme"})
    EXPECT_EQ(outcome(api(nullptr, {.target = path})), "200") << path;
}

}  // namespace
}  // namespace countersign::authority
