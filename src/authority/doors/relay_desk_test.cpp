// Calls that gateways pass on, and that wait at the door: one commit for all, its own answer for each.
#include "authority/doors/relay_desk.h"

#include "authority/oauth/oauth_test.h"
#include "base/files.h"

namespace countersign::authority {
namespace {

class Relaying : public OauthServer {
 protected:
  void SetUp() override {
    OauthServer::SetUp();
    gateway_ = credential("internal:service:gateway", Purpose::service);
    (void)get_token();  // makes the first key
    newly_audited();
  }
  std::vector<std::string> relay_together(const std::vector<oauth::RelayedCall>& calls) {
    std::vector<http::Request> requests;
    for (const oauth::RelayedCall& one : calls) {
      http::Request& request = requests.emplace_back();
      request.head.method = "POST";
      request.head.target = oauth::kRelayPath;
      request.body = base::json::serialize(oauth::to_json(one));
    }
    std::vector<std::string> outcomes;
    for (const auto& answer : send_together(service().internal_at(), &*gateway_, std::move(requests))) {
      const auto inner =
          answer ? oauth::relayed_answer(answer->body) : base::Result<http::Response>(base::unexpected(answer.error()));
      outcomes.push_back(inner ? outcome_of(*inner) : inner.error().code);
      if (inner && inner->status == 200) tokens_.push_back(member(last_.as_object(), "access_token"));
    }
    return outcomes;
  }
  /// Each amendment adds one line.
  std::size_t commits() {
    const auto text = base::read_file(authority().folder().root() / "audit.head").value();
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  std::optional<tls::Credential> gateway_;
  std::vector<std::string> tokens_;
};

TEST_F(Relaying, SharesOneCommitAndGivesEachItsOwnAnswer) {
  const std::string once = form(assertion(signing_->key, "once"));
  const std::size_t before = commits();
  EXPECT_EQ(
      relay_together({good_call(), token_call(once), token_call(once), token_call("a=b"), good_call("&scope=a")}),
      (std::vector<std::string>{"200", "200", "401 oauth.assertion_replayed", "400 oauth.malformed_request", "200"}));
  EXPECT_EQ(commits(), before + 1);
  EXPECT_EQ(newly_audited().size(), 5U);
  ASSERT_EQ(tokens_.size(), 3U);
  for (const std::string& token : tokens_)
    EXPECT_EQ(check(token), "ok");
  EXPECT_EQ(oauth::check_token(tokens_.back(), ring(), clock.now())->grant().scopes.text(), "a");
}

}  // namespace
}  // namespace countersign::authority
