// Approval: nothing is issued before the people whom the policy wants have said yes to exactly that, and never by the
// one who made the credential.
#include "authority/issuance/approval.h"

#include "authority/fixture_test.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

constexpr const char* kTwo = "[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\napprovals = 2\n";

class Approving : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    for (const char* name : {"alice", "bob", "carol"})
      add_operator(office().ledger, name, {Role::approver});
    demand(kTwo);
  }

  /// Asks with a new code; the request that is then open.
  KnownRequest open(const crypto::PrivateKey& key, const std::string& code) {
    const auto outcome = ask(code, key);
    EXPECT_TRUE(outcome) << base::to_string(outcome.error());
    const auto* pending = std::get_if<Pending>(&*outcome);
    EXPECT_NE(pending, nullptr);
    return office().approvals.find(pending->request).value();
  }
  base::Result<KnownRequest> approve(const std::string& name, const KnownRequest& request) {
    return office().approvals.approve(
        {identity("internal:operator:" + name), request.row.id, request.row.content_sha256, ""});
  }
  std::string certificates() { return raw().ask("SELECT COUNT(*) FROM certificates WHERE organisation = 'acme'"); }
  std::string intents() { return raw().ask("SELECT COUNT(*) FROM issuances WHERE organisation = 'acme'"); }
};

TEST_F(Approving, TwoPeopleMustSayYes) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const KnownRequest request = open(key, code);
  EXPECT_EQ(request.state, "pending");
  EXPECT_EQ(request.row.needed, 2);
  EXPECT_EQ(intents(), "0") << "no serial, no intent, no signature before people have approved";
  ASSERT_TRUE(approve("alice", request));
  EXPECT_EQ(code_of(redeem(code, key)), "test.pending");
  const auto second = approve("bob", request);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->state, "approved");
  const auto issued = redeem(code, key);
  ASSERT_TRUE(issued) << base::to_string(issued.error());
  EXPECT_EQ(office().approvals.find(request.row.id)->state, "issued");
  EXPECT_EQ(redeem(code, key)->certificate, issued->certificate);
  EXPECT_EQ(certificates(), "1");
}

TEST_F(Approving, SaysWhatWouldBeIssued) {
  const auto key = make_key();
  const KnownRequest request = open(key, make_code(kPayments));
  const auto content = base::parse_json(request.row.content);
  ASSERT_TRUE(content);
  const auto& object = content->get_object();
  EXPECT_EQ(object.at("urn").get_string(), identity(kPayments).to_urn());
  EXPECT_EQ(object.at("purpose").get_string(), "transport");
  EXPECT_EQ(std::string(object.at("spki_sha256").get_string()), base::to_hex(key.public_key().spki_sha256()));
  EXPECT_EQ(object.at("life_seconds").to_number<std::int64_t>(), 350 * 24 * 3600);
  EXPECT_EQ(request.row.sponsor, admin().name);
}

TEST_F(Approving, OneWordCountsOnceAndTheSponsorsNever) {
  struct Row {
    const char* name;
    const char* code;
  };
  const KnownRequest request = open(make_key(), make_code(kPayments));
  for (const Row& row : {Row{"admin", "approval.own"}, Row{"alice", "ok"}, Row{"alice", "ok"}})
    EXPECT_EQ(code_of(approve(row.name, request)), row.code) << row.name;
  EXPECT_EQ(office().approvals.find(request.row.id)->approvals.size(), 1U);
  EXPECT_EQ(office().approvals.find(request.row.id)->state, "pending");
  EXPECT_EQ(code_of(approve("bob", request)), "ok");
  EXPECT_EQ(code_of(approve("carol", request)), "request.decided");
}

TEST_F(Approving, OnlyOperatorsAndThoseNamed) {
  const KnownRequest request = open(make_key(), make_code(kPayments));
  const auto word = [&](const char* urn) {
    return office().approvals.approve({identity(urn), request.row.id, request.row.content_sha256, ""});
  };
  EXPECT_EQ(code_of(word("internal:service:gateway")), "approval.not_approver");
  EXPECT_EQ(code_of(word("production:other:bob")), "approval.not_approver");
  EXPECT_EQ(code_of(word(kPayments)), "approval.own");
  demand(std::string(kTwo) + "approvers = ['bob', 'carol']\n");
  EXPECT_EQ(code_of(word("internal:operator:alice")), "approval.not_approver");
  EXPECT_EQ(code_of(word("internal:operator:bob")), "ok");
}

