// What is stapled as certificates and responders come and go, and where one must be.
#include <atomic>
#include <thread>

#include "gateway/stapling/stapling_test.h"

namespace countersign::gateway {
namespace {

using base::Level;

class OwnCertificates : public OwnStaples {
 protected:
  /// One whose certificate names these.
  std::vector<x509::Certificate> naming(std::vector<std::string> urls, const char* feature = nullptr) {
    x509::CertificateSpec spec{.serial = x509::Serial::generate(random_).value(),
                               .subject = {"gateway", "service", "internal"},
                               .not_before = pki_.now() - hours(1),
                               .not_after = pki_.now() + hours(1),
                               .key = server_.key.public_key(),
                               .key_usage = {x509::KeyUsage::digital_signature},
                               .extended_key_usage = {std::string(x509::oid::kServerAuth)},
                               .subject_alt_names = {},
                               .ca = std::nullopt};
    spec.subject_alt_names.dns = {"localhost"};
    spec.information_access.ocsp = std::move(urls);
    x509::Certificate leaf = testing::issue(spec, ca());
    if (feature != nullptr)
      leaf =
          testing::forge(leaf, ca().key, [feature](X509* one) { testing::add_extension(one, "tlsfeature", feature); });
    return {leaf, ca().certificate};
  }
};

TEST_F(OwnCertificates, AreStapledWhereAResponderIsNamed) {
  const auto why_not = [](const std::vector<x509::Certificate>& chain, OcspSettings settings) {
    return StapledCertificate::why_not(chain, settings);
  };
  const auto responder = [this](const std::vector<x509::Certificate>& chain, const OcspSettings& settings) {
    const auto made = StapledCertificate::make(chain, settings, pki_.clock());
    return made == nullptr ? "" : made->responder();
  };
  EXPECT_EQ(responder(naming({"http://a.example/ocsp", "http://b.example"}), {}), "http://a.example/ocsp");
  EXPECT_EQ(responder(naming({"https://a.example", "ldap://c.example", "http://b.example"}), {}), "http://b.example");
  EXPECT_EQ(responder(naming({"http://a.example"}), {.responder = "http://own.example"}), "http://own.example");
  EXPECT_EQ(responder(naming({}), {.responder = "http://own.example"}), "http://own.example");
  EXPECT_EQ(responder(naming({"http://a.example"}), {.stapling = false}), "");
  EXPECT_NE(why_not(naming({}), {}).find("names no OCSP responder"), std::string::npos);
  EXPECT_NE(why_not({naming({"http://a.example"}).front()}, {}).find("issuer"), std::string::npos);
  const auto wrong_issuer = std::vector{naming({"http://a.example"}).front(), pki_.partner_root().certificate};
  EXPECT_NE(why_not(wrong_issuer, {}).find("issuer"), std::string::npos);
  EXPECT_EQ(why_not(naming({"http://a.example"}), {}), "");
}

TEST_F(OwnCertificates, AreSpokenOfWhereSomebodyExpectsAStaple) {
  const auto plain = naming({});
  const auto one = naming({"http://a.example"});
  const auto secure = naming({"https://a.example"});
  const auto must = naming({"http://a.example"}, "status_request");
  const auto must_alone = std::vector{must.front()};
  const auto unnamed = naming({}, "status_request");
  struct Row {
    const char* name;
    std::vector<x509::Certificate> chain;
    OcspSettings settings;
    std::optional<Level> level;
  };
  for (const Row& row :
       {Row{"stapled", one, {}, {}}, Row{"must be, and is", must, {}, {}}, Row{"names nobody", plain, {}, {}},
        Row{"off", one, {.stapling = false}, {}}, Row{"names one of another kind", secure, {}, Level::warning},
        Row{"without its issuer", {one.front()}, {}, Level::warning},
        Row{"without its issuer, a responder is configured",
            {plain.front()},
            {.responder = "http://a.example"},
            Level::warning},
        Row{"must be, without its issuer", must_alone, {}, Level::error},
        Row{"must be, and names nobody", unnamed, {}, Level::error},
        Row{"must be, and is exempted", must, {.stapling = false}, Level::warning}}) {
    const auto said = StapledCertificate::unstapled(row.chain, row.settings);
    EXPECT_EQ(said ? std::optional(said->level) : std::nullopt, row.level) << row.name;
    EXPECT_EQ(said ? said->why : "", said ? StapledCertificate::why_not(row.chain, row.settings) : "") << row.name;
  }
}

TEST_F(Keeping, SaysOnceOfEachSiteWhyNothingIsStapled) {
  const auto unstapled = [](std::string why) {
    return StapledCertificate::Unstapled{std::move(why), false, Level::warning};
  };
  keeper_.keep({{nullptr, {{"partners", "a"}, {"partners", "b"}}, unstapled("one")}, {kept_, {}}});
  EXPECT_EQ(said("staple.none"), 2);
  EXPECT_EQ(said("warning"), 2);
  keeper_.keep({{nullptr, {{"partners", "a"}, {"partners", "b"}}, unstapled("one")}, {kept_, {}}});
  EXPECT_EQ(said("staple.none"), 2) << "a reload is no news";
  keeper_.keep({{nullptr, {{"partners", "a"}}, unstapled("another")}, {kept_, {}}});
  EXPECT_EQ(said("staple.none"), 3);
}

TEST_F(Keeping, GoesOnWithTheResponseOfTheSameCertificate) {
  says(response({}));
  looks();
  const base::Bytes good = shown();
  EXPECT_EQ(make(server_.chain), kept_);
  keep(make(server_.chain));
  looks();
  EXPECT_EQ(asked_, 1) << "a reload asks nobody";
  EXPECT_EQ(shown(), good);
  const auto elsewhere = make(server_.chain, "http://other.example");
  EXPECT_NE(elsewhere, kept_);
  keep(elsewhere);
  EXPECT_EQ(shown(), good) << "it is about the certificate, whoever said it";
  says(base::unexpected(unreachable()));
  looks();
  EXPECT_EQ(asked_at_, "http://other.example");
  EXPECT_EQ(shown(), good);
  const Issued renewed = pki_.internal_server().issue();
  const auto next = make(renewed.chain);
  EXPECT_NE(next, nullptr);
  keep(next);
  EXPECT_TRUE(shown().empty());
  says(good);
  looks();
  EXPECT_TRUE(shown().empty()) << "it is about another certificate";
}

TEST_F(Keeping, AsksAnewUnderAnotherCertificateOfTheIssuer) {
  says(response({}));
  looks();
  const base::Bytes good = shown();
  const auto renewed = testing::forge(ca().certificate, ca().key, [](X509* certificate) {
    testing::add_extension(certificate, "nsComment", "renewed");
  });
  const auto other = make({server_.certificate, renewed});
  EXPECT_NE(other, kept_);
  keep(other);
  EXPECT_EQ(shown(), good);
  looks();
  EXPECT_EQ(asked_, 2);
}

TEST_F(Keeping, ForgetsNoRevocationWhenAnotherResponderIsAsked) {
  const auto moves_on = [this](const char* responder, bool while_asked) {
    says(response({}));
    looks();
    EXPECT_EQ(keeper_.trouble(), "");
    const auto elsewhere = make(server_.chain, responder);
    if (while_asked) meanwhile_ = [&] { keep(elsewhere); };
    pki_.clock().advance(minutes(35));
    says(response({.kind = Kind::revoked}));
    looks();
    if (!while_asked) keep(elsewhere);
    EXPECT_EQ(kept_, elsewhere);
    EXPECT_NE(keeper_.trouble().find("is revoked"), std::string::npos) << responder;
    EXPECT_TRUE(shown().empty()) << responder;
    pki_.clock().advance(minutes(35));  // and is taken off hold
  };
  moves_on("http://before.example", false);
  moves_on("http://while.example", true);
}

TEST_F(Keeping, AsksFirstForWhatShowsNothing) {
  says(response({}));
  looks();
  const Issued second = pki_.internal_server().issue();
  keeper_.keep({{kept_, {}}, {make(second.chain, "http://new.example"), {}}});
  passes(minutes(35));
  EXPECT_EQ(asked_, 3);
  EXPECT_EQ(asked_at_, "http://ocsp.example") << "last";
}

TEST_F(Keeping, LetsNobodyNewWaitForASweep) {
  const auto second = make(pki_.internal_server().issue().chain, "http://second.example");
  const auto third = make(pki_.internal_server().issue().chain, "http://third.example");
  keeper_.keep({{kept_, {}}, {second, {}}});
  meanwhile_ = [&] { keeper_.keep({{kept_, {}}, {third, {}}, {second, {}}}); };
  looks();
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(next_, pki_.now()) << "it is left, and begins anew";
  meanwhile_ = [this] { EXPECT_EQ(asked_at_, "http://third.example"); };
  looks();
  EXPECT_EQ(asked_, 3);
}

/// The gateway begins with a certificate that must be stapled (RFC 7633).
class MustStaple : public Keeping {
 protected:
  void SetUp() override { keep(make(chain_)); }
  base::Bytes about_it(Said said) const { return response(said, chain_.front(), ca().key); }
  bool is_said_to_lack() const { return keeper_.trouble().find("must be stapled") != std::string::npos; }

