// CMP over real TLS on loopback: who gets a certificate by it, who does not, and how a refusal is told.
#include "authority/cmp/client_test.h"
#include "authority/issuance/code_binding.h"
#include "authority/revocation/revocation.h"

namespace countersign::authority {
namespace {

TEST_F(Cmp, EnrolsWithACredential) {
  struct Row {
    const char* name;
    CmpAsk ask;
    CmpClient::Confirm confirm;
    const char* path;
    Purpose purpose;
    std::vector<std::string> said;
  };
  using enum CmpClient::Confirm;
  const Row rows[] = {
      {"ir", CmpAsk::ir, explicitly, kPath, Purpose::transport, {"ip accepted", "pkiconf"}},
      {"ir, confirmed by itself", CmpAsk::ir, implicitly, kPath, Purpose::transport, {"ip accepted"}},
      {"cr", CmpAsk::cr, explicitly, "/.well-known/cmp/p/transport", Purpose::transport, {"cp accepted", "pkiconf"}},
      {"for signing",
       CmpAsk::ir,
       explicitly,
       "/.well-known/cmp/p/signing",
       Purpose::signing,
       {"ip accepted", "pkiconf"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    CmpClient client = with(make_credential());
    client.confirm = row.confirm;
    const auto key = make_key();
    const auto certificate = obtain(row.ask, client, key, row.path);
    EXPECT_EQ(said_, row.said);
    EXPECT_EQ(certificate.public_key().to_spki(), key.public_key().to_spki());
    EXPECT_EQ(certificate.subject().common_name, "payments") << "nothing of the template's names";
    EXPECT_EQ(certificate.subject_alt_names().uris,
              std::vector<std::string>{"urn:countersign:production:acme:payments"});
    EXPECT_EQ(ask_of(certificate, "purpose"), trust::name(row.purpose));
  }
}

TEST_F(Cmp, SpendsACredentialOnOneCertificate) {
  const auto credential = make_credential();
  const auto key = make_key();
  const auto first = obtain(CmpAsk::ir, with(credential), key);
  EXPECT_EQ(raw().ask("SELECT account FROM acme_credentials WHERE kid = '" + credential.reference + "'"),
            to_direct_use(Purpose::transport, base::to_hex(key.public_key().spki_sha256())));
  const auto listed = json_of(api(admin(), {.target = "/v1/applications/production/acme/payments/eab-credentials"}))
                          .at("eab_credentials");
  EXPECT_EQ(base::json::serialize(listed.as_array()[0].at("enrolled")),
            R"({"purpose":"transport","spki_sha256":")" + base::to_hex(key.public_key().spki_sha256()) + R"("})");
  EXPECT_EQ(obtain(CmpAsk::ir, with(credential), key), first) << "the same key is told the same";
  EXPECT_EQ(told(CmpAsk::ir, with(credential), make_key()), "ip rejection 23 eab_credential.used");
  EXPECT_EQ(told(CmpAsk::ir, with(credential), key, "/.well-known/cmp/p/signing"),
            "ip rejection 23 eab_credential.used");
  EXPECT_EQ(told(CmpAsk::ir, with(make_credential()), key), "ip rejection 19 key.reused") << "with another credential";
  clock.advance(std::chrono::hours(25));
  EXPECT_EQ(obtain(CmpAsk::ir, with(credential), key), first) << "what it gave does not end with it";
  ASSERT_TRUE(revoke(authority().ledger(), admin_actor(), first.serial(), "superseded"));
  EXPECT_EQ(told(CmpAsk::ir, with(credential), key), "ip rejection 23 eab_credential.used") << "and it gives no other";
}

TEST_F(Cmp, RefusesCredentialsThatAreNotGood) {
  const auto good = make_credential({Purpose::transport});
  const auto cancelled = make_credential();
  ASSERT_TRUE(authority().acme_accounts().cancel_credential(admin_actor(), identity("production:acme:payments"),
                                                            cancelled.reference));
  const auto key = make_key();
  EXPECT_EQ(told(CmpAsk::ir, with(cancelled), key), "ip rejection 23 eab_credential.cancelled");
  const auto account = make_credential();
  ASSERT_TRUE(raw().run("UPDATE acme_credentials SET account = 'an account' WHERE kid = '" + account.reference + "'"));
  EXPECT_EQ(told(CmpAsk::ir, with(account), key), "ip rejection 23 eab_credential.used") << "by ACME";
  EXPECT_EQ(told(CmpAsk::ir, with(good), key, "/.well-known/cmp/p/signing"), "ip rejection 23 purpose.not_allowed");
  EXPECT_EQ(told(
                CmpAsk::kur,
                [&] {
                  CmpClient client = with(good);
                  client.old = roots().front();
                  return client;
                }(),
                key),
            "kup rejection 12 cmp.wrong_protection");
  ASSERT_TRUE(authority().directory().suspend_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(told(CmpAsk::ir, with(good), key), "ip rejection 23 organisation.suspended");
  ASSERT_TRUE(authority().directory().resume_organisation(admin_actor(), slug("acme")));
  clock.advance(std::chrono::hours(24));
  EXPECT_EQ(told(CmpAsk::ir, with(good), key), "ip rejection 23 eab_credential.expired");
  clock.advance(-std::chrono::seconds(1));
  (void)obtain(CmpAsk::ir, with(good), key);
  EXPECT_TRUE(authority().acme_accounts().cancel_credential(admin_actor(), identity("production:acme:payments"),
                                                            good.reference))
      << "one that was used so has no account to end";
}

/// Neither a reference nor a secret can be guessed by itself: the answers differ in nothing but nonce and signature.
TEST_F(Cmp, TellsNobodyWhichReferencesThereAre) {
  const auto good = make_credential();
  std::vector<std::string> texts;
  for (const auto& wrong :
       {CmpClient::Mac{good.reference, "wrong"}, CmpClient::Mac{"AAAAAAAAAAAAAAAAAAAAAA", good.secret},
        CmpClient::Mac{std::string(65, 'x'), good.secret}}) {
    const auto key = make_key();
    const auto outcome = run(CmpAsk::ir, with(wrong), &key);
    EXPECT_FALSE(outcome.succeeded);
    EXPECT_EQ(said_, std::vector<std::string>{"error rejection 1 cmp.bad_mac"});
    const std::size_t from = outcome.errors.find("the MAC does not fit");
    ASSERT_NE(from, std::string::npos) << "signed, and so read by who trusts us: " << outcome.errors;
    texts.push_back(outcome.errors.substr(from));
  }
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_TRUE(has_logged("\"code\":\"cmp.bad_mac\"")) << "each is one record";
  (void)obtain(CmpAsk::ir, with(good), make_key());
}

TEST_F(Cmp, WantsTheNewKeyToSign) {
  const auto credential = make_credential();
  const auto key = make_key();
  for (const auto proof : {CmpClient::Proof::ra_verified, CmpClient::Proof::none}) {
    CmpClient client = with(credential);
    client.proof = proof;
    EXPECT_EQ(told(CmpAsk::ir, client, key), "ip rejection 9 csr.bad_proof");
  }
  (void)obtain(CmpAsk::ir, with(credential), key);
}

TEST_F(Cmp, RenewsWithTheCertificateHeld) {
  const auto held = credential("production:acme:payments", Purpose::transport);
  const auto key = make_key();
  const auto next = obtain(CmpAsk::kur, with(held), key);
  EXPECT_EQ(said_, (std::vector<std::string>{"kup accepted", "pkiconf"}));
  EXPECT_EQ(ask_of(next, "replaces"), held.chain.front().serial().hex());
  EXPECT_EQ(obtain(CmpAsk::kur, with(held), key), next) << "asked again with the same key";
  EXPECT_EQ(told(CmpAsk::kur, with(held), held.key), "kup rejection 19 key.reused");

  const char* const kSigning = "/.well-known/cmp/p/signing";
  const auto first = obtain(CmpAsk::cr, with(held), make_key(), kSigning);
  EXPECT_EQ(ask_of(first, "purpose"), "signing");
  CmpClient client = with(held);
  client.old = first;
  EXPECT_EQ(ask_of(obtain(CmpAsk::kur, client, make_key(), kSigning), "purpose"), "signing");
  EXPECT_EQ(told(CmpAsk::kur, client, make_key()), "kup rejection 4 cmp.cert_id") << "an old one for something else";
  EXPECT_EQ(told(CmpAsk::kur, with(held), make_key(), kSigning), "kup rejection 4 cmp.cert_id");
  const auto signing = credential("production:acme:payments", Purpose::signing);
  EXPECT_EQ(told(CmpAsk::kur, with(signing), make_key()), "kup rejection 23 purpose.not_allowed");
}

TEST_F(Cmp, JudgesWhoSignsByTodaysRegistry) {
  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("production:acme:cards"), "", {}}));
  const auto held = credential("production:acme:payments", Purpose::transport);
  const auto cards = credential("production:acme:cards", Purpose::transport);
  const auto gateway = credential("internal:service:gateway", Purpose::service);
  const auto key = make_key();
  CmpClient client = with(held);
  client.old = cards.chain.front();
  EXPECT_EQ(told(CmpAsk::kur, client, key), "kup rejection 4 cmp.cert_id") << "another application's certificate";
  EXPECT_EQ(told(CmpAsk::kur, with(gateway), key), "error rejection 20 cmp.signer_refused");
  ASSERT_TRUE(authority().directory().suspend_organisation(admin_actor(), slug("acme")));
  EXPECT_EQ(told(CmpAsk::kur, with(held), key), "error rejection 20 cmp.signer_refused");
  ASSERT_TRUE(authority().directory().resume_organisation(admin_actor(), slug("acme")));
  (void)obtain(CmpAsk::kur, with(held), key);
  ASSERT_TRUE(revoke(authority().ledger(), admin_actor(), held.chain.front().serial(), "superseded"));
  EXPECT_EQ(told(CmpAsk::kur, with(held), make_key()), "error rejection 10 cmp.signer_revoked");
}

TEST_F(Cmp, BelievesASignatureOnlyByTheCertificateItBrings) {
  const auto held = credential("production:acme:payments", Purpose::transport);
  const auto key = make_key();
  (void)run(CmpAsk::kur, with(held), &key);
  const auto thief = make_key();
  CmpClient forged = with(held);
  forged.signer.emplace(CmpClient::Signer{held.chain.front(), thief});
  EXPECT_EQ(say(testing::at_time(sent_.front(), clock.now(), forged)), "error rejection 1 cmp.bad_signature");
  EXPECT_EQ(say(testing::at_time(sent_.front(), clock.now(), with(held))), "kup accepted")
      << "the same, signed by its key";
}

TEST_F(Cmp, EndsCertificates) {
  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("production:acme:cards"), "", {}}));
  const auto held = credential("production:acme:payments", Purpose::transport);
  const auto signing = credential("production:acme:payments", Purpose::signing);
  const auto other = credential("production:acme:payments", Purpose::signing);
  const auto cards = credential("production:acme:cards", Purpose::transport);
  const auto end = [&](const tls::Credential& by, const tls::Credential& which, int reason) {
    CmpClient client = with(by);
    client.old = which.chain.front();
    client.reason = reason;
    (void)run(CmpAsk::rr, client, nullptr);
    return said_.back();
  };
  EXPECT_EQ(end(held, cards, 4), "rp rejection 23 certificate.not_yours");
  EXPECT_EQ(end(signing, other, 4), "rp rejection 23 certificate.not_yours")
      << "a signing certificate ends itself only";
  for (const int reason : {2, 3, 6, 9, 10})
    EXPECT_EQ(end(held, other, reason), "rp rejection 2 reason.unknown") << reason;
  EXPECT_EQ(end(held, other, 4), "rp accepted");
  EXPECT_EQ(ask_of(other.chain.front(), "revoked_for"), "superseded");
  EXPECT_EQ(end(held, other, 4), "rp rejection 10 certificate.already_revoked");
  EXPECT_EQ(end(signing, signing, 1), "rp accepted");
  EXPECT_EQ(ask_of(signing.chain.front(), "revoked_for"), "key_compromise");
  EXPECT_EQ(end(held, held, -1), "rp accepted") << "without a reason";
  EXPECT_EQ(ask_of(held.chain.front(), "revoked_for"), "unspecified");
  EXPECT_EQ(end(held, held, 1), "error rejection 10 cmp.signer_revoked");
  CmpClient by_credential = with(make_credential());
  by_credential.old = cards.chain.front();
  (void)run(CmpAsk::rr, by_credential, nullptr);
  EXPECT_EQ(said_.back(), "rp rejection 12 cmp.wrong_protection");
}

