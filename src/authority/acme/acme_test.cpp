// ACME over real TLS on loopback: accounts, orders and certificates, and each way in which a request can be wrong
// beside the one in which it is right.
#include "authority/acme/client_test.h"

namespace countersign::authority {
namespace {

TEST(AcmeNonces, AreTakenOnce) {
  testing::SeededRandom random(7);
  const auto nonces = AcmeNonces::make(random).value();
  const std::string first = nonces->issue();
  const std::string second = nonces->issue();
  EXPECT_EQ(testing::code_of(nonces->use(second)), "ok");
  EXPECT_EQ(testing::code_of(nonces->use(second)), "acme.bad_nonce");
  EXPECT_EQ(testing::code_of(nonces->use(first)), "ok") << "in any order";
  testing::SeededRandom other(8);
  const auto others = AcmeNonces::make(other).value();
  for (const std::string& bad : {std::string(), std::string("AAAA"), others->issue(), first + "A"})
    EXPECT_EQ(testing::code_of(nonces->use(bad)), "acme.bad_nonce") << bad;
}

TEST(AcmeNonces, KeepAsManyAsTheyMay) {
  testing::SeededRandom random(7);
  const auto nonces = AcmeNonces::make(random).value();
  const std::string old = nonces->issue();
  const std::string never_used = nonces->issue();
  EXPECT_TRUE(nonces->use(old));
  for (std::size_t i = 0; i < kUsedNonces; ++i)
    ASSERT_TRUE(nonces->use(nonces->issue()));
  EXPECT_FALSE(nonces->use(old)) << "forgotten, and refused all the same";
  EXPECT_TRUE(nonces->use(never_used)) << "the floor rises to what was used";
  EXPECT_TRUE(nonces->use(nonces->issue()));
}

TEST(AcmeNames, SayWhichCertificate) {
  const base::Identity own = identity("production:acme:payments");
  const std::vector<Purpose> both{Purpose::transport, Purpose::signing};
  const std::vector<Purpose> signing{Purpose::signing};
  const std::string name = kName;
  struct Row {
    const char* what;
    std::vector<std::string> identifiers;
    const std::vector<Purpose>& purposes;
    const char* outcome;
  };
  const Row rows[] = {
      {"the name", {name}, both, "transport"},
      {"in capitals", {"PAYMENTS.acme.production.countersign.internal"}, both, "transport"},
      {"the CN", {"payments"}, both, "transport"},
      {"both, as clients renew", {"payments", name}, both, "transport"},
      {"with its purpose", {"transport." + name}, both, "transport"},
      {"with the other purpose", {"signing." + name}, both, "signing"},
      {"the CN and the purpose", {"payments", "signing." + name}, both, "signing"},
      {"of an account for one purpose", {name}, signing, "signing"},
      {"a purpose that is not the account's", {"transport." + name}, signing, "acme.identifier"},
      {"two purposes", {"transport." + name, "signing." + name}, both, "acme.identifier"},
      {"nothing", {}, both, "acme.identifier"},
      {"another application", {"cards.acme.production.countersign.internal"}, both, "acme.identifier"},
      {"another organisation", {"payments.globex.production.countersign.internal"}, both, "acme.identifier"},
      {"another environment", {"payments.acme.uat.countersign.internal"}, both, "acme.identifier"},
      {"one that is, one that is not", {name, "www.example.com"}, both, "acme.identifier"},
      {"a wildcard", {"*." + name}, both, "acme.identifier"},
      {"a dot at its end", {name + "."}, both, "acme.identifier"},
      {"NUL", {name + std::string(1, '\0')}, both, "acme.identifier"},
      {"too many", std::vector<std::string>(kIdentifierLimit + 1, name), both, "acme.identifier"},
  };
  for (const Row& row : rows) {
    const auto purpose = purpose_of_order(row.identifiers, {own, row.purposes});
    EXPECT_EQ(purpose ? std::string(trust::name(*purpose)) : purpose.error().code, row.outcome) << row.what;
  }
  const auto refused = purpose_of_order(std::vector<std::string>{"www.example.com"}, {own, both});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find(": payments, " + name), std::string::npos) << refused.error().detail;
}

TEST_F(Acme, TellsItsDirectory) {
  const auto response = api(nullptr, {.target = "/acme/directory"});
  const object directory = json_of(response);
  for (const char* name : {"newNonce", "newAccount", "newOrder", "revokeCert", "keyChange", "renewalInfo"})
    EXPECT_TRUE(member(directory, name).starts_with("https://localhost/acme/")) << name;
  EXPECT_TRUE(directory.at("meta").at("externalAccountRequired").as_bool());
  EXPECT_FALSE(directory.contains("newAuthz"));
  const auto nonce = api(nullptr, {.target = "/acme/new-nonce"});
  EXPECT_EQ(nonce->status, 204);
  EXPECT_EQ(api(nullptr, {"HEAD", "/acme/new-nonce"})->status, 200);
  EXPECT_NE(field(nonce, "Replay-Nonce"), "-");
  EXPECT_EQ(field(nonce, "Cache-Control"), "no-store");
  EXPECT_EQ(field(nonce, "Link"), R"(<https://localhost/acme/directory>;rel="index")");
  EXPECT_EQ(said(api(nullptr, {.target = "/acme/nonsense"})), "404 malformed api.no_such_path");
  EXPECT_EQ(said(api(nullptr, {.target = "/acme/new-order"})), "405 malformed api.method_not_allowed");
}

TEST_F(Acme, GivesACertificate) {
  using Kind = PrivateKey::Kind;
  for (const Kind kind : {Kind::p256, Kind::rsa2048, Kind::ed25519, Kind::p384}) {
    const Account account = make_account({}, "production:acme:payments", kind);
    const auto order = post(account, {"/acme/new-order", order_for({kName})});
    ASSERT_EQ(said(order), "201");
    const object json = json_of(order);
    EXPECT_EQ(member(json, "status"), "ready");
    EXPECT_EQ(field(order, "Location"), order_url(origin(), field(order, "Location").substr(origin().size() + 12)));
    const auto authorization =
        json_of(post(account, {path_of(std::string(json.at("authorizations").as_array()[0].as_string()))}));
    EXPECT_EQ(member(authorization, "status"), "valid");
    EXPECT_TRUE(authorization.at("challenges").as_array().empty());
    const auto key = make_key();
    const auto done = post(account, {path_of(member(json, "finalize")), serialize({{"csr", csr_of(key)}})});
    ASSERT_EQ(said(done), "200") << done->body;
    EXPECT_EQ(member(json_of(done), "status"), "valid");
    const auto again = post(account, {path_of(field(order, "Location"))});
    EXPECT_EQ(member(json_of(again), "status"), "valid");
    const auto chain = post(account, {path_of(member(json_of(again), "certificate"))});
    ASSERT_EQ(said(chain), "200");
    const auto certificates = x509::Certificate::all_from_pem(chain->body);
    ASSERT_EQ(certificates->size(), 2U);
    const x509::Certificate& leaf = certificates->front();
    EXPECT_EQ(leaf.public_key().to_spki(), key.public_key().to_spki());
    EXPECT_EQ(leaf.subject().common_name, "payments");
    EXPECT_EQ(leaf.subject_alt_names().uris, std::vector<std::string>{"urn:countersign:production:acme:payments"});
    EXPECT_TRUE(leaf.subject_alt_names().dns.empty()) << "no identifier is written into a certificate";
    const auto lost = post(account, {path_of(member(json, "finalize")), serialize({{"csr", csr_of(key)}})});
    EXPECT_EQ(said(lost), "200") << "the same key again, after a lost answer";
    const auto other = post(account, {path_of(member(json, "finalize")), serialize({{"csr", csr_of(make_key())}})});
    EXPECT_EQ(said(other), "403 orderNotReady acme.not_ready");
  }
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'acme.order_fulfilled'"), "4");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'certificate.issued' AND actor LIKE 'acme-account:%'"),
            "4");
}

