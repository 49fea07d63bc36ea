// ACME orders over real TLS on loopback: what they are refused for, how they wait for people, and how certificates end
// and are renewed.
#include "authority/acme/orders.h"

#include "authority/acme/client_test.h"

namespace countersign::authority {
namespace {

TEST_F(Acme, RefusesOrdersThatAreNotForIt) {
  const Account account = make_account();
  const auto ask = [&](const std::string& payload) { return said(post(account, {"/acme/new-order", payload})); };
  EXPECT_EQ(ask(order_for({kName})), "201");
  EXPECT_EQ(ask(order_for({"www.example.com"})), "403 rejectedIdentifier acme.identifier");
  EXPECT_EQ(ask(R"({"identifiers":[{"type":"ip","value":"127.0.0.1"}]})"),
            "400 unsupportedIdentifier acme.identifier_type");
  EXPECT_EQ(ask(R"({"identifiers":[{"type":"dns","value":")" + std::string(kName) +
                R"("}],"notAfter":"2030-01-01T00:00:00Z"})"),
            "400 malformed acme.unsupported");
  EXPECT_EQ(ask("{}"), "400 malformed json.missing");
  EXPECT_EQ(ask("["), "400 malformed json.syntax");
}

TEST_F(Acme, KeepsWhatIsOthersFromAccounts) {
  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("production:acme:cards"), "", {}}));
  const Account account = make_account();
  const Account cards = make_account({}, "production:acme:cards");
  const auto order = post(account, {"/acme/new-order", order_for({kName})});
  const std::string path = path_of(field(order, "Location"));
  EXPECT_EQ(said(post(cards, {.path = path})), "404 malformed acme.no_order");
  EXPECT_EQ(said(post(cards, {path + "/finalize", serialize({{"csr", csr_of(make_key())}})})),
            "404 malformed acme.no_order");
  const x509::Certificate leaf = leaf_of(obtain(account, kName, make_key()));
  const std::string certificate = "/acme/certificate/" + leaf.serial().hex();
  EXPECT_EQ(said(post(account, {.path = certificate})), "200");
  EXPECT_EQ(said(post(cards, {.path = certificate})), "404 malformed acme.no_certificate");
  EXPECT_EQ(said(post(cards, {"/acme/new-order", order_for({"cards"}, to_certificate_id(leaf))})),
            "403 unauthorized acme.replaces");
  EXPECT_EQ(said(post(cards, {"/acme/revoke-cert", serialize({{"certificate", base::to_base64url(leaf.der())}})})),
            "403 unauthorized acme.unauthorized");
}

