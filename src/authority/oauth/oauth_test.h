// The authorisation server over a real registry, with a client that may have tokens.
#pragma once

#include "authority/doors/together_test.h"
#include "authority/oauth/server.h"
#include "oauth/access_token.h"
#include "oauth/form.h"
#include "store/audit.h"

namespace countersign::authority {

using crypto::PrivateKey;

inline constexpr const char* kShop = "production:acme:payments";
inline constexpr const char* kClient = "production.acme.payments";
inline constexpr const char* kForm = "application/x-www-form-urlencoded";
inline constexpr const char* kApi = "https://api.example";

class OauthServer : public Together {
 protected:
  void SetUp() override {
    Together::SetUp();
    transport_ = credential(kShop, Purpose::transport);
    signing_ = credential(kShop, Purpose::signing);
    allow({oauth::Method::private_key_jwt});
  }

  AuthorisationServer& server() { return authority().oauth(); }
  std::string issuer() { return server().settings().issuer; }
  void allow(std::vector<oauth::Method> methods) {
    ClientRules rules{std::move(methods), *oauth::Scopes::parse("a b"), {kApi, "https://other.example"}, {}};
    rules.claims["tenant"] = "t-17";
    ASSERT_TRUE(server().clients().put(admin_actor(), identity(kShop), std::move(rules)));
  }
  static oauth::RelayedCall call(const tls::Credential& caller, std::string_view urn_end, std::string path) {
    oauth::RelayedCall made;
    made.method = "POST";
    made.path = std::move(path);
    made.content_type = kForm;
    made.address = "192.0.2.1:1";
    made.peer = oauth::RelayedPeer{caller.chain.front().fingerprint(), identity(urn_end)};
    return made;
  }
  std::string assertion(const PrivateKey& key, const std::string& id = "") {
    const oauth::AssertionOrder order{.client = kClient,
                                      .audience = issuer(),
                                      .id = id.empty() ? "id-" + std::to_string(++ids_) : id,
                                      .issued = clock.now()};
    return oauth::make_assertion(order, key, jose::Algorithm::es256).value();
  }
  std::string form(const std::string& jwt, const std::string& more = "") const {
    return "grant_type=client_credentials&client_assertion_type=" +
           oauth::encode_form("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") + "&client_assertion=" + jwt +
           more;
  }
  oauth::RelayedCall token_call(const std::string& body) {
    auto made = call(*transport_, kShop, "/oauth2/token");
    made.body = body;
    return made;
  }
  oauth::RelayedCall good_call(const std::string& more = "") {
    return token_call(form(assertion(signing_->key), more));
  }
  /// "200", or the status and our code of the refusal.
  std::string ask(const oauth::RelayedCall& made) { return outcome_of(server().answer(made)); }
  std::string outcome_of(const http::Response& response) {
    last_ = base::parse_json(response.body).value_or(object());
    if (response.status < 400) return std::to_string(response.status);
    return std::to_string(response.status) + " " + member(last_.as_object(), "code");
  }
  std::string get_token(const std::string& more = "") {
    EXPECT_EQ(ask(good_call(more)), "200");
    return member(last_.as_object(), "access_token");
  }
  oauth::KeyRing ring() { return server().keys().ring().value(); }
  std::string check(const std::string& token) {
    const auto checked = oauth::check_token(token, ring(), clock.now());
    return checked ? "ok" : std::string(oauth::explanation(checked.error().reason).code);
  }

  /// What the audit log has got since the last time this was asked: actions, of refusals with their code.
  std::vector<std::string> newly_audited() {
    auto rows = authority().ledger().read();
    const auto records = store::list_audit(*rows, audited_, 1000);
    std::vector<std::string> all;
    for (const store::AuditRow& row : *records) {
      const auto detail = base::parse_json(row.detail)->as_object();
      all.push_back(row.action + (detail.contains("code") ? " " + member(detail, "code") : ""));
      audited_ = row.sequence;
    }
    return all;
  }

  std::optional<tls::Credential> transport_;
  std::optional<tls::Credential> signing_;
  base::json::value last_;
  int ids_ = 0;
  std::int64_t audited_ = 0;
};

}  // namespace countersign::authority