TEST_F(Acme, GivesSigningCertificatesToo) {
  const Account both = make_account();
  const Account signing = make_account({Purpose::signing});
  const auto usage = [](const std::string& chain) { return leaf_of(chain).extended_key_usages().has_value(); };
  EXPECT_TRUE(usage(obtain(both, kName, make_key())));
  EXPECT_FALSE(usage(obtain(both, std::string("signing.") + kName, make_key())));
  EXPECT_FALSE(usage(obtain(signing, kName, make_key())));
  EXPECT_EQ(obtain(signing, std::string("transport.") + kName, make_key()), "403 rejectedIdentifier acme.identifier");
}

TEST_F(Acme, BelievesOnlyWhatIsSignedForItNow) {
  const Account account = make_account();
  const Account other = make_account();
  const std::string used = new_nonce();
  const std::string mine = "/acme/account/" + account.id();
  EXPECT_EQ(said(post(account, {.path = mine, .nonce = used})), "200");
  struct Row {
    const char* name;
    AcmePost post;
    std::string outcome;
  };
  const Row rows[] = {
      {"the good twin", {.path = mine}, "200"},
      {"a nonce that was used", {.path = mine, .nonce = used}, "400 badNonce acme.bad_nonce"},
      {"an invented nonce", {.path = mine, .nonce = "AAAA"}, "400 badNonce acme.bad_nonce"},
      {"no nonce", {.path = mine, .nonce = ""}, "400 badNonce acme.bad_nonce"},
      {"another path", {.path = mine, .url = origin() + "/acme/new-order"}, "403 unauthorized acme.url"},
      {"another server", {.path = mine, .url = "https://evil.example" + mine}, "403 unauthorized acme.url"},
      {"another type", {.path = mine, .content_type = "application/json"}, "415 malformed acme.content_type"},
      {"another's account", {.path = "/acme/account/" + other.id()}, "403 unauthorized acme.unauthorized"},
  };
  for (const Row& row : rows) {
    const auto response = post(account, row.post);
    EXPECT_EQ(said(response), row.outcome) << row.name;
    EXPECT_NE(field(response, "Replay-Nonce"), "-") << row.name;
  }
  const Account impostor{make_key(), account.url};
  EXPECT_EQ(said(post(impostor, {.path = mine})), "400 malformed jws.bad_signature");
  const Account stranger{make_key(), origin() + "/acme/account/unknown"};
  EXPECT_EQ(said(post(stranger, {.path = mine})), "400 accountDoesNotExist acme.no_account");
  const Account elsewhere{make_key(), "https://evil.example/acme/account/" + account.id()};
  EXPECT_EQ(said(post(elsewhere, {.path = mine})), "400 accountDoesNotExist acme.no_account");
  EXPECT_EQ(said(post_by_key(account.key, {.path = mine})), "400 accountDoesNotExist acme.no_account");
  const auto rsa = make_key(PrivateKey::Kind::rsa2048);
  const Account confused{make_key(PrivateKey::Kind::rsa2048), account.url};
  EXPECT_EQ(said(post(confused, {.path = mine})), "400 badSignatureAlgorithm jws.algorithm");
  EXPECT_EQ(said(send({.path = mine}, "{}")), "400 malformed jws.malformed");
}