TEST_F(Acme, JudgesFinalizationAsEveryEnrolment) {
  const Account account = make_account();
  const auto order = [&] { return path_of(field(post(account, {"/acme/new-order", order_for({kName})}), "Location")); };
  const auto finalize = [&](const std::string& path, const std::string& csr) {
    return said(post(account, {path + "/finalize", serialize({{"csr", csr}})}));
  };
  const std::string path = order();
  EXPECT_EQ(finalize(path, "%%%"), "400 badCSR acme.bad_csr");
  EXPECT_EQ(finalize(path, "AAAA"), "400 badCSR csr.malformed");
  EXPECT_EQ(finalize(path, csr_of(account.key)), "400 badCSR acme.bad_csr") << "the account's own key";
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  EXPECT_EQ(finalize(path, csr_of(gateway.key)), "400 badCSR key.in_use");
  ASSERT_TRUE(authority().directory().suspend_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(finalize(path, csr_of(make_key())), "403 unauthorized organisation.suspended");
  ASSERT_TRUE(authority().directory().resume_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(finalize(path, csr_of(make_key())), "200") << "the order was still ready";
  const std::string late = order();
  clock.advance(kOrderLife);
  EXPECT_EQ(finalize(late, csr_of(make_key())), "403 orderNotReady acme.not_ready");
  EXPECT_EQ(member(json_of(post(account, {.path = late})), "status"), "invalid");
}

TEST_F(Acme, WantsANewKeyForANewCertificate) {
  const Account account = make_account();
  const auto key = make_key();
  leaf_of(obtain(account, kName, key));
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(obtain(account, kName, key), "400 badCSR key.reused");
  leaf_of(obtain(account, kName, make_key()));
}

TEST_F(Acme, LimitsWhatAnAccountHasUnderWay) {
  const Account account = make_account();
  for (std::int64_t i = 0; i < kOpenOrders; ++i)
    ASSERT_EQ(said(post(account, {"/acme/new-order", order_for({kName})})), "201") << i;
  const auto refused = post(account, {"/acme/new-order", order_for({kName})});
  EXPECT_EQ(said(refused), "429 rateLimited acme.too_many_orders");
  EXPECT_EQ(field(refused, "Retry-After"), "3600");
  const object listed = json_of(post(account, {.path = "/acme/account/" + account.id() + "/orders"}));
  EXPECT_EQ(listed.at("orders").as_array().size(), static_cast<std::size_t>(kOpenOrders));
  EXPECT_EQ(said(post(make_account(), {"/acme/new-order", order_for({kName})})), "201") << "another account's are not";
  clock.advance(kOrderLife + std::chrono::seconds(1));
  EXPECT_EQ(said(post(account, {"/acme/new-order", order_for({kName})})), "201");
}

TEST_F(Acme, RevokesForAccountAndKey) {
  const Account account = make_account();
  const auto revocation = [&](const x509::Certificate& certificate, int reason) {
    return AcmePost{"/acme/revoke-cert",
                    serialize({{"certificate", base::to_base64url(certificate.der())}, {"reason", reason}})};
  };
  const auto key = make_key();
  const x509::Certificate first = leaf_of(obtain(account, kName, key));
  EXPECT_EQ(said(post(account, revocation(first, 2))), "400 badRevocationReason acme.revocation_reason");
  EXPECT_EQ(said(post_by_key(make_key(), revocation(first, 4))), "403 unauthorized acme.unauthorized");
  EXPECT_EQ(said(post(account, revocation(first, 4))), "200");
  EXPECT_EQ(said(post(account, revocation(first, 4))), "400 alreadyRevoked certificate.already_revoked");
  const auto stolen = make_key();
  const x509::Certificate second = leaf_of(obtain(account, kName, stolen));
  EXPECT_EQ(said(post_by_key(stolen, revocation(second, 1))), "200");
  EXPECT_EQ(obtain(account, kName, stolen), "400 badCSR key.compromised");
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  EXPECT_EQ(said(post_by_key(gateway.key, revocation(gateway.chain.front(), 4))), "403 unauthorized acme.unauthorized")
      << "the platform's own certificates are the operators' to revoke";
  const x509::Certificate foreign = authority().hierarchy().root(Root::partner);
  EXPECT_EQ(said(post(account, revocation(foreign, 4))), "404 malformed acme.no_certificate");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'certificate.revoked' AND actor LIKE 'key-of:%'"),
            "1");
}

TEST_F(Acme, SaysWhenToRenew) {
  const Account account = make_account();
  const x509::Certificate leaf = leaf_of(obtain(account, kName, make_key()));
  const std::string id = to_certificate_id(leaf);
  const auto response = api(nullptr, {.target = "/acme/renewal-info/" + id});
  const object window = json_of(response).at("suggestedWindow").as_object();
  const auto start = base::parse_rfc3339(member(window, "start")).value();
  const auto end = base::parse_rfc3339(member(window, "end")).value();
  const auto life = leaf.not_after() - leaf.not_before();
  EXPECT_LT(leaf.not_before() + life / 2, start);
  EXPECT_LT(start, end);
  EXPECT_LT(end, leaf.not_after());
  EXPECT_EQ(field(response, "Retry-After"), "21600");
  for (const std::string& bad : {std::string("AAAA"), id + "A", "AAAA." + id.substr(id.find('.') + 1)})
    EXPECT_EQ(said(api(nullptr, {.target = "/acme/renewal-info/" + bad})), "404 malformed acme.no_certificate") << bad;
  const auto renewal = post(account, {"/acme/new-order", order_for({kName}, id)});
  EXPECT_EQ(said(renewal), "201");
  EXPECT_EQ(member(json_of(renewal), "replaces"), id);
  EXPECT_EQ(said(post(account, {"/acme/new-order", order_for({kName}, id)})),
            "409 alreadyReplaced acme.already_replaced");
  EXPECT_EQ(said(post(account, {"/acme/new-order", order_for({kName}, "AAAA.AAAA")})),
            "404 malformed acme.no_certificate");
  ASSERT_TRUE(revoke(authority().ledger(), admin_actor(), leaf.serial(), "superseded"));
  const object now = json_of(api(nullptr, {.target = "/acme/renewal-info/" + id})).at("suggestedWindow").as_object();
  EXPECT_LT(base::parse_rfc3339(member(now, "end")).value(), clock.now());
}

/// Where the provider wants an approval for transport certificates in production.
class AcmeWithApprovals : public Acme {
 protected:
  void SetUp() override {
    auto document = base::ConfigSection::parse(
        "[[profiles]]\nenvironment = \"production\"\npurpose = \"transport\"\napprovals = 1\n", "test.toml");
    issuance_policy = IssuancePolicy::read(document->sections("profiles").value(), kDay * 350).value();
    Acme::SetUp();
    ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("internal:operator:bob"), "", {}}));
  }
  Approvals::Word word_of(const char* who) {
    store::RequestFilter filter;
    filter.state = "pending";
    filter.now = clock.now();
    const auto waiting = authority().approvals().list(filter);
    EXPECT_EQ(waiting->size(), 1U);
    const store::RequestRow& row = waiting->front().row;
    return {identity(who), row.id, row.content_sha256, "as I see it"};
  }
  /// The order's URL, waiting.
  std::string wait_with(const Account& account, const PrivateKey& key) {
    const auto order = post(account, {"/acme/new-order", order_for({kName})});
    const std::string path = path_of(field(order, "Location"));
    const auto asked = post(account, {path + "/finalize", serialize({{"csr", csr_of(key)}})});
    EXPECT_EQ(said(asked), "200");
    EXPECT_EQ(member(json_of(asked), "status"), "processing");
    EXPECT_EQ(field(asked, "Retry-After"), "60");
    return path;
  }
};

