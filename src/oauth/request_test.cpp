// Forms, scopes, client credentials, the relay and refusals in OAuth's words.
#include <gtest/gtest.h>

#include "oauth/client_credentials.h"
#include "oauth/relay.h"
#include "oauth/scopes.h"
#include "testing/code_of.h"

namespace countersign::oauth {
namespace {

constexpr const char* kForm = "application/x-www-form-urlencoded";

template <class T>
std::string outcome(const Checked<T>& checked) {
  return checked ? "ok" : std::string(explanation(checked.error().reason).code);
}

TEST(Form, TakesEachParameterOnce) {
  struct Row {
    const char* what;
    const char* type;
    std::string body;
    const char* outcome;
  };
  for (const Row& row : {
           Row{"plain", kForm, "a=1&b=2", "ok"},
           Row{"with a charset", "Application/X-WWW-Form-URLencoded; charset=UTF-8", "a=1", "ok"},
           Row{"nothing", kForm, "", "ok"},
           Row{"twice", kForm, "a=1&a=1", "oauth.malformed_request"},
           Row{"twice in two spellings", kForm, "a=1&%61=1", "oauth.malformed_request"},
           Row{"twice, once without a value", kForm, "a=&a=1", "ok"},
           Row{"resource twice", kForm, "resource=x&resource=y", "ok"},
           Row{"JSON", "application/json", "{}", "oauth.malformed_request"},
           Row{"no type", "", "a=1", "oauth.malformed_request"},
           Row{"broken escape", kForm, "a=%4", "oauth.malformed_request"},
           Row{"no hexadecimal", kForm, "a=%zz", "oauth.malformed_request"},
           Row{"too long", kForm, "a=" + std::string(kFormLimit, 'x'), "oauth.malformed_request"},
       })
    EXPECT_EQ(outcome(Form::parse(row.type, row.body)), row.outcome) << row.what;
  const Form form = Form::parse(kForm, "a=x+y%2B%26&resource=1&resource=2&empty=").value();
  EXPECT_EQ(form.find("a"), "x y+&");
  EXPECT_EQ(form.all("resource"), (std::vector<std::string>{"1", "2"}));
  EXPECT_FALSE(form.find("empty"));
  EXPECT_EQ(decode_form(encode_form("a b+c&d=\xc3\xa9%")), "a b+c&d=\xc3\xa9%");
  std::string many;
  for (std::size_t i = 0; i <= kFormParameters; ++i)
    many += "p" + std::to_string(i) + "=1&";
  EXPECT_EQ(outcome(Form::parse(kForm, many)), "oauth.malformed_request");
}

TEST(Scopes, KeepToTheGrammarAndCompareAsSets) {
  for (const char* good : {"", "a", "a b", "payments:read https://x/y"})
    EXPECT_TRUE(Scopes::parse(good)) << good;
  for (const char* bad : {" ", "a ", " a", "a  b", "a\"b", "a\\b", "a\tb", "\xc3\xa9"})
    EXPECT_FALSE(Scopes::parse(bad)) << bad;
  EXPECT_FALSE(Scopes::parse(std::string(kScopeLength + 1, 'a')));
  EXPECT_EQ(Scopes::parse("b a b")->text(), "a b");
  EXPECT_TRUE(Scopes::parse("a b c")->includes(*Scopes::parse("c a")));
  EXPECT_FALSE(Scopes::parse("a b")->includes(*Scopes::parse("a b c")));
}

TEST(ClientCredentials, AreShownInOneWay) {
  const std::string type = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
  const std::string basic = "Basic " + base::to_base64(base::as_bytes("id%2Bx:se+cret"));
  struct Row {
    const char* what;
    std::string authorization;
    std::string body;
    const char* outcome;
  };
  for (const Row& row : {
           Row{"assertion", "", "client_assertion=x" + type, "private_key_jwt"},
           Row{"secret in the body", "", "client_id=a&client_secret=b", "client_secret_post"},
           Row{"secret in the field", basic, "", "client_secret_basic"},
           Row{"and the same id in the body", basic, "client_id=id%2Bx", "client_secret_basic"},
           Row{"certificate alone", "", "client_id=a", "tls_client_auth"},
           Row{"nothing", "", "", "oauth.no_client_authentication"},
           Row{"another id in the body", basic, "client_id=a", "oauth.two_client_authentications"},
           Row{"field and assertion", basic, "client_assertion=x" + type, "oauth.two_client_authentications"},
           Row{"secret and assertion", "", "client_id=a&client_secret=b&client_assertion=x" + type,
               "oauth.two_client_authentications"},
           Row{"assertion without its type", "", "client_assertion=x", "oauth.malformed_request"},
           Row{"assertion of another type", "", "client_assertion=x&client_assertion_type=saml",
               "oauth.malformed_request"},
           Row{"another scheme", "Bearer abc", "", "oauth.no_client_authentication"},
           Row{"no base64", "Basic !!", "", "oauth.malformed_request"},
           Row{"no colon", "Basic " + base::to_base64(base::as_bytes("abc")), "", "oauth.malformed_request"},
       }) {
    const auto read = read_credentials(row.authorization, Form::parse(kForm, row.body).value());
    EXPECT_EQ(read ? std::string(name(read->method())) : outcome(read), row.outcome) << row.what;
  }
  const auto read = read_credentials(basic, Form::parse(kForm, "").value());
  EXPECT_EQ(read->client_id, "id+x");
  EXPECT_EQ(std::get<ShownSecret>(read->shown).secret.reveal_text(), "se cret");
  EXPECT_EQ(bearer_token("bearer abc"), "abc");
  for (const char* none : {"", "Bearer", "Bearer ", "Bearer a b", "Basic abc", "Bearerabc"})
    EXPECT_FALSE(bearer_token(none)) << none;
}

TEST(Relay, CarriesACallAndItsAnswer) {
  RelayedCall call{"POST", "/oauth2/token", "Basic x", kForm, "a=1", "192.0.2.1:5", std::nullopt};
  call.peer = RelayedPeer{crypto::sha256(base::as_bytes("c")),
                          base::Identity::from_urn("urn:countersign:uat:acme:shop").value()};
  const auto read = relayed_call(to_json(call));
  ASSERT_TRUE(read) << base::to_string(read.error());
  EXPECT_EQ(base::json::serialize(to_json(*read)), base::json::serialize(to_json(call)));
  for (const char* bad : {"{}", "[]", R"({"method":"GET","path":"/x","more":1})",
                          R"({"method":"GET","path":"/x","certificate":"00","urn":"urn:countersign:uat:a:b"})",
                          R"({"method":"GET","path":"/x","urn":"urn:countersign:uat:a:b"})"})
    EXPECT_EQ(testing::code_of(relayed_call(base::parse_json(bad).value())), "relay.malformed") << bad;
  http::Response response;
  response.status = 401;
  response.fields.add("WWW-Authenticate", "Basic");
  response.body = "{}";
  const auto answer = relayed_answer(base::json::serialize(to_json(response)));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 401);
  EXPECT_EQ(answer->fields.find("WWW-Authenticate"), "Basic");
  for (const char* bad : {"", "{}", R"({"status":99,"fields":{},"body":""})", R"({"status":200,"body":""})",
                          R"({"status":200,"fields":{"a":1},"body":""})"})
    EXPECT_FALSE(relayed_answer(bad)) << bad;
}

TEST(Refusal, SpeaksOauth) {
  const http::Response missing = to_resource_response({Reason::token_missing}, "a b");
  EXPECT_EQ(missing.status, 401);
  EXPECT_EQ(missing.fields.find("WWW-Authenticate"), R"(Bearer realm="countersign", scope="a b")");
  const http::Response expired = to_resource_response({Reason::token_expired}, "a b");
  EXPECT_NE(expired.fields.find("WWW-Authenticate")->find(R"(error="invalid_token")"), std::string_view::npos);
  EXPECT_EQ(expired.fields.find("WWW-Authenticate")->find("scope="), std::string_view::npos);
  const http::Response lacking = to_resource_response({Reason::token_scope}, "a b");
  EXPECT_EQ(lacking.status, 403);
  EXPECT_NE(lacking.fields.find("WWW-Authenticate")->find(R"(error="insufficient_scope")"), std::string_view::npos);
  const http::Response client = to_endpoint_response({Reason::assertion_replayed, "\"\\\r\nX: y"});
  EXPECT_EQ(client.status, 401);
  EXPECT_EQ(client.fields.find("Cache-Control"), "no-store");
  EXPECT_EQ(client.body.find("\\r"), std::string::npos) << client.body;
  EXPECT_NE(client.body.find(R"("error":"invalid_client")"), std::string::npos);
  EXPECT_NE(client.body.find(R"("code":"oauth.assertion_replayed")"), std::string::npos);
  for (const Explanation& one : explanations()) {
    EXPECT_TRUE(one.code.starts_with("oauth.")) << one.code;
    EXPECT_TRUE(one.status >= 400 && one.status < 600) << one.code;
    EXPECT_FALSE(one.meaning.empty() || one.remedy.empty()) << one.code;
  }
}

}  // namespace
}  // namespace countersign::oauth
