// What gateways refused, told at the internal door, and read by operators and by the people whose certificate it was.
#include "authority/doors/doors_test.h"
#include "authority/registry/refused_certificates.h"

namespace countersign::authority {
namespace {

using trust::Reason;

class RefusedCertificates : public Doors {
 protected:
  void SetUp() override {
    Doors::SetUp();
    for (const char* urn_end : {"production:globex:cards", "internal:acme:maria", "internal:service:gateway",
                                "internal:service:gateway-b", "internal:service:ehi"})
      add(urn_end);
    gateway_ = credential("internal:service:gateway", Purpose::service);
    maria_ = credential("internal:acme:maria", Purpose::person);
  }
  void add(const char* urn_end) {
    const base::Identity wanted = identity(urn_end);
    (void)authority().directory().create_organisation(admin_actor(), wanted.organisation, "A partner");
    (void)authority().directory().create_application(admin_actor(), {wanted, "", {}});
  }
  std::string fingerprint_of(const tls::Credential& one) { return base::to_hex(one.chain.front().fingerprint()); }
  feed::RefusalCount count_of(const tls::Credential& one, Reason reason, std::int64_t count = 1) {
    return {fingerprint_of(one), reason, count, clock.now(), clock.now()};
  }
  base::Result<http::Response> tell(const tls::Credential& by, const std::vector<feed::RefusalCount>& counts) {
    return internal(&by, {"POST", "/v1/refusals", base::json::serialize(feed::to_json(counts))});
  }
  base::json::array read(const tls::Credential* by, const std::string& target) {
    const auto response = api(by, {.target = target});
    EXPECT_EQ(outcome(response), "200") << target;
    if (outcome(response) != "200") return {};
    return base::parse_json(response->body)->at("refusals").as_array();
  }
  /// Of acme's payments, seen last `at`.
  static std::string fingerprint_of(int i, base::Instant at) {
    const std::string digits = std::to_string(at.micros) + std::to_string(1'000'000 + i);
    return std::string(64 - digits.size(), '0') + digits;
  }
  void add_rows(int many, base::Instant at) {
    auto rows = authority().ledger().note().value();
    std::vector<store::RefusalRow> added;
    for (int i = 0; i < many; ++i)
      added.push_back(
          {{"production", "acme", "payments"}, fingerprint_of(i, at), "revoked", "01", 1, at, at, "gateway"});
    ASSERT_TRUE(store::add_refusals(rows, added));
    ASSERT_TRUE(rows.commit());
  }
  std::string count() {
    (void)authority();  // what its thread has to do is done
    return raw().ask("SELECT COUNT(*) FROM refusals");
  }
  base::json::array own() { return read(&*maria_, "/v1/own-organisation/refusals"); }