/// Whoever lets a client sign for their own URL cannot have that taken here.
TEST_F(Acme, GoesByItsOwnNamesOnly) {
  const Account account = make_account();
  const std::string mine = "/acme/account/" + account.id();
  for (const auto& [host, outcome] : {std::pair("localhost:9443", "200"), std::pair("127.0.0.1", "200"),
                                      std::pair("evil.example", "403 unauthorized acme.host"),
                                      std::pair("localhost.evil.example", "403 unauthorized acme.host")}) {
    const std::string url = std::string("https://") + host;
    const std::string body =
        jose::sign_flattened(
            {{"nonce", new_nonce()}, {"url", url + mine}, {"kid", url + "/acme/account/" + account.id()}}, "",
            account.key)
            .value();
    EXPECT_EQ(said(send_to_host(host, {"POST", mine, body, {{"Content-Type", "application/jose+json"}}})), outcome)
        << host;
  }
}

TEST_F(Acme, MakesAccountsOnlyWithACredential) {
  const Credential good = make_credential();
  const auto key = make_key();
  const std::string path = "/acme/new-account";
  EXPECT_EQ(said(post_by_key(key, {path, "{}"})), "403 externalAccountRequired acme.eab_required");
  EXPECT_EQ(said(post_by_key(key, {path, R"({"onlyReturnExisting":true})"})),
            "400 accountDoesNotExist acme.no_account");
  const std::string refused = "403 unauthorized acme.eab_refused";
  const Credential wrong_key{good.kid, base::Secret(base::Bytes(32, 1))};
  const Credential unknown{"AAAA", base::Secret(base::to_bytes(good.key.reveal()))};
  EXPECT_EQ(said(ask_for_account(key, binding(wrong_key, key))), refused);
  EXPECT_EQ(said(ask_for_account(key, binding(unknown, key))), refused);
  EXPECT_EQ(said(ask_for_account(key, binding(good, make_key()))), refused) << "for another account key";
  EXPECT_EQ(said(ask_for_account(key, binding(good, key, origin() + "/acme/new-order"))), refused) << "another URL";
  object by_key =
      base::parse_json(jose::sign_flattened({{"kid", good.kid}, {"url", origin() + path}}, jwk_of(key), key).value())
          ->as_object();
  EXPECT_EQ(said(ask_for_account(key, by_key)), refused) << "signed, not authenticated";
  const auto made = ask_for_account(key, binding(good, key));
  EXPECT_EQ(said(made), "201");
  EXPECT_EQ(said(ask_for_account(key, binding(good, key))), "200") << "the same again";
  EXPECT_EQ(said(post_by_key(key, {path, R"({"onlyReturnExisting":true})"})), "200");
  const auto second = make_key();
  EXPECT_EQ(said(ask_for_account(second, binding(good, second))), refused) << "one credential, one account";
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM acme_accounts"), "1");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'acme.account_created'"), "1");
}