TEST_F(Cmp, TellsTheCas) {
  const auto held = credential("production:acme:payments", Purpose::transport);
  for (const CmpClient& client : {with(make_credential()), with(held)}) {
    const auto outcome = run(CmpAsk::ca_certificates, client, nullptr);
    EXPECT_TRUE(outcome.succeeded) << outcome.errors;
    EXPECT_EQ(said_, std::vector<std::string>{"genp"});
  }
}

TEST_F(Cmp, TakesOneMessageAtATimeOverHttp) {
  const auto ask = [&](Ask what) { return outcome(api(nullptr, std::move(what))); };
  const http::Field type{"Content-Type", "application/pkixcmp"};
  EXPECT_EQ(ask({"POST", kPath, "x", {}}), "415 cmp.content_type");
  EXPECT_EQ(ask({"POST", kPath, "x", {{"Content-Type", "application/pkixcmp2"}}}), "415 cmp.content_type");
  EXPECT_EQ(ask({.target = kPath}), "405 api.method_not_allowed");
  EXPECT_EQ(ask({"POST", "/.well-known/cmp/p/server", "x", {type}}), "404 est.unknown_label");
  EXPECT_EQ(say({'x'}), "error rejection 5 cmp.malformed");
  EXPECT_EQ(say({}), "error rejection 5 cmp.malformed");
  EXPECT_EQ(say(base::Bytes(x509::kCmpMessageLimit + 1, 0x30)), "error rejection 5 cmp.too_large");
  const auto key = make_key();
  (void)run(CmpAsk::ir, with(make_credential()), &key);
  const auto answered = api(nullptr, {"POST",
                                      kPath,
                                      std::string(base::as_text(sent_.front())),
                                      {{"content-type", "Application/PKIXCMP; charset=binary"}}});
  EXPECT_EQ(said_in(base::as_bytes(answered->body)), "ip accepted");
}

}  // namespace
}  // namespace countersign::authority