TEST_F(AcmeWithApprovals, WaitsForPeople) {
  const Account account = make_account();
  const auto key = make_key();
  const std::string path = wait_with(account, key);
  EXPECT_EQ(member(json_of(post(account, {.path = path})), "status"), "processing");
  EXPECT_EQ(testing::code_of(authority().approvals().approve(word_of("internal:operator:admin"))), "approval.own")
      << "who made the credential does not approve what it asks for";
  ASSERT_TRUE(authority().approvals().approve(word_of("internal:operator:bob")));
  clock.advance(kOrderLife * 2);
  const object done = json_of(post(account, {.path = path}));
  EXPECT_EQ(member(done, "status"), "valid") << "people may take longer than an order lives";
  const auto chain = post(account, {path_of(member(done, "certificate"))});
  EXPECT_EQ(leaf_of(chain->body).public_key().to_spki(), key.public_key().to_spki());
}

TEST_F(AcmeWithApprovals, TellsWhyPeopleRefused) {
  const Account account = make_account();
  const std::string path = wait_with(account, make_key());
  ASSERT_TRUE(authority().approvals().refuse(word_of("internal:operator:bob")));
  const object ended = json_of(post(account, {.path = path}));
  EXPECT_EQ(member(ended, "status"), "invalid");
  EXPECT_EQ(member(ended.at("error").as_object(), "code"), "request.refused");
  EXPECT_NE(member(ended.at("error").as_object(), "detail").find("as I see it"), std::string::npos);
  EXPECT_EQ(member(json_of(post(account, {.path = path})), "status"), "invalid") << "and stays so";
}

}  // namespace
}  // namespace countersign::authority
