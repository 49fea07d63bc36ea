// Contacts and notices over the real listener: who may, what is taken, and that a secret is shown once.
#include "authority/doors/doors_test.h"

namespace countersign::authority {
namespace {

constexpr const char* kContacts = "/v1/organisations/acme/contacts";

TEST_F(Doors, TakeContactsFromOperatorsAlone) {
  const auto partner = credential("production:acme:payments", Purpose::transport);
  const std::string body = R"({"email":"certs@acme.example"})";
  for (const char* target : {kContacts, "/v1/notices"}) {
    EXPECT_EQ(outcome(api(nullptr, {.target = target})), "403 caller.none") << target;
    EXPECT_EQ(outcome(api(&partner, {.target = target})), "403 caller.not_operator") << target;
    EXPECT_EQ(outcome(api(admin(), {.target = target})), "200") << target;
  }
  EXPECT_EQ(outcome(api(&partner, {"POST", kContacts, body})), "403 caller.not_operator");
  EXPECT_EQ(outcome(api(admin(), {"POST", kContacts, body})), "201");
}

TEST_F(Doors, TakeOnlyContactsThatCanBeWrittenTo) {
  struct Row {
    const char* name;
    std::string body;
    const char* outcome;
  };
  for (const Row& row : {
           Row{"mail", R"({"email":"a@acme.example"})", "201"},
           Row{"webhook", R"({"webhook":"https://hooks.acme.example/"})", "201"},
           Row{"of one application",
               R"({"email":"b@acme.example","environment":"production","application":"payments"})", "201"},
           Row{"half an application", R"({"email":"c@acme.example","application":"payments"})",
               "400 environment.unknown"},
           Row{"no such application", R"({"email":"c@acme.example","environment":"uat","application":"payments"})",
               "404 application.unknown"},
           Row{"nothing", "{}", "400 address.invalid"},
           Row{"both", R"({"email":"c@acme.example","webhook":"https://hooks.acme.example/2"})", "400 address.invalid"},
           Row{"a header", R"({"email":"c@acme.example\r\nBcc: d@acme.example"})", "400 address.invalid"},
           Row{"plain http", R"({"webhook":"http://hooks.acme.example/"})", "400 address.invalid"},
           Row{"one more member", R"({"email":"c@acme.example","x":1})", "400 json.unknown_member"},
           Row{"again", R"({"email":"a@acme.example"})", "409 contact.exists"},
       })
    EXPECT_EQ(outcome(api(admin(), {"POST", kContacts, row.body})), row.outcome) << row.name;
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/organisations/operator/contacts", R"({"email":"a@acme.example"})"})),
            "409 organisation.reserved");
}

TEST_F(Doors, ShowTheSecretOfAWebhookOnce) {
  const auto added = api(admin(), {"POST", kContacts, R"({"webhook":"https://hooks.acme.example/"})"});
  ASSERT_EQ(outcome(added), "201");
  const object contact = json_of(added);
  EXPECT_EQ(member(contact, "secret").size(), 64U);
  EXPECT_EQ(added->fields.find("Cache-Control").value_or(""), "no-store");
  const auto listed = api(admin(), {.target = kContacts});
  ASSERT_EQ(outcome(listed), "200");
  EXPECT_NE(listed->body.find(member(contact, "contact")), std::string::npos);
  EXPECT_EQ(listed->body.find("secret"), std::string::npos);
  EXPECT_EQ(listed->body.find(member(contact, "secret")), std::string::npos);
  const std::string one = std::string(kContacts) + "/" + member(contact, "contact");
  EXPECT_EQ(outcome(api(admin(), {"POST", one + "/remove"})), "200");
  EXPECT_EQ(outcome(api(admin(), {"POST", one + "/remove"})), "404 contact.unknown");
}

TEST_F(Doors, ListNoticesByState) {
  for (const char* query : {"", "?state=pending", "?state=sent&limit=1", "?state=given_up", "?state=dropped"})
    EXPECT_EQ(outcome(api(admin(), {.target = std::string("/v1/notices") + query})), "200") << query;
  for (const char* query : {"?state=lost", "?limit=0", "?limit=1001"})
    EXPECT_EQ(outcome(api(admin(), {.target = std::string("/v1/notices") + query})), "400 query.invalid") << query;
}

}  // namespace
}  // namespace countersign::authority
