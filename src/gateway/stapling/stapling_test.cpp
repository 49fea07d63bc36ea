// What is stapled for the gateway's own certificates, whatever their responder says, and when it is asked again.
#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "gateway/stapling/staple_keeper.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/staple.h"

namespace countersign::gateway {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Issued;
using Kind = x509::OcspStatus::Kind;
using Answer = base::Result<base::Bytes>;

base::Error unreachable() { return {base::Kind::timeout, "transfer.timeout", "nobody answered"}; }

/// A certificate of the gateway's, and responders of every kind.
class OwnStaples : public ::testing::Test {
 protected:
  const testing::Ca& ca() const { return pki_.issuing_ca(base::Environment::internal, trust::Purpose::server); }

  struct Said {
    Kind kind = Kind::good;
    base::Duration from = base::Duration::zero();  ///< from now
    base::Duration to = hours(1);
  };
  /// By the issuer itself.
  base::Bytes response(Said said) const { return response(said, server_.certificate, ca().key); }
  base::Bytes response(Said said, const x509::Certificate& subject, const crypto::PrivateKey& signer) const {
    return testing::make_staple({.subject = subject,
                                 .issuer = ca().certificate,
                                 .signer = signer,
                                 .kind = said.kind,
                                 .this_update = pki_.now() + said.from,
                                 .next_update = pki_.now() + said.to});
  }

  struct Responder {
    std::vector<std::string> eku = {std::string(x509::oid::kOcspSigning)};
    base::Duration life = hours(48);
    const testing::Ca* issuer = nullptr;  ///< null: the certificate's own
  };
  /// By somebody to whom the issuer, or another one, gave a certificate (RFC 6960 section 4.2.2.2).
  base::Bytes delegated(Responder by) {
    auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const x509::CertificateSpec spec{.serial = x509::Serial::generate(random_).value(),
                                     .subject = {"ocsp", "service", "internal"},
                                     .not_before = pki_.now() - hours(1),
                                     .not_after = pki_.now() + by.life,
                                     .key = key.public_key(),
                                     .key_usage = {x509::KeyUsage::digital_signature},
                                     .extended_key_usage = by.eku,
                                     .subject_alt_names = {},
                                     .ca = std::nullopt};
    const auto certificate = testing::issue(spec, by.issuer == nullptr ? ca() : *by.issuer);
    const base::Bytes id = testing::cert_id_of(server_.certificate, ca().certificate);
    const auto data = x509::build_response_data({.responder_key = x509::OcspNames::of(certificate).key_sha1,
                                                 .produced_at = pki_.now(),
                                                 .this_update = pki_.now(),
                                                 .next_update = pki_.now() + hours(1),
                                                 .answers = {{id, {.kind = Kind::good}}},
                                                 .nonce = std::nullopt});
    return x509::assemble_ocsp_response(data, key.sign(data).value(), certificate);
  }

  std::string judge(base::Bytes der) const {
    const auto judged = judge_staple(std::move(der), server_.certificate, ca().certificate, pki_.now());
    return judged ? "good" : std::string(name(judged.error().trouble));
  }

