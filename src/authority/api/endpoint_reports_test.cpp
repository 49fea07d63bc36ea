// What senders say of partners' servers, told at the internal door.
#include "authority/doors/doors_test.h"
#include "authority/ehi/servers.h"
#include "authority/ehi/troubles.h"

namespace countersign::authority {
namespace {

class EndpointReportsDoor : public Doors {
 protected:
  void SetUp() override {
    Doors::SetUp();
    for (const char* urn_end : {"internal:service:gateway", "internal:service:ehi", "internal:service:ehi-two"}) {
      const base::Identity wanted = identity(urn_end);
      (void)authority().directory().create_organisation(admin_actor(), wanted.organisation, "The platform");
      (void)authority().directory().create_application(admin_actor(), {wanted, "", {}});
    }
    EhiServers servers(authority().ledger(), authority().random());
    ASSERT_TRUE(servers.add(admin_actor(), {slug("acme"), base::Environment::production, kUrl}));
  }
  static constexpr const char* kUrl = "https://host.acme.example/decide";
  feed::EndpointReport report(const std::string& url = kUrl) {
    feed::EndpointReport one{base::Environment::production, slug("acme"), url, "acme-cards", "decisions"};
    one.state = feed::EndpointState::unreachable;
    one.code = "ehi.timeout";
    one.times = 5;
    one.first = one.last = clock.now();
    return one;
  }
  base::Result<http::Response> tell(const tls::Credential& by, const std::vector<feed::EndpointReport>& reports) {
    return internal(&by, {"POST", "/v1/endpoint-reports", base::json::serialize(feed::to_json(reports))});
  }
};

TEST_F(EndpointReportsDoor, IsForSendersAlone) {
  struct Row {
    const char* who;
    const char* outcome;
  };
  const Row rows[] = {{"internal:service:gateway", "403 caller.not_sender"},
                      {"internal:service:ehi", "200"},
                      {"internal:service:ehi-two", "200"}};
  for (const Row& row : rows)
    EXPECT_EQ(outcome(tell(credential(row.who, Purpose::service), {report()})), row.outcome) << row.who;
  EXPECT_EQ(outcome(tell(*admin(), {report()})), "403 caller.not_service");
}

TEST_F(EndpointReportsDoor, SaysWhichServersItDoesNotKnow) {
  const tls::Credential sender = credential("internal:service:ehi", Purpose::service);
  const auto told = tell(sender, {report(), report("https://elsewhere.example/")});
  ASSERT_EQ(outcome(told), "200");
  EXPECT_EQ(told->body, R"({"noted":1,"unknown":["https://elsewhere.example/"]})");
  EXPECT_EQ(outcome(internal(&sender, {"POST", "/v1/endpoint-reports", R"({"reports":[{}]})"})), "400 json.missing");
  const std::vector<feed::EndpointReport> many(feed::EndpointReports::kBatch + 1, report());
  EXPECT_EQ(outcome(tell(sender, many)), "413 endpoint_reports.too_many");
  feed::EndpointReports largest;
  for (std::size_t i = 0; i < feed::EndpointReports::kBatch; ++i)
    largest.add(report("https://host.acme.example/" + std::string(998, '"')))
        .failed({.code = "ehi.timeout", .detail = std::string(500, '"')}, clock.now());
  EXPECT_EQ(outcome(tell(sender, largest.take(clock.now()))), "200") << "what a sender may tell is taken";
}

}  // namespace
}  // namespace countersign::authority
