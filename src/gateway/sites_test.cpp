// Listeners and their sites: who is let in under which name, what is asked of them, and that nothing crosses.
#include <algorithm>

#include "gateway/doors_test.h"

namespace countersign::gateway {
namespace {

using testing::Issued;
using Version = testing::TlsCaller::Version;
using tls::ClientCertificate;

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// One port for production, UAT, a partner group under a root of its own, and both weaker modes; a listener beside it
/// that serves other names, too.
class Sites : public DoorsTest {
 protected:
  void SetUp() override {
    acme_.emplace(pki_.client("acme", "payments").issue());
    uat_.emplace(pki_.client("acme", "payments").environment(base::Environment::uat).issue());
    guest_.emplace(pki_.client("guest", "app").other_ca().issue());  // the same CA names under another root
    more_facts_ = {feed::RootFact{pki_.look_alike_partner_root().certificate},
                   trust::IssuingCa{guest_->chain.back(), base::Environment::production, {trust::Purpose::transport}}};
    write_roots("guests.pem", {pki_.look_alike_partner_root().certificate});
    const SiteConfig api{.names = {"api.example", "api2.example"}};
    const SiteConfig wild{.names = {"*.api.example"}};
    const SiteConfig uat{.names = {"uat.example"}, .environment = base::Environment::uat};
    const SiteConfig guests{.names = {"guests.example"}, .trust = folder_ / "guests.pem"};
    const SiteConfig optional{.names = {"optional.example"}, .client_certificate = ClientCertificate::optional};
    const SiteConfig open{.names = {"open.example"}, .client_certificate = ClientCertificate::none};
    const std::vector<SiteConfig> sites = {api, wild, uat, guests, optional, open};
    start({{.name = "strict", .listen = {"127.0.0.1", 0}, .refuses_other_names = true, .sites = sites},
           {.name = "lenient", .listen = {"127.0.0.1", 0}, .sites = sites}},
          {{.host = "*", .path = "/", .upstream = upstream_.at()},
           {.host = "*", .path = "/open", .upstream = upstream_.at(), .certificate_required = false},
           {.host = "*",
            .path = "/open/lenient",
            .upstream = upstream_.at(),
            .certificate_required = false,
            .listeners = {"lenient"}}});
  }

  const Issued* who(const std::string& name) const {
    if (name == "acme") return &*acme_;
    if (name == "uat") return &*uat_;
    return name == "guest" ? &*guest_ : nullptr;
  }
  Caller::Answer call(const std::string& name, Caller::Call call, Version version = Version::tls13) const {
    return Caller({.version = version, .identity = who(name)}).call(call);
  }