  testing::Pki pki_;
  testing::SeededRandom random_{7};
  testing::KeptLog log_;
  Issued server_ = pki_.internal_server().issue();
};

TEST_F(OwnStaples, AreJudgedBeforeTheyAreShown) {
  const Issued other = pki_.internal_server("gateway", "other.example").issue();
  const auto stranger = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  base::Bytes broken = response({});
  constexpr std::string_view kProducedAt = "20260615120000Z";
  broken[base::as_text(broken).find(kProducedAt)] = '1';  // a thousand years ago
  base::Bytes longer = response({});
  longer.push_back(0);
  struct Row {
    const char* name;
    base::Bytes der;
    const char* outcome;
  };
  const testing::Ca& other_ca = pki_.issuing_ca(base::Environment::production, trust::Purpose::transport);
  for (const Row& row :
       {Row{"good", response({}), "good"},
        Row{"revoked", response({.kind = Kind::revoked}), "revoked"},
        Row{"revoked long ago", response({Kind::revoked, -hours(9), -hours(8)}), "revoked"},
        Row{"unknown", response({.kind = Kind::unknown}), "unknown"},
        Row{"ended", response({Kind::good, -hours(2), -seconds(1)}), "not_current"},
        Row{"ends now", response({Kind::good, -hours(2), seconds(0)}), "not_current"},
        Row{"of a clock ahead", response({Kind::good, minutes(4), hours(1)}), "good"},
        Row{"of the future", response({Kind::good, minutes(6), hours(1)}), "not_current"},
        Row{"of another certificate", response({}, other.certificate, ca().key), "other_certificate"},
        Row{"of a stranger", response({}, server_.certificate, stranger), "bad_signature"},
        Row{"revoked, of a stranger", response({.kind = Kind::revoked}, server_.certificate, stranger),
            "bad_signature"},
        Row{"changed", broken, "bad_signature"},
        Row{"with something behind it", longer, "malformed"},
        Row{"nothing", {}, "malformed"},
        Row{"garbage", base::Bytes(900, 0x30), "malformed"},
        Row{"tryLater", x509::ocsp_refusal(x509::OcspRefusal::try_later), "unsuccessful"},
        Row{"by a responder of the issuer's", delegated({}), "good"},
        Row{"by one that may sign no responses", delegated({.eku = {}}), "bad_signature"},
        Row{"by one for something else", delegated({.eku = {std::string(x509::oid::kServerAuth)}}), "bad_signature"},
        Row{"by one that has ended", delegated({.life = -seconds(1)}), "bad_signature"},
        Row{"by another CA's", delegated({.issuer = &other_ca}), "bad_signature"}})
    EXPECT_EQ(judge(row.der), row.outcome) << row.name;
}

TEST_F(OwnStaples, EndWithTheCertificateThatSignedThem) {
  const auto judged = judge_staple(delegated({.life = minutes(10)}), server_.certificate, ca().certificate, pki_.now());
  ASSERT_TRUE(judged);
  EXPECT_EQ(judged->until, pki_.now() + minutes(10));
}

TEST_F(OwnStaples, AreThoseOfCertificatesThatNameAResponder) {
  const auto why_not = [](const std::vector<x509::Certificate>& chain, OcspSettings settings) {
    return StapledCertificate::why_not(chain, settings);
  };
  const auto naming = [this](std::vector<std::string> urls) {
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
    return std::vector<x509::Certificate>{testing::issue(spec, ca()), ca().certificate};
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

/// A keeper without its thread, and a responder that says what it is told to.
class Keeping : public OwnStaples {
 protected:
  void SetUp() override { keep(make(server_.chain)); }
  std::shared_ptr<StapledCertificate> make(const std::vector<x509::Certificate>& chain,
                                           const std::string& responder = "http://ocsp.example") {
    return keeper_.find_or_make(chain, {.responder = responder});
  }
  void keep(std::shared_ptr<StapledCertificate> certificate) {
    kept_ = std::move(certificate);
    keeper_.keep({{kept_, {{"partners", "api.example"}, {"partners", "other"}}}});
  }
  /// What the responder says from now on.
  void says(Answer answer) { answer_ = std::move(answer); }
  void looks() { next_ = keeper_.look(); }
  /// When the next question is due, and what is stapled then.
  void passes(base::Duration time) {
    pki_.clock().advance(time);
    looks();
  }
  base::Bytes shown() const {
    const auto staple = kept_->staple().current();
    return staple == nullptr ? base::Bytes() : staple->der;
  }
  base::Duration until_next() const { return kept_->next() - pki_.now(); }
  int said(std::string_view event) const {
    int count = 0;
    for (const std::string& line : log_.lines())
      count += line.find("\"" + std::string(event) + "\"") != std::string::npos ? 1 : 0;
    return count;
  }
  bool measures(const std::string& line) const { return keeper_.metrics().find(line + "\n") != std::string::npos; }

  Answer answer_ = base::unexpected(unreachable());
  int asked_ = 0;
  std::string asked_at_;
  base::Bytes asked_for_;
  StapleKeeper keeper_{{.ask =
                            [this](const courier::ResponderCall& call, const courier::Stop&) {
                              ++asked_;
                              asked_at_ = call.url;
                              asked_for_ = base::to_bytes(call.question);
                              return answer_;
                            }},
                       Dice(1),
                       pki_.clock(),
                       log_.log()};
  std::shared_ptr<StapledCertificate> kept_;
  base::Instant next_ = {};
};

/// A tenth more or less.
void expect_about(base::Duration is, base::Duration about) {
  EXPECT_GE(is, about - about / 10);
  EXPECT_LE(is, about + about / 10);
}

TEST_F(Keeping, AsksOnceShowsWhatIsGoodAndAsksAgainAtHalfOfItsLife) {
  says(response({}));
  looks();
  EXPECT_EQ(shown(), *answer_);
  EXPECT_EQ(asked_at_, "http://ocsp.example");
  const auto request = x509::OcspRequest::parse(asked_for_);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->cert_ids().size(), 1U);
  EXPECT_EQ(base::to_bytes(request->cert_ids().front().serial), server_.certificate.serial().magnitude());
  expect_about(until_next(), minutes(30));
  passes(minutes(26));
  EXPECT_EQ(asked_, 1);
  const base::Bytes first = shown();
  pki_.clock().advance(minutes(8));
  says(response({}));
  looks();
  EXPECT_EQ(asked_, 2);
  EXPECT_NE(shown(), first);
  EXPECT_EQ(shown(), *answer_);
  EXPECT_EQ(said("staple.renewed"), 2);
  EXPECT_EQ(said("staple.failing"), 0);
}

TEST_F(Keeping, AsksAtLeastOnceAnHourForWhatIsGoodForDays) {
  says(response({.to = hours(7 * 24)}));
  looks();
  expect_about(until_next(), hours(1));
  passes(hours(2));
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(said("staple.renewed"), 1) << "the same one again is no news";
}

TEST_F(Keeping, KeepsTheLastGoodOneToItsEndAndNoLonger) {
  says(response({}));
  looks();
  const base::Bytes good = shown();
  says(base::unexpected(unreachable()));
  passes(minutes(34));
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(shown(), good);
  EXPECT_TRUE(
      measures("countersign_gateway_staple_failures_total{listener=\"partners\",site=\"api.example\",reason="
               "\"unreachable\"} 1"));
  says(base::Bytes{0x30, 0x00});
  passes(minutes(10));
  EXPECT_EQ(shown(), good);
  EXPECT_EQ(said("staple.ended"), 0);
  passes(minutes(16));
  EXPECT_TRUE(shown().empty());
  EXPECT_EQ(said("staple.ended"), 1);
  EXPECT_TRUE(measures("countersign_gateway_staple_age_seconds{listener=\"partners\",site=\"other\"} -1.000000"));
  pki_.clock().advance(hours(1));
  says(response({}));
  looks();
  EXPECT_EQ(shown(), *answer_);
}

TEST_F(Keeping, WaitsLongerEachTimeAndSaysATroubleOnce) {
  std::vector<base::Duration> pauses;
  for (int i = 0; i < 9; ++i) {
    looks();
    pauses.push_back(until_next());
    pki_.clock().set(kept_->next());
  }
  EXPECT_EQ(asked_, 9);
  base::Duration expected = seconds(5);
  for (const base::Duration pause : pauses) {
    expect_about(pause, expected);
    expected = std::min<base::Duration>(expected * 2, minutes(10));
  }
  EXPECT_EQ(said("staple.failing"), 1);
  says(response({.kind = Kind::unknown}));
  looks();
  EXPECT_EQ(said("staple.failing"), 2) << "another reason is news";
  says(response({}));
  pki_.clock().set(kept_->next());
  says(response({}));
  looks();
  EXPECT_FALSE(shown().empty());
  says(base::unexpected(unreachable()));
  pki_.clock().set(kept_->next());
  looks();
  expect_about(until_next(), seconds(5));
}

TEST_F(Keeping, NeverShowsARevokedOneNorWhatWasSaidBefore) {
  const base::Bytes before = response({});
  says(before);
  looks();
  EXPECT_EQ(shown(), before);
  pki_.clock().advance(minutes(35));
  says(response({.kind = Kind::revoked}));
  looks();
  EXPECT_TRUE(shown().empty());
  EXPECT_EQ(said("staple.revoked"), 1);
  EXPECT_TRUE(measures("countersign_gateway_staple_revoked{listener=\"partners\",site=\"api.example\"} 1"));
  EXPECT_NE(keeper_.trouble().find("partners/api.example partners/other is revoked"), std::string::npos);
  EXPECT_FALSE(keeper_.lacks_one()) << "nothing says that it must be stapled";
  says(before);  // still good for a while, by itself
  passes(minutes(11));
  EXPECT_EQ(asked_, 3);
  EXPECT_TRUE(shown().empty());
  says(base::unexpected(unreachable()));
  passes(minutes(11));
  EXPECT_NE(keeper_.trouble(), "") << "silence takes nothing back";
  says(response({.from = minutes(1)}));  // taken off hold
  passes(minutes(11));
  EXPECT_EQ(shown(), *answer_);
  EXPECT_EQ(keeper_.trouble(), "");
}

TEST_F(Keeping, DoesNotGoBackToAnOlderResponse) {
  const base::Bytes old = response({.from = -minutes(10), .to = hours(20)});
  const base::Bytes newer = response({.to = hours(10)});
  says(newer);
  looks();
  says(old);
  passes(hours(2));
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(shown(), newer);
  says(response({Kind::revoked, -hours(3), hours(1)}));
  passes(hours(2));
  EXPECT_EQ(shown(), newer) << "what was said later holds";
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

TEST_F(Keeping, SaysLoudlyWhenACertificateMustBeStapledAndIsNot) {
  const auto must = testing::forge(server_.certificate, ca().key, [](X509* certificate) {
    testing::add_extension(certificate, "tlsfeature", "status_request");
  });
  keep(make({must, ca().certificate}));
  EXPECT_TRUE(kept_->must_staple());
  EXPECT_TRUE(keeper_.lacks_one());
  looks();
  EXPECT_EQ(said("error"), 1);
  EXPECT_NE(keeper_.trouble().find("must be stapled"), std::string::npos);
  says(response({}, must, ca().key));
  passes(minutes(1));
  EXPECT_FALSE(shown().empty());
  EXPECT_FALSE(keeper_.lacks_one());
  EXPECT_EQ(keeper_.trouble(), "");
  says(base::unexpected(unreachable()));
  passes(hours(1));
  EXPECT_TRUE(keeper_.lacks_one());
  EXPECT_EQ(said("staple.ended"), 1);
  EXPECT_GE(said("error"), 2);
}

TEST_F(Keeping, FollowsAClockThatIsSetBack) {
  says(response({}));
  looks();
  pki_.clock().advance(hours(3));
  says(base::unexpected(unreachable()));
  looks();
  EXPECT_TRUE(shown().empty());
  pki_.clock().advance(-hours(3));
  says(response({.from = seconds(1)}));
  looks();
  EXPECT_EQ(asked_, 3) << "what was to be asked by another clock is asked now";
  EXPECT_EQ(shown(), *answer_);
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

}  // namespace
}  // namespace countersign::gateway