TEST_F(Approving, OnlyWithTheRoleForIt) {
  struct Row {
    const char* name;
    const char* subject;
    std::set<Role> roles;
    std::string code;
  };
  ASSERT_TRUE(enrol("internal:operator:admin", make_key(), Purpose::service)) << "somebody can administrate";
  const char* kInternal = "[[profiles]]\nenvironment = 'internal'\npurpose = 'service'\napprovals = 2\n";
  demand(std::string(kTwo) + kInternal);
  const std::vector<Row> rows{
      {"an approver, for a partner", kPayments, {Role::approver}, "ok"},
      {"an administrator, for a partner", kPayments, {Role::administrator}, "ok"},
      {"one who looks", kPayments, {}, "approval.not_approver"},
      {"one with other roles", kPayments, {Role::registrar, Role::revoker}, "approval.not_approver"},
      {"an approver, for an operator", "internal:operator:bob", {Role::approver}, "approval.not_approver"},
      {"an administrator, for an operator", "internal:operator:bob", {Role::administrator}, "ok"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ASSERT_TRUE(set_roles(office().ledger, {admin(), slug("alice"), row.roles}));
    const bool internal = std::string_view(row.subject).starts_with("internal");
    const auto outcome = ask(make_code(row.subject), make_key(), internal ? Purpose::service : Purpose::transport);
    ASSERT_TRUE(outcome) << base::to_string(outcome.error());
    const auto request = office().approvals.find(std::get<Pending>(*outcome).request).value();
    EXPECT_EQ(code_of(approve("alice", request)), row.code);
  }
}

TEST_F(Approving, WhoLosesTheRoleIsNotCountedAnyMore) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const KnownRequest request = open(key, code);
  ASSERT_TRUE(approve("alice", request));
  ASSERT_TRUE(approve("bob", request));
  ASSERT_TRUE(set_roles(office().ledger, {admin(), slug("bob"), {Role::registrar}}));
  EXPECT_EQ(code_of(redeem(code, key)), "test.pending");
  ASSERT_TRUE(approve("carol", request));
  EXPECT_EQ(code_of(redeem(code, key)), "ok");
}

TEST_F(Approving, ApprovalsOfTheSuspendedDoNotCount) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const KnownRequest request = open(key, code);
  ASSERT_TRUE(approve("alice", request));
  ASSERT_TRUE(approve("bob", request));
  ASSERT_TRUE(enrol("internal:operator:admin", make_key(), Purpose::service)) << "somebody can still administrate";
  ASSERT_TRUE(office().directory.suspend_application(admin(), identity("internal:operator:bob")));
  EXPECT_EQ(code_of(redeem(code, key)), "test.pending") << "approved, but not by people who may any more";
  ASSERT_TRUE(approve("carol", request));
  EXPECT_EQ(code_of(redeem(code, key)), "ok");
}

TEST_F(Approving, ARefusalEndsItWithItsReason) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const KnownRequest request = open(key, code);
  ASSERT_TRUE(approve("alice", request));
  const auto refused = office().approvals.refuse(
      {identity("internal:operator:bob"), request.row.id, request.row.content_sha256, "call us first"});
  ASSERT_TRUE(refused);
  const auto asked = ask(code, key);
  EXPECT_EQ(code_of(asked), "request.refused");
  EXPECT_NE(asked.error().detail.find("call us first"), std::string::npos);
  EXPECT_EQ(code_of(approve("carol", request)), "request.decided");
  EXPECT_EQ(code_of(ask(make_code(kPayments), key)), "ok") << "another code opens another request";
  EXPECT_EQ(certificates(), "0");
}