  std::optional<tls::Credential> gateway_, maria_;
};

TEST_F(RefusedCertificates, AreSeenByTheirPeopleAndOperators) {
  const tls::Credential payments = credential("production:acme:payments", Purpose::transport);
  const tls::Credential foreign = credential("production:globex:cards", Purpose::transport);
  EXPECT_TRUE(own().empty());
  const auto told = tell(*gateway_, {count_of(payments, Reason::revoked, 3), count_of(foreign, Reason::expired)});
  ASSERT_EQ(outcome(told), "200");
  EXPECT_EQ(told->body, R"({"noted":2})");
  ASSERT_EQ(outcome(tell(*gateway_, {count_of(payments, Reason::revoked, 2)})), "200");
  const auto rows = own();
  ASSERT_EQ(rows.size(), 1U) << "and nothing of globex";
  const base::json::object& row = rows[0].as_object();
  EXPECT_EQ(member(row, "urn"), "urn:countersign:production:acme:payments");
  EXPECT_EQ(member(row, "serial"), payments.chain.front().serial().hex());
  EXPECT_EQ(member(row, "fingerprint"), fingerprint_of(payments));
  EXPECT_EQ(member(row, "reason"), "revoked");
  EXPECT_EQ(member(row, "meaning"), trust::explanation(Reason::revoked).meaning);
  EXPECT_EQ(member(row, "remedy"), trust::explanation(Reason::revoked).remedy(trust::Party::client));
  EXPECT_EQ(row.at("count").as_int64(), 5);
  EXPECT_EQ(member(row, "gateway"), "gateway");
  EXPECT_EQ(member(row, "last_seen"), base::to_rfc3339(clock.now()));
  EXPECT_EQ(read(admin(), "/v1/refusals").size(), 2U);
  EXPECT_EQ(read(admin(), "/v1/refusals?limit=1").size(), 1U);
  EXPECT_EQ(read(admin(), "/v1/refusals?organisation=globex").size(), 1U);
  EXPECT_EQ(read(admin(), "/v1/refusals?environment=production&organisation=acme&application=payments").size(), 1U);
  EXPECT_TRUE(read(admin(), "/v1/refusals?environment=uat").empty());
  const auto another = testing::run(
      loop, ask_once(service().api_at(), &*maria_, {.target = "/v1/own-organisation/refusals?organisation=globex"}));
  ASSERT_EQ(outcome(another), "200");
  EXPECT_EQ(another->body.find("globex"), std::string::npos);
}

/// Whose it is the registry says: what was not issued here is nobody's, however it is told.
TEST_F(RefusedCertificates, OfStrangersAreKeptByNobody) {
  const feed::RefusalCount unknown{std::string(64, 'a'), Reason::expired, 1, clock.now(), clock.now()};
  const auto told = tell(*gateway_, {unknown});
  ASSERT_EQ(outcome(told), "200");
  EXPECT_EQ(told->body, R"({"noted":0})");
  EXPECT_TRUE(read(admin(), "/v1/refusals").empty());
  const tls::Credential payments = credential("production:acme:payments", Purpose::transport);
  EXPECT_EQ(tell(*gateway_, {count_of(payments, Reason::expired)})->body, R"({"noted":1})") << "its twin is known";
}

TEST_F(RefusedCertificates, AreToldByGatewaysAlone) {
  const tls::Credential payments = credential("production:acme:payments", Purpose::transport);
  const tls::Credential second = credential("internal:service:gateway-b", Purpose::service);
  const tls::Credential sender = credential("internal:service:ehi", Purpose::service);
  EXPECT_EQ(outcome(tell(sender, {count_of(payments, Reason::revoked)})), "403 caller.not_gateway");
  EXPECT_EQ(outcome(tell(*admin(), {count_of(payments, Reason::revoked)})), "403 caller.not_service");
  EXPECT_TRUE(own().empty());
  EXPECT_EQ(outcome(tell(second, {count_of(payments, Reason::revoked)})), "200");
  EXPECT_EQ(member(own()[0].as_object(), "gateway"), "gateway-b");
  EXPECT_EQ(outcome(internal(&*gateway_, {"POST", "/v1/refusals", R"({"refusals":[{}]})"})), "400 json.missing");
  const std::vector<feed::RefusalCount> many(feed::Refusals::kBatch + 1, count_of(payments, Reason::revoked));
  EXPECT_EQ(outcome(tell(*gateway_, many)), "413 refusals.too_many");
}

TEST_F(RefusedCertificates, AreBoundedInNumberAndTime) {
  const tls::Credential payments = credential("production:acme:payments", Purpose::transport);
  const tls::Credential foreign = credential("production:globex:cards", Purpose::transport);
  feed::RefusalCount early = count_of(payments, Reason::expired);
  early.last = clock.now() + std::chrono::hours(5);
  ASSERT_EQ(outcome(tell(*gateway_, {early})), "200");
  EXPECT_EQ(member(own()[0].as_object(), "last_seen"), base::to_rfc3339(clock.now())) << "a clock that is fast";
  add_rows(kRefusalsOfApplication + 20, clock.now());
  ASSERT_TRUE(note_refusals(authority().ledger(), "gateway",
                            {count_of(payments, Reason::suspended), count_of(foreign, Reason::expired)}));
  EXPECT_EQ(read(&*maria_, "/v1/own-organisation/refusals?limit=1000").size(),
            static_cast<std::size_t>(kRefusalsOfApplication));
  EXPECT_EQ(read(admin(), "/v1/refusals?organisation=globex").size(), 1U) << "nobody takes another's place";
}

/// Also where no gateway reports any more; and others have a turn between two portions.
TEST_F(RefusedCertificates, AreForgottenByTheAuthorityItself) {
  add_rows(kForgottenAtOnce + 20, clock.now() - kRefusalMemory - std::chrono::seconds(1));
  ASSERT_TRUE(note_refusals(authority().ledger(), "gateway", {}));
  EXPECT_EQ(count(), std::to_string(kForgottenAtOnce + 20)) << "a report is not what they wait for";
  EXPECT_EQ(*forget_old_refusals(authority().ledger()), true);
  EXPECT_EQ(count(), "20");
  EXPECT_EQ(*forget_old_refusals(authority().ledger()), false);
  EXPECT_EQ(count(), "0");
  add_rows(3, clock.now() - kRefusalMemory);
  EXPECT_EQ(*forget_old_refusals(authority().ledger()), false);
  EXPECT_EQ(count(), "3") << "its twin is a second younger";
}

/// The service does it, at its start and every hour, whether anybody asks for refusals or tells of any.
TEST_F(RefusedCertificates, AreForgottenWithoutBeingAskedFor) {
  add_rows(kForgottenAtOnce + 20, clock.now() - kRefusalMemory - std::chrono::seconds(1));
  add_rows(1, clock.now());
  EXPECT_EQ(outcome(api(admin(), {.target = "/v1/organisations"})), "200") << "for its loop to run";
  testing::run(loop, testing::wait_for_jobs(worker(), loop));
  EXPECT_EQ(count(), "1");
}

/// A report that says the same thing twice, of several applications at once.
TEST_F(RefusedCertificates, AreAddedUpWithinAReport) {
  const tls::Credential payments = credential("production:acme:payments", Purpose::transport);
  const tls::Credential foreign = credential("production:globex:cards", Purpose::transport);
  feed::RefusalCount early = count_of(payments, Reason::revoked, 2);
  early.first = clock.now() - std::chrono::hours(1);
  const auto told = tell(*gateway_, {count_of(payments, Reason::revoked, 3), count_of(foreign, Reason::revoked), early,
                                     count_of(payments, Reason::expired)});
  ASSERT_EQ(outcome(told), "200");
  EXPECT_EQ(told->body, R"({"noted":4})");
  EXPECT_EQ(raw().ask("SELECT times FROM refusals WHERE organisation = 'acme' AND reason = 'revoked'"), "5");
  EXPECT_EQ(raw().ask("SELECT last_seen_at - first_seen_at FROM refusals WHERE times = 5"), "3600000000");
  EXPECT_EQ(count(), "3");
}

/// Whoever issues anew after an issuing CA was withdrawn does not wait for those who count what that has refused.
TEST_F(RefusedCertificates, HoldUpNoAmendment) {
  if (!testing::on_postgresql()) GTEST_SKIP() << "a registry in a file has one lock, and one authority";
  const tls::Credential payments = credential("production:acme:payments", Purpose::transport);
  auto another = store::Registry::open(testing::registry_at(authority().folder().registry())).value();
  auto amending = another.begin();
  ASSERT_TRUE(amending);
  EXPECT_TRUE(note_refusals(authority().ledger(), "gateway", {count_of(payments, Reason::revoked)}));
  ASSERT_TRUE(amending->commit());
  EXPECT_EQ(count(), "1");
}

}  // namespace
}  // namespace countersign::authority
