// CMP transactions: what goes on in one, what is said again, what waits for people, and what is kept of them.
#include "authority/cmp/client_test.h"

namespace countersign::authority {
namespace {

using base::Bytes;

/// `from` replaced by `to`, of the same length, and protected again.
Bytes replaced(Bytes message, base::BytesView from, base::BytesView to, const CmpClient& client) {
  const auto found = std::ranges::search(message, from);
  EXPECT_FALSE(found.empty());
  std::ranges::copy(to, found.begin());
  return testing::at_time(message, client.now, client);
}

TEST_F(Cmp, AnswersTheSameMessageAgain) {
  const CmpClient client = with(make_credential());
  const auto key = make_key();
  (void)run(CmpAsk::ir, client, &key);
  EXPECT_EQ(say(sent_.front()), "ip accepted");
  EXPECT_EQ(raw().ask("SELECT count(*) FROM certificates WHERE purpose = 'transport'"), "1");
}

TEST_F(Cmp, KeepsTransactionsApart) {
  const auto credential = make_credential();
  CmpClient client = with(credential);
  const auto key = make_key();
  Bytes first;
  (void)testing::run_cmp(CmpAsk::ir, client, &key, [&](const Bytes& message) -> std::optional<Bytes> {
    if (first.empty()) first = message;
    (void)send(message);
    return std::nullopt;  // it never hears of its certificate, and confirms nothing
  });
  ASSERT_EQ(said_, std::vector<std::string>{"ip accepted"});
  const auto again = [&](const CmpClient& by) {
    Bytes other;
    (void)testing::run_cmp(CmpAsk::ir, by, &key, [&](const Bytes& message) -> std::optional<Bytes> {
      other = message;
      return std::nullopt;
    });
    const Bytes id = base::to_bytes(x509::CmpMessage::parse(other)->header().transaction_id);
    return say(replaced(other, id, x509::CmpMessage::parse(first)->header().transaction_id, by));
  };
  EXPECT_EQ(again(client), "ip rejection 21 cmp.transaction_in_use");
  EXPECT_EQ(again(with(make_credential())), "ip rejection 19 key.reused")
      << "of another caller it is another transaction";
  clock.advance(kCmpTransactionLife);
  EXPECT_EQ(again(with(credential)), "ip accepted") << "it has ended";
}

TEST_F(Cmp, ConfirmsWhatItIssued) {
  const CmpClient client = with(make_credential());
  const auto key = make_key();
  std::vector<Bytes> messages;
  const auto outcome = testing::run_cmp(CmpAsk::ir, client, &key, [&](const Bytes& message) -> std::optional<Bytes> {
    messages.push_back(message);
    if (messages.size() == 1) return send(message);
    return std::nullopt;
  });
  ASSERT_EQ(messages.size(), 2U);
  const Bytes& confirmation = messages[1];
  const auto parsed = x509::CmpMessage::parse(confirmation).value();
  const Bytes wrong(16, 0x55);
  EXPECT_EQ(say(replaced(confirmation, parsed.header().recipient_nonce, wrong, client)),
            "error rejection 13 cmp.recipient_nonce");
  const Bytes hash = x509::read_confirmation(parsed)->hash;
  EXPECT_EQ(say(replaced(confirmation, hash, Bytes(32, 0x55), client)), "error rejection 4 cmp.certificate_hash");
  EXPECT_EQ(say(confirmation), "pkiconf");
  EXPECT_EQ(say(confirmation), "pkiconf") << "its transaction is over, as after a restart; its certificate is there";
  EXPECT_EQ(say(replaced(confirmation, hash, Bytes(32, 0x55), client)), "error rejection 2 cmp.no_transaction");
}

TEST_F(Cmp, EndsACertificateThatItsHolderRejects) {
  CmpClient client = with(make_credential());
  client.confirm = CmpClient::Confirm::rejecting;
  const auto key = make_key();
  (void)run(CmpAsk::ir, client, &key);
  EXPECT_EQ(said_, (std::vector<std::string>{"ip accepted", "pkiconf"}));
  EXPECT_EQ(raw().ask("SELECT revoked_for FROM certificates WHERE spki_sha256 = '" +
                      base::to_hex(key.public_key().spki_sha256()) + "'"),
            "cessation_of_operation");
}

TEST_F(Cmp, TakesMessagesOfThisTimeOnly) {
  struct Row {
    const char* name;
    base::Duration away;
    const char* said;
  };
  CmpClient client = with(make_credential());
  client.confirm = CmpClient::Confirm::implicitly;
  const auto key = make_key();
  (void)run(CmpAsk::ir, client, &key);
  const Bytes message = sent_.front();
  for (const Row& row :
       {Row{"now", {}, "ip accepted"}, Row{"ahead", kCmpClockSkew, "ip accepted"},
        Row{"behind", -kCmpClockSkew, "ip accepted"},
        Row{"too far ahead", kCmpClockSkew + std::chrono::seconds(1), "error rejection 3 cmp.bad_time"},
        Row{"too far behind", -kCmpClockSkew - std::chrono::seconds(1), "error rejection 3 cmp.bad_time"}})
    EXPECT_EQ(say(testing::at_time(message, clock.now() + row.away, client)), row.said) << row.name;
}

/// Doors where certificates for transport in uat need one approval.
class WaitingCmp : public Cmp {
 protected:
  void SetUp() override {
    auto document = base::ConfigSection::parse(
        "[[profiles]]\nenvironment = 'uat'\npurpose = 'transport'\napprovals = 1\n", "test.toml");
    issuance_policy = IssuancePolicy::read(document->sections("profiles").value(), kDay * 350).value();
    Cmp::SetUp();
    ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("uat:acme:cards"), "", {}}));
    add_operator(authority().ledger(), "alice", {Role::approver});
    (void)credential("internal:operator:alice", Purpose::service);
  }
  void decide(bool approves) {
    const auto requests = authority().approvals().list({});
    ASSERT_TRUE(requests && requests->size() == 1);
    const store::RequestRow& row = requests->front().row;
    const Approvals::Word word{identity("internal:operator:alice"), row.id, row.content_sha256, "looked at it"};
    const auto done = approves ? authority().approvals().approve(word) : authority().approvals().refuse(word);
    ASSERT_TRUE(done) << base::to_string(done.error());
  }
  /// Runs until `turn` messages were answered, then does `deed` before the next is sent; gives up at a pollRep.
  CmpOutcome run_with(const CmpClient& client, const PrivateKey& key, std::size_t turn,
                      const std::function<void()>& deed) {
    said_.clear();
    sent_.clear();
    return testing::run_cmp(CmpAsk::ir, client, &key, [&](const Bytes& message) -> std::optional<Bytes> {
      if (said_.size() == turn) deed();
      auto answer = send(message);
      if (said_.back().starts_with("poll_rep")) return std::nullopt;
      return answer;
    });
  }
};