TEST_F(Acme, TakesCredentialsWhileTheyLive) {
  const auto key = make_key();
  const Credential late = make_credential();
  clock.advance(kDefaultCodeLife + std::chrono::seconds(1));
  EXPECT_EQ(said(ask_for_account(key, binding(late, key))), "403 unauthorized acme.eab_refused");
  const Credential cancelled = make_credential();
  ASSERT_TRUE(authority().acme_accounts().cancel_credential(admin_actor(), identity("production:acme:payments"),
                                                            cancelled.kid));
  EXPECT_EQ(said(ask_for_account(key, binding(cancelled, key))), "403 unauthorized acme.eab_refused");
  const Credential good = make_credential();
  EXPECT_EQ(said(ask_for_account(key, binding(good, key))), "201");
}

/// `certbot --eab-hmac-key -x...` ends with the usage of certbot; one in 64 random texts begins so.
TEST_F(Acme, MakesCredentialsThatCanBeArgumentsOfCommands) {
  for (int i = 0; i < 300; ++i) {
    const Credential made = make_credential();
    ASSERT_FALSE(made.kid.starts_with('-')) << i;
    ASSERT_FALSE(base::to_base64url(made.key.reveal()).starts_with('-')) << i;
  }
}

TEST_F(Acme, EndsTheAccountWithItsCredential) {
  auto key = make_key();
  const Credential credential = make_credential();
  const std::string url = field(ask_for_account(key, binding(credential, key)), "Location");
  const Account account{std::move(key), url};
  const std::string mine = "/acme/account/" + account.id();
  EXPECT_EQ(said(post(account, {.path = mine})), "200");
  const std::string path = "/v1/applications/production/acme/payments/eab-credentials";
  EXPECT_EQ(outcome(api(nullptr, {"POST", path + "/" + credential.kid + "/cancel"})), "403 caller.none");
  EXPECT_EQ(outcome(api(admin(), {"POST", path + "/" + credential.kid + "/cancel"})), "200");
  EXPECT_EQ(said(post(account, {.path = mine})), "401 unauthorized acme.account_ended");
  EXPECT_EQ(said(post(account, {"/acme/new-order", order_for({kName})})), "401 unauthorized acme.account_ended");
  EXPECT_EQ(outcome(api(admin(), {"POST", path + "/unknown/cancel"})), "404 eab_credential.unknown");
  const object listed = json_of(api(admin(), {.target = path}));
  EXPECT_EQ(listed.at("eab_credentials").as_array().size(), 1U);
  EXPECT_EQ(base::json::serialize(listed).find("hmac"), std::string::npos) << "shown once";
}