/// What changes between approval and issuance voids the approvals.
TEST_F(Approving, ADifferentContentVoidsTheApprovals) {
  struct Row {
    const char* name;
    std::function<void(const std::string& id)> change;
    const char* code;
  };
  const Row rows[] = {
      {"nothing", [](const std::string&) {}, "ok"},
      {"the policy gives another life", [&](const std::string&) { demand(std::string(kTwo) + "life = '90d'\n"); },
       "test.pending"},
      {"the policy wants more people",
       [&](const std::string&) {
         demand("[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\napprovals = 3\n");
       },
       "test.pending"},
      {"one byte of the stored content",
       [&](const std::string& id) {
         close();
         (void)raw().ask("UPDATE requests SET content = replace(content, 'acme', 'acmf') WHERE id = '" + id + "'");
         reopen();
       },
       "test.pending"},
      {"content and digest, put in by hand",
       [&](const std::string& id) {
         close();
         (void)raw().ask("UPDATE requests SET content = '{}', content_sha256 = '" +
                         base::to_hex(crypto::sha256(base::as_bytes("{}"))) + "' WHERE id = '" + id + "'");
         reopen();
       },
       "test.pending"},
      {"the policy takes no such key any more",
       [&](const std::string&) {
         demand(
             "[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\n"
             "approvals = 2\nkey_types = ['rsa']\n");
       },
       "key.not_allowed"},
  };
  for (const Row& row : rows) {
    demand(kTwo);
    const auto key = make_key();
    const std::string code = make_code(kPayments);
    const KnownRequest request = open(key, code);
    ASSERT_TRUE(approve("alice", request)) << row.name;
    ASSERT_TRUE(approve("bob", request)) << row.name;
    row.change(request.row.id);
    EXPECT_EQ(code_of(redeem(code, key)), row.code) << row.name;
  }
}

TEST_F(Approving, WhoLookedAtSomethingElseIsTold) {
  const KnownRequest request = open(make_key(), make_code(kPayments));
  KnownRequest other = request;
  other.row.content_sha256[0] = other.row.content_sha256[0] == '0' ? '1' : '0';
  EXPECT_EQ(code_of(approve("alice", other)), "request.changed");
  EXPECT_EQ(code_of(approve("alice", request)), "ok");
}

TEST_F(Approving, TheCodeBelongsToTheKeyThatCameFirst) {
  const std::string code = make_code(kPayments);
  const auto key = make_key();
  const KnownRequest request = open(key, code);
  EXPECT_EQ(code_of(redeem(code, make_key())), "code.used");
  clock.advance(kDay * 2);
  EXPECT_EQ(code_of(redeem(code, key)), "test.pending") << "asked in time: the code's end does not matter";
  clock.set(request.row.expires_at);
  EXPECT_EQ(code_of(redeem(code, key)), "code.expired");
  EXPECT_EQ(code_of(approve("alice", request)), "request.expired");
}

/// As one whose token is away.
class AbsentSigner final : public CertificateSigner {
 public:
  base::Result<x509::Certificate> sign(SigningPermit permit) override {
    (void)std::move(permit).spend();
    return base::fail(base::Kind::unavailable, "signer.unavailable", "the keys are out of reach");
  }
};

TEST_F(Approving, ASignatureThatCouldNotBeHadSpendsNoApproval) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const KnownRequest request = open(key, code);
  ASSERT_TRUE(approve("alice", request));
  ASSERT_TRUE(approve("bob", request));
  Signer* const present = signer;
  AbsentSigner absent;
  signer = &absent;
  reopen();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(code_of(redeem(code, key)), "signer.unavailable");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances WHERE organisation = 'acme' AND state != 'abandoned'"), "0");
  EXPECT_EQ(office().approvals.find(request.row.id)->state, "approved");
  signer = present;
  reopen();
  EXPECT_EQ(code_of(redeem(code, key)), "ok");
  EXPECT_EQ(certificates(), "1");
}

TEST_F(Approving, AnApprovalIsSpentOnceWhateverCrashes) {
  for (const Step step : {Step::after_lint, Step::after_record, Step::after_sign, Step::after_publish}) {
    const auto key = make_key();
    const std::string code = make_code(kPayments);
    const KnownRequest request = open(key, code);
    ASSERT_TRUE(approve("alice", request));
    ASSERT_TRUE(approve("bob", request));
    observer.stop_at = step;
    EXPECT_EQ(code_of(redeem(code, key)), "test.crash") << name(step);
    observer.stop_at.reset();
    reopen();
    const auto issued = redeem(code, key);
    ASSERT_TRUE(issued) << name(step) << base::to_string(issued.error());
    EXPECT_EQ(redeem(code, key)->certificate, issued->certificate) << name(step);
    EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates WHERE spki_sha256 = '" +
                        base::to_hex(key.public_key().spki_sha256()) + "'"),
              "1")
        << name(step);
    EXPECT_EQ(office().approvals.find(request.row.id)->state, "issued") << name(step);
  }
}