TEST_F(WaitingCmp, WaitsForPeople) {
  const CmpClient client = with(make_credential({}, "uat:acme:cards"));
  const auto key = make_key();
  const auto waiting = run_with(client, key, 99, [] {});
  EXPECT_FALSE(waiting.succeeded);
  EXPECT_EQ(said_, (std::vector<std::string>{"ip waiting", "poll_rep 2"}));
  const auto issued = run_with(client, key, 1, [&] { decide(true); });
  EXPECT_TRUE(issued.succeeded && issued.certificate) << issued.errors;
  EXPECT_EQ(said_, (std::vector<std::string>{"ip waiting", "ip accepted", "pkiconf"}));
  EXPECT_EQ(raw().ask("SELECT count(*) FROM requests"), "1") << "asking anew was the same request";
}

TEST_F(WaitingCmp, HearsThatPeopleRefused) {
  const CmpClient client = with(make_credential({}, "uat:acme:cards"));
  (void)run_with(client, make_key(), 1, [&] { decide(false); });
  EXPECT_EQ(said_, (std::vector<std::string>{"ip waiting", "error rejection 23 request.refused"}));
}

TEST_F(WaitingCmp, IsHeldToItsCredentialWhileItWaits) {
  const auto credential = make_credential({}, "uat:acme:cards");
  (void)run_with(with(credential), make_key(), 1, [&] {
    clock.advance(std::chrono::minutes(5));
    ASSERT_TRUE(
        authority().acme_accounts().cancel_credential(admin_actor(), identity("uat:acme:cards"), credential.reference));
  });
  EXPECT_EQ(said_, (std::vector<std::string>{"ip waiting", "error rejection 23 eab_credential.cancelled"}));
  EXPECT_EQ(told(CmpAsk::ir, with(credential), make_key()), "ip rejection 23 eab_credential.cancelled");
}