TEST_F(Acme, LetsOperatorsMakeCredentials) {
  const std::string path = "/v1/applications/production/acme/payments/eab-credentials";
  const auto response = api(admin(), {"POST", path, R"({"purposes":["transport"],"life":"1h"})"});
  const object made = json_of(response);
  EXPECT_EQ(field(response, "Cache-Control"), "no-store");
  EXPECT_EQ(made.at("identifiers"), (base::json::array{"payments", kName}));
  const Credential credential{member(made, "kid"),
                              base::Secret(base::from_base64url(member(made, "hmac_key")).value())};
  const auto key = make_key();
  EXPECT_EQ(said(ask_for_account(key, binding(credential, key))), "201");
  EXPECT_EQ(outcome(api(nullptr, {"POST", path})), "403 caller.none");
  EXPECT_EQ(outcome(api(admin(), {"POST", path, R"({"purposes":["server"]})"})), "400 purpose.not_allowed");
  EXPECT_EQ(outcome(api(admin(), {"POST", path, R"({"life":"1s"})"})), "400 code.life");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/applications/production/acme/none/eab-credentials"})),
            "404 application.unknown");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/applications/internal/service/gateway/eab-credentials"})),
            "400 purpose.not_allowed");
}

TEST_F(Acme, ChangesAccounts) {
  const Account account = make_account();
  const std::string mine = "/acme/account/" + account.id();
  EXPECT_EQ(said(post(account, {mine, R"({"contact":["mailto:new@acme.example"],"status":"valid"})"})), "200");
  EXPECT_EQ(said(post(account, {mine, R"({"contact":["tel:1"]})"})), "400 unsupportedContact acme.contact_scheme");
  EXPECT_EQ(said(post(account, {mine, R"({"contact":["mailto:a b@c"]})"})), "400 invalidContact acme.contact");
  EXPECT_EQ(json_of(post(account, {.path = mine})).at("contact").as_array()[0], "mailto:new@acme.example");
  EXPECT_EQ(said(post(account, {mine, R"({"status":"deactivated"})"})), "200");
  EXPECT_EQ(said(post(account, {.path = mine})), "401 unauthorized acme.account_ended");
  EXPECT_EQ(said(ask_for_account(account.key, binding(make_credential(), account.key))),
            "401 unauthorized acme.account_ended")
      << "a deactivated key is not used again";
}

TEST_F(Acme, RollsKeysOver) {
  const Account account = make_account();
  const Account other = make_account();
  const auto next = make_key(PrivateKey::Kind::p384);
  const std::string path = "/acme/key-change";
  const auto inner = [&](const PrivateKey& signer, const PrivateKey& named, const PrivateKey& old,
                         const std::string& of) {
    return jose::sign_flattened({{"url", origin() + path}, {"jwk", jwk_json(named)}},
                                serialize({{"account", of}, {"oldKey", jwk_json(old)}}), signer)
        .value();
  };
  const std::string bad = "400 malformed jws.malformed";
  EXPECT_EQ(said(post(account, {path, inner(next, next, next, account.url)})), bad) << "not its old key";
  EXPECT_EQ(said(post(account, {path, inner(next, next, account.key, other.url)})), bad) << "another account";
  EXPECT_EQ(said(post(account, {path, inner(account.key, other.key, account.key, account.url)})),
            "400 malformed jws.bad_signature")
      << "a key that one has not";
  EXPECT_EQ(said(post(account, {path, inner(other.key, other.key, account.key, account.url)})),
            "409 malformed acme.key_taken");
  EXPECT_EQ(said(post(account, {path, inner(next, next, account.key, account.url)})), "200");
  const std::string mine = "/acme/account/" + account.id();
  EXPECT_EQ(said(post(account, {.path = mine})), "400 badSignatureAlgorithm jws.algorithm");
  const auto renamed = make_key();
  EXPECT_EQ(said(api(nullptr, {"POST",
                               mine,
                               jose::sign_flattened(
                                   {{"nonce", new_nonce()}, {"url", origin() + mine}, {"kid", account.url}}, "", next)
                                   .value(),
                               {{"Content-Type", "application/jose+json"}}})),
            "200");
}

/// What lies in the registry is not enough to make an account.
TEST_F(Acme, KeepsNoSecretInTheRegistry) {
  const Credential credential = make_credential();
  const std::string dump = raw().ask(
      "SELECT kid || environment || organisation || application || purposes || created_by || created_at || expires_at"
      " FROM acme_credentials");
  EXPECT_NE(dump.find(credential.kid), std::string::npos);
  EXPECT_EQ(dump.find(base::to_base64url(credential.key.reveal())), std::string::npos);
  EXPECT_EQ(dump.find(base::to_hex(credential.key.reveal())), std::string::npos);
}

}  // namespace
}  // namespace countersign::authority