  std::optional<Issued> acme_, uat_, guest_;
};

struct Row {
  std::string name;
  std::string caller;  ///< acme, uat, guest, nobody
  std::string listener;
  std::string server_name;
  std::string host;  ///< empty: as server_name
  std::string path;
  int outcome;  ///< the status, or minus the alert
};

class SitesByName : public Sites, public ::testing::WithParamInterface<Row> {};

TEST_P(SitesByName, DecideWhoComesIn) {
  const Row& row = GetParam();
  for (const Version version : {Version::tls13, Version::tls12}) {
    const auto answer = call(row.caller, {port(row.listener), row.server_name, row.host, nullptr, row.path}, version);
    // TLS 1.2 has no certificate_required of its own.
    const int alert = version == Version::tls12 && row.outcome == -116 ? 40 : -row.outcome;
    if (row.outcome < 0) EXPECT_EQ(answer.alert, alert) << answer.text;
    else EXPECT_EQ(answer.status, row.outcome) << answer.text << " alert " << answer.alert;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, SitesByName,
    ::testing::Values(Row{"required", "acme", "strict", "api.example", "", "/", 200},
                      Row{"required_without", "nobody", "strict", "api.example", "", "/", -116},
                      Row{"required_open_route_without", "nobody", "strict", "api.example", "", "/open", -116},
                      Row{"optional_with", "acme", "strict", "optional.example", "", "/", 200},
                      Row{"optional_without", "nobody", "strict", "optional.example", "", "/open", 200},
                      Row{"optional_without_where_required", "nobody", "strict", "optional.example", "", "/", 403},
                      Row{"optional_with_a_bad_one", "uat", "strict", "optional.example", "", "/open", -46},
                      Row{"none", "nobody", "strict", "open.example", "", "/open", 200},
                      Row{"none_where_required", "nobody", "strict", "open.example", "", "/", 403},
                      Row{"none_never_asks", "acme", "strict", "open.example", "", "/", 403},
                      Row{"uat", "uat", "strict", "uat.example", "", "/", 200},
                      Row{"production_at_uat", "acme", "strict", "uat.example", "", "/", -46},
                      Row{"uat_at_production", "uat", "strict", "api.example", "", "/", -46},
                      Row{"other_trust", "guest", "strict", "guests.example", "", "/", 200},
                      Row{"other_trust_elsewhere", "guest", "strict", "api.example", "", "/", -48},
                      Row{"own_trust_at_guests", "acme", "strict", "guests.example", "", "/", -48},
                      Row{"case", "acme", "strict", "API.Example", "api.EXAMPLE", "/", 200},
                      Row{"trailing_dot", "acme", "strict", "api.example.", "api.example", "/", 200},
                      Row{"port_in_host", "acme", "strict", "api.example", "api.example:8443", "/", 200},
                      Row{"wildcard", "acme", "strict", "a.api.example", "", "/", 200},
                      Row{"wildcard_deep", "acme", "strict", "b.a.api.example", "", "/", 200},
                      Row{"wildcard_is_no_suffix", "acme", "strict", "xapi.example", "", "/", -112},
                      Row{"unknown_name", "acme", "strict", "other.example", "", "/", -112},
                      Row{"no_name", "acme", "strict", "", "api.example", "/", -112},
                      Row{"unknown_name_served", "acme", "lenient", "other.example", "", "/", 200},
                      Row{"no_name_served", "acme", "lenient", "", "other.example", "/", 200},
                      Row{"no_name_for_a_site", "acme", "lenient", "", "uat.example", "/", 421},
                      Row{"no_name_for_a_site_in_capitals", "acme", "lenient", "", "UAT.example.", "/", 421},
                      Row{"no_name_for_a_site_with_port", "acme", "lenient", "", "uat.example:443", "/", 421},
                      Row{"another_site", "acme", "strict", "api.example", "uat.example", "/", 421},
                      Row{"another_name_of_the_site", "acme", "strict", "api.example", "api2.example", "/", 421},
                      Row{"another_name_of_a_wildcard", "acme", "strict", "a.api.example", "b.api.example", "/", 421},
                      Row{"open_name_for_a_closed_one", "nobody", "strict", "open.example", "api.example", "/open",
                          421},
                      Row{"route_of_this_listener", "nobody", "lenient", "open.example", "", "/open/lenient", 200},
                      Row{"route_of_another_listener", "nobody", "strict", "open.example", "", "/open/lenient", 404}),
    [](const auto& row) { return row.param.name; });

TEST_F(Sites, NobodysRequestsCarryNoIdentity) {
  const auto answer = call("nobody", {.port = port("strict"), .server_name = "open.example", .path = "/open"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(says(answer.text, "X-Countersign-")) << answer.text;
  EXPECT_FALSE(says(answer.text, "Client-Cert"));
  EXPECT_FALSE(says(answer.text, "forged"));
  EXPECT_TRUE(says(answer.text, "X-Forwarded-For: 127.0.0.1\n"));
  const auto known = call("acme", {.port = port("strict"), .server_name = "optional.example", .path = "/open"});
  EXPECT_TRUE(says(known.text, "X-Countersign-Application: payments\n"));
}

TEST_F(Sites, TheRefusalSaysWhatToDo) {
  const auto optional = call("nobody", {.port = port("strict"), .server_name = "optional.example"});
  EXPECT_TRUE(says(optional.text, "gateway.certificate_required")) << optional.text;
  EXPECT_TRUE(says(optional.text, "--cert and --key")) << optional.text;
  const auto open = call("nobody", {.port = port("strict"), .server_name = "open.example"});
  EXPECT_TRUE(says(open.text, "gateway.certificate_required")) << open.text;
}

/// What was verified, and remembered, for one site opens no other, whichever came first.
TEST_F(Sites, MemoriesOfChainsAreNotShared) {
  const auto at = [&](const std::string& caller, const std::string& name) {
    const auto answer = call(caller, {.port = port("strict"), .server_name = name});
    return answer.status != 0 ? answer.status : -answer.alert;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(at("guest", "guests.example"), 200);
    EXPECT_EQ(at("guest", "api.example"), -48);
    EXPECT_EQ(at("acme", "api.example"), 200);
    EXPECT_EQ(at("acme", "guests.example"), -48);
    EXPECT_EQ(at("acme", "uat.example"), -46);
    EXPECT_EQ(at("uat", "uat.example"), 200);
    EXPECT_EQ(at("uat", "optional.example"), -46);
  }
  EXPECT_EQ(plans_->chain_counts().chains, 3U);
  EXPECT_EQ(plans_->chain_counts().hits, 3U);
}

TEST_F(Sites, EachNamesItsOwnIssuers) {
  const auto named = [&](const std::string& name, const char* caller) {
    return call(caller, {.port = port("strict"), .server_name = name, .path = "/open"});
  };
  const auto subject = [&](base::Environment environment) {
    return pki_.issuing_ca(environment, trust::Purpose::transport).certificate.subject().der;
  };
  const auto only = [](const std::vector<std::string>& names, const std::string& one) {
    return !names.empty() && std::ranges::all_of(names, [&](const std::string& name) { return name == one; });
  };
  EXPECT_TRUE(only(named("api.example", "acme").issuers, subject(base::Environment::production)));
  EXPECT_TRUE(only(named("uat.example", "uat").issuers, subject(base::Environment::uat)));
  EXPECT_TRUE(named("optional.example", "nobody").asked);
  EXPECT_FALSE(named("open.example", "nobody").asked);
}

TEST_F(Sites, ARevocationActsAtEverySite) {
  for (const auto& [caller, name] :
       {std::pair{"acme", "api.example"}, {"uat", "uat.example"}, {"guest", "guests.example"}}) {
    ASSERT_EQ(call(caller, {.port = port("strict"), .server_name = name}).status, 200);
    trust::CertificateFact fact = who(caller)->fact();
    fact.revoked_for = "key_compromise";
    ASSERT_TRUE(knowledge_.apply({knowledge_.sequence() + 1, fact}));
    EXPECT_EQ(call(caller, {.port = port("strict"), .server_name = name}).alert, 44);
  }
}

/// A withdrawn CA of one site's only line leaves the trust of that site as it was, and the registry refuses all the
/// same.
TEST_F(Sites, TrustThatWouldBeEmptyIsKeptAndItsWithdrawnCaRefused) {
  ASSERT_EQ(call("guest", {.port = port("strict"), .server_name = "guests.example"}).status, 200);
  ASSERT_TRUE(knowledge_.apply(
      {knowledge_.sequence() + 1, trust::WithdrawnCa{guest_->chain.back(), trust::WithdrawalCause::compromised}}));
  worker_->knowledge_changed();
  EXPECT_EQ(call("guest", {.port = port("strict"), .server_name = "guests.example"}).alert, 44);
  EXPECT_EQ(call("acme", {.port = port("strict"), .server_name = "api.example"}).status, 200);
  const auto lines = log_.lines();
  EXPECT_TRUE(std::ranges::any_of(lines, [](const std::string& line) { return says(line, "gateway.trust_kept"); }));
}

TEST_F(Sites, RecordsSayListenerSiteAndMode) {
  EXPECT_EQ(call("nobody", {.port = port("strict"), .server_name = "open.example", .path = "/open"}).status, 200);
  EXPECT_EQ(call("acme", {.port = port("strict"), .server_name = "other.example"}).alert, 112);
  const ListenerPlan& plan = plans_->listeners().front();
  const std::string text = plan.counts->to_text(*plan.config);
  EXPECT_TRUE(says(text, R"(listener="strict",tls="by name",outcome="accepted"} 1)")) << text;
  worker_->drain(net::Deadline::after(std::chrono::seconds(5)), [] {});
  worker_->join();
  std::string all;
  for (const std::string& line : log_.lines())
    all += line + "\n";
  EXPECT_TRUE(says(all, R"("listener":"strict","site":"open.example","tls":"one-way")")) << all;
  EXPECT_TRUE(says(all, R"("code":"tls.unrecognized_name")")) << all;
  EXPECT_TRUE(says(all, R"("sni":"other.example")")) << all;
}

/// Each thing that was decided for a site makes another policy of it, so that no session crosses by accident of names.
TEST_F(Sites, EveryPartOfAPolicyIsInItsDigest) {
  const tls::RejudgeClient rejudge = [](const trust::AdmittedChain&) { return std::nullopt; };
  const SiteTable::Means means{tls::Library::of_process(), nullptr, rejudge};
  const auto digest = [&](const ListenerConfig& listener, std::shared_ptr<TrustView> view, const OwnCertificate& own) {
    ListenerPlan plan{&listener, tls::Protocol::http_1_1, {{listener.reachable().front(), view, 0}}, nullptr};
    return SiteTable::make(plan, Credentials{own}, means).value()->choose("a.example")->policy;
  };
  const auto& plans = plans_->listeners().front().sites;
  const auto production = plans[0].view;
  const auto uat = plans[2].view;
  const auto guests = plans[3].view;
  const auto own = own_.front();
  const ListenerConfig base{.name = "a", .listen = {}};
  ListenerConfig other_name = base, other_mode = base, other_site = base;
  other_name.name = "b";
  other_mode.other.client_certificate = ClientCertificate::optional;
  other_site.sites = {{.names = {"a.example"}}};
  std::vector<crypto::Digest256> digests = {digest(base, production, own),
                                            digest(other_name, production, own),
                                            digest(other_mode, production, own),
                                            digest(other_site, production, own),
                                            digest(base, uat, own),
                                            digest(base, guests, own),
                                            digest(base, production, {server_credential()})};
  EXPECT_EQ(digest(base, production, own), digests.front());
  ASSERT_TRUE(
      knowledge_.apply({knowledge_.sequence() + 1,
                        trust::WithdrawnCa{pki_.issuing_ca(base::Environment::uat, trust::Purpose::signing).certificate,
                                           trust::WithdrawalCause::retired}}));
  digests.push_back(digest(base, production, own));  // another generation of trust
  std::ranges::sort(digests);
  EXPECT_EQ(std::ranges::adjacent_find(digests), digests.end());
}

}  // namespace
}  // namespace countersign::gateway