TEST_F(WaitingCmp, GrowsPatientWithTime) {
  const auto credential = make_credential({}, "uat:acme:cards");
  (void)run_with(with(credential), make_key(), 1, [&] { clock.advance(std::chrono::seconds(30)); });
  EXPECT_EQ(said_, (std::vector<std::string>{"ip waiting", "poll_rep 30"}));
  (void)run_with(with(credential), make_key(), 0, [] {});
  EXPECT_EQ(said_, std::vector<std::string>{"ip rejection 23 eab_credential.used"}) << "it waits for another key";
}

// What is kept of transactions.

CmpTransaction transaction() {
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  return {.first = {},
          .reply = x509::CmpBody::ip,
          .request_id = 0,
          .purpose = Purpose::transport,
          .csr = x509::Csr::parse(x509::Csr::make_pem(key, {"", "", ""}).value()).value(),
          .confirmation = CmpTransaction::Confirmation::wanted,
          .began = kNow};
}

TEST(CmpTransactions, KeepsSoManyOfACallerAndOfAll) {
  CmpTransactions kept;
  const CmpTransaction one = transaction();
  base::Instant now = kNow;
  const auto tick = [&] { return now = now + std::chrono::milliseconds(1); };
  for (std::size_t i = 0; i <= kCmpTransactionsEach; ++i)
    kept.keep({"first", std::to_string(i)}, one, tick());
  EXPECT_EQ(kept.size(), kCmpTransactionsEach);
  EXPECT_EQ(kept.find({"first", "0"}, now), nullptr) << "the oldest went";
  EXPECT_NE(kept.find({"first", "1"}, now), nullptr);
  EXPECT_EQ(kept.find({"second", "1"}, now), nullptr) << "another caller's";
  for (std::size_t i = 0; i <= kCmpTransactions; ++i)
    kept.keep({"caller " + std::to_string(i), "x"}, one, tick());
  EXPECT_EQ(kept.size(), kCmpTransactions);
  EXPECT_EQ(kept.find({"first", "1"}, now), nullptr);
  EXPECT_NE(kept.find({"caller " + std::to_string(kCmpTransactions), "x"}, now), nullptr);
}

TEST(CmpTransactions, ForgetsThemInTime) {
  CmpTransactions kept;
  kept.keep({"a", "x"}, transaction(), kNow);
  EXPECT_NE(kept.find({"a", "x"}, kNow + kCmpTransactionLife - std::chrono::seconds(1)), nullptr);
  EXPECT_EQ(kept.find({"a", "x"}, kNow + kCmpTransactionLife), nullptr);
  EXPECT_EQ(kept.size(), 0U);
  kept.keep({"a", "x"}, transaction(), kNow);
  EXPECT_EQ(kept.find({"a", "x"}, kNow - std::chrono::seconds(1)), nullptr) << "a clock that was set back";
}

}  // namespace
}  // namespace countersign::authority