TEST_F(Approving, OnlySoManyMayWait) {
  const std::string all_but_one = make_code(kPayments);
  const KnownRequest first = open(make_key(), all_but_one);
  for (int i = 1; i < kMostWaiting; ++i)
    ASSERT_EQ(code_of(enrol(kPayments, make_key())), "test.pending") << i;
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  EXPECT_EQ(code_of(redeem(code, key)), "request.too_many");
  ASSERT_TRUE(office().approvals.refuse(
      {identity("internal:operator:bob"), first.row.id, first.row.content_sha256, "not this one"}));
  EXPECT_EQ(code_of(redeem(code, key)), "test.pending") << "the code was not spent by the refusal";
}

TEST_F(Approving, IsForTheProfilesThatSaySo) {
  EXPECT_EQ(code_of(enrol(kPayments, make_key(), Purpose::signing)), "ok");
  EXPECT_EQ(code_of(enrol(kPayments, make_key(), Purpose::transport)), "test.pending");
  add_application("uat:acme:payments");
  EXPECT_EQ(code_of(enrol("uat:acme:payments", make_key())), "ok");
}

TEST_F(Approving, EachWordIsInTheAuditLog) {
  const KnownRequest request = open(make_key(), make_code(kPayments));
  ASSERT_TRUE(approve("alice", request));
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'request.opened'"), "1");
  EXPECT_EQ(raw().ask("SELECT actor FROM audit WHERE action = 'request.approved'"),
            identity("internal:operator:alice").to_urn());
  EXPECT_NE(raw().ask("SELECT detail FROM audit WHERE action = 'request.approved'").find(request.row.content_sha256),
            std::string::npos);
}

TEST(IssuancePolicy, IsReadStrictly) {
  struct Row {
    const char* name;
    const char* text;
    const char* code;
  };
  const std::string head = "[[profiles]]\nenvironment = 'uat'\npurpose = 'transport'\n";
  for (const Row& row :
       {Row{"nothing more", "", "ok"}, Row{"life", "life = '90d'", "ok"},
        Row{"too long a life", "life = '900d'", "config.value"}, Row{"key types", "key_types = ['p256', 'rsa']", "ok"},
        Row{"an unknown key type", "key_types = ['dsa']", "config.value"},
        Row{"no key type", "key_types = []", "config.value"}, Row{"RSA bits", "least_rsa_bits = 3072", "ok"},
        Row{"too few RSA bits", "least_rsa_bits = 1024", "config.value"}, Row{"nine approvals", "approvals = 9", "ok"},
        Row{"ten approvals", "approvals = 10", "config.value"}, Row{"negative", "approvals = -1", "config.value"},
        Row{"approvers", "approvals = 2\napprovers = ['a', 'b']", "ok"},
        Row{"too few approvers", "approvals = 2\napprovers = ['a']", "config.value"},
        Row{"no name", "approvers = ['A B']", "config.value"},
        Row{"twice", "[[profiles]]\nenvironment = 'uat'\npurpose = 'transport'", "config.value"}}) {
    auto document = base::ConfigSection::parse(head + row.text, "test.toml");
    ASSERT_TRUE(document) << row.name;
    EXPECT_EQ(code_of(IssuancePolicy::read(document->sections("profiles").value(), kDay * 350)), row.code) << row.name;
  }
}

TEST(IssuancePolicy, TellsWhenOneOperatorSuffices) {
  const auto policy = [](const std::string& text) {
    auto document = base::ConfigSection::parse(text, "test.toml").value();
    return IssuancePolicy::read(document.sections("profiles").value(), kDay).value();
  };
  const std::string internal = "[[profiles]]\nenvironment = 'internal'\npurpose = 'service'\napprovals = 1\n";
  EXPECT_FALSE(policy("").can_be_outvoted_by_one());
  EXPECT_TRUE(policy(kTwo).can_be_outvoted_by_one());
  EXPECT_FALSE(policy(kTwo + internal).can_be_outvoted_by_one());
}

}  // namespace
}  // namespace countersign::authority