  const std::vector<x509::Certificate> chain_ = {
      testing::forge(server_.certificate, ca().key,
                     [](X509* certificate) { testing::add_extension(certificate, "tlsfeature", "status_request"); }),
      ca().certificate};
};

TEST_F(MustStaple, TheGatewayIsNotReadyBeforeItsFirstResponse) {
  EXPECT_TRUE(kept_->must_staple());
  EXPECT_TRUE(keeper_.awaits_one());
  looks();
  EXPECT_EQ(said("error"), 1);
  EXPECT_TRUE(is_said_to_lack());
  keep(make(chain_, "http://other.example"));
  EXPECT_TRUE(keeper_.awaits_one()) << "asking somebody else is no answer";
  says(about_it({}));
  looks();
  EXPECT_FALSE(shown().empty());
  EXPECT_FALSE(keeper_.awaits_one());
  EXPECT_EQ(keeper_.trouble(), "");
}

TEST_F(MustStaple, TheGatewayStaysReadyWhenTheLastOneEnds) {
  says(about_it({}));
  looks();
  says(base::unexpected(unreachable()));
  passes(hours(1));
  EXPECT_TRUE(shown().empty());
  EXPECT_FALSE(keeper_.awaits_one()) << "all gateways of a fleet would go at once";
  EXPECT_TRUE(is_said_to_lack());
  EXPECT_EQ(said("staple.ended"), 1);
  EXPECT_EQ(said("error"), 2);
  EXPECT_TRUE(measures(
      "countersign_gateway_staple_next_update_timestamp_seconds{listener=\"partners\",site=\"api.example\"} 0"));
}

TEST_F(MustStaple, ARevokedOneIsSaidAndNotWaitedFor) {
  says(about_it({.kind = Kind::revoked}));
  looks();
  EXPECT_FALSE(keeper_.awaits_one());
  EXPECT_NE(keeper_.trouble().find("is revoked"), std::string::npos);
  EXPECT_FALSE(is_said_to_lack());
}

TEST_F(Keeping, OneThatMustBeStapledAndCameLaterIsNotWaitedFor) {
  const auto must = testing::forge(server_.certificate, ca().key, [](X509* certificate) {
    testing::add_extension(certificate, "tlsfeature", "status_request");
  });
  keep(make({must, ca().certificate}));
  EXPECT_TRUE(kept_->must_staple());
  EXPECT_FALSE(keeper_.awaits_one());
  EXPECT_NE(keeper_.trouble().find("must be stapled"), std::string::npos);
}

TEST_F(MustStaple, IsAskedForAgainSoonAsLongAsThereIsNone) {
  const base::Duration longest = seconds(33);  // half a minute, and a tenth
  for (int i = 0; i < 9; ++i) {
    looks();
    EXPECT_LE(until_next(), longest);
    pki_.clock().set(kept_->next());
  }
  says(about_it({.to = hours(4)}));
  looks();
  EXPECT_FALSE(shown().empty());
  says(base::unexpected(unreachable()));
  while (kept_->next() < *kept_->state().until) {
    pki_.clock().set(kept_->next());
    looks();
  }
  EXPECT_GT(until_next(), minutes(8)) << "it has something to show";
  pki_.clock().set(*kept_->state().until);
  const int before = asked_;
  EXPECT_GT(kept_->next(), pki_.now());
  looks();
  EXPECT_EQ(asked_, before + 1) << "its end is no time to wait";
  EXPECT_LE(until_next(), longest);
}

TEST_F(Keeping, HasAThreadOfItsOwn) {
  std::atomic<int> asked = 0;
  StapleKeeper keeper({.ask = [&](const courier::ResponderCall&, const courier::Stop&) -> Answer {
                        ++asked;
                        asked.notify_all();
                        return response({});
                      }},
                      Dice(1), pki_.clock(), log_.log());
  keeper.start();  // there is nothing to keep
  const auto certificate = keeper.find_or_make(server_.chain, {.responder = "http://ocsp.example"});
  keeper.keep({{certificate, {}}});
  keeper.start();
  asked.wait(0);
  const Issued second = pki_.internal_server().issue();
  keeper.keep({{keeper.find_or_make(second.chain, {.responder = "http://ocsp.example"}), {}}});
  asked.wait(1);
  EXPECT_EQ(asked.load(), 2) << "what is new is asked for at once, and what is not kept not again";
}

TEST_F(Keeping, EndsWhileAResponderIsSilent) {
  std::atomic<bool> inside = false;
  StapleKeeper keeper({.ask = [&](const courier::ResponderCall&, const courier::Stop& stop) -> Answer {
                        inside = true;
                        inside.notify_all();
                        while (!stop.load())
                          std::this_thread::yield();
                        return base::unexpected(unreachable());
                      }},
                      Dice(1), pki_.clock(), log_.log());
  keeper.keep({{keeper.find_or_make(server_.chain, {.responder = "http://ocsp.example"}), {}}});
  keeper.start();
  inside.wait(false);
}

TEST_F(Keeping, StopsAskingBeforeItsOwnEnd) {
  std::atomic<bool> inside = false;
  std::atomic<bool> outside = false;
  StapleKeeper keeper({.ask = [&](const courier::ResponderCall&, const courier::Stop& stop) -> Answer {
                        inside = true;
                        inside.notify_all();
                        while (!stop.load())
                          std::this_thread::yield();
                        outside = true;
                        outside.notify_all();
                        return response({});
                      }},
                      Dice(1), pki_.clock(), log_.log());
  const auto certificate = keeper.find_or_make(server_.chain, {.responder = "http://ocsp.example"});
  keeper.keep({{certificate, {}}});
  keeper.start();
  inside.wait(false);
  keeper.stop();
  outside.wait(false);
  keeper.start();
  EXPECT_EQ(certificate->staple().current(), nullptr) << "what came of a question given up is not looked at";
}

}  // namespace
}  // namespace countersign::gateway
