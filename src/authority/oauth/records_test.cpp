// What the audit log says of the authorisation server: one record of each decision, together with what it decides, and
// calls that wait together share it.
#include "authority/oauth/oauth_test.h"
#include "authority/oauth/refusal_records.h"

namespace countersign::authority {
namespace {

using Records = std::vector<std::string>;

class OauthRecords : public OauthServer {
 protected:
  void SetUp() override {
    OauthServer::SetUp();
    (void)get_token();  // makes the first key
    newly_audited();
  }
  /// Outcomes of calls that came together.
  std::vector<std::string> ask_together(const std::vector<oauth::RelayedCall>& calls) {
    std::vector<const oauth::RelayedCall*> pointers;
    for (const oauth::RelayedCall& one : calls)
      pointers.push_back(&one);
    std::vector<std::string> outcomes;
    for (const http::Response& response : server().answer(pointers))
      outcomes.push_back(outcome_of(response));
    return outcomes;
  }
  oauth::RelayedCall about(const char* path, const std::string& more) {
    auto made = call(*transport_, kShop, path);
    made.body = form(assertion(signing_->key), more);
    return made;
  }
};

TEST_F(OauthRecords, AreOneForEachDecision) {
  const std::string used = form(assertion(signing_->key, "used"));
  const std::string token = get_token();
  EXPECT_EQ(ask(token_call(used)), "200");
  EXPECT_EQ(newly_audited(), (Records{"token.issued", "token.issued"}));
  auto anonymous = good_call();
  anonymous.peer.reset();
  auto unlisted = good_call();
  unlisted.peer->fingerprint[0] ^= 1U;
  const PrivateKey strange = PrivateKey::generate(PrivateKey::Kind::p256).value();
  struct Row {
    const char* what;
    oauth::RelayedCall call;
    const char* outcome;
    Records records;
  };
  for (const Row& row : {
           Row{"good", good_call(), "200", {"token.issued"}},
           Row{"used before",
               token_call(used),
               "401 oauth.assertion_replayed",
               {"oauth.refused oauth.assertion_replayed"}},
           Row{"a strange key",
               token_call(form(assertion(strange))),
               "401 oauth.assertion_key_unknown",
               {"oauth.refused oauth.assertion_key_unknown"}},
           Row{"a transport key",
               token_call(form(assertion(transport_->key))),
               "401 oauth.assertion_key_not_signing",
               {"oauth.refused oauth.assertion_key_not_signing"}},
           Row{"a scope too many",
               good_call("&scope=c"),
               "400 oauth.scope_refused",
               {"oauth.refused oauth.scope_refused"}},
           Row{"a certificate that is not listed",
               unlisted,
               "401 oauth.certificate_not_active",
               {"oauth.refused oauth.certificate_not_active"}},
           Row{"nobody: in the log alone", anonymous, "401 oauth.no_certificate", {}},
           Row{"a good introspection", about("/oauth2/introspect", "&token=" + token), "200", {}},
           Row{"a bad one",
               about("/oauth2/introspect", ""),
               "400 oauth.malformed_request",
               {"oauth.refused oauth.malformed_request"}},
           Row{"a revocation", about("/oauth2/revoke", "&token=" + token), "200", {"token.revoked"}},
           Row{"of what is revoked", about("/oauth2/revoke", "&token=" + token), "200", {}},
       }) {
    EXPECT_EQ(ask(row.call), row.outcome) << row.what;
    EXPECT_EQ(newly_audited(), row.records) << row.what;
  }
}

TEST_F(OauthRecords, OfCallsThatWaitTogetherAreWrittenTogether) {
  const std::string once = form(assertion(signing_->key, "once"));
  auto anonymous = good_call();
  anonymous.peer.reset();
  const auto outcomes = ask_together({good_call(), token_call(once), token_call(once), good_call("&scope=c"), anonymous,
                                      about("/oauth2/introspect", "&token=x"), good_call()});
  EXPECT_EQ(outcomes, (Records{"200", "200", "401 oauth.assertion_replayed", "400 oauth.scope_refused",
                               "401 oauth.no_certificate", "200", "200"}));
  EXPECT_EQ(newly_audited(), (Records{"token.issued", "token.issued", "token.issued",
                                      "oauth.refused oauth.assertion_replayed", "oauth.refused oauth.scope_refused"}));
}

TEST_F(OauthRecords, AreThereBeforeATokenIs) {
  const auto first = good_call();
  ASSERT_TRUE(raw().refuse_audit("token.issued"));
  EXPECT_EQ(ask_together({first, token_call("a=b"), good_call()}),
            (Records{"503 oauth.unavailable", "400 oauth.malformed_request", "503 oauth.unavailable"}));
  EXPECT_EQ(newly_audited(), Records{});
  EXPECT_TRUE(has_logged("oauth.not_recorded"));
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(ask(first), "200") << "its assertion was not used up";
  EXPECT_EQ(newly_audited(), Records{"token.issued"});
}

TEST_F(OauthRecords, OfOneApplicationAreBounded) {
  auto bad = good_call("&scope=c");
  for (int i = 0; i < kRefusalsAudited; ++i)
    EXPECT_EQ(ask(token_call("a=b")), "400 oauth.malformed_request");
  EXPECT_EQ(newly_audited().size(), static_cast<std::size_t>(kRefusalsAudited));
  EXPECT_EQ(ask(token_call("a=b")), "400 oauth.malformed_request");
  EXPECT_EQ(ask(bad), "400 oauth.scope_refused");
  EXPECT_EQ(newly_audited(), Records{});
  EXPECT_EQ(ask(good_call()), "200") << "tokens are recorded all the same";
  EXPECT_EQ(newly_audited(), Records{"token.issued"});
  clock.advance(kRefusalsSpan);
  EXPECT_EQ(ask(token_call("a=b")), "400 oauth.malformed_request");
  auto rows = authority().ledger().read();
  const auto last = store::find_last_audit(*rows);
  ASSERT_TRUE(last && *last);
  EXPECT_NE((*last)->detail.find("\"left_out\":2"), std::string::npos) << (*last)->detail;
}

}  // namespace
}  // namespace countersign::authority
