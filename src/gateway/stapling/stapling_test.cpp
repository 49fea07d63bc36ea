// What is stapled for the gateway's own certificates, whatever their responder says, and when it is asked again.
#include "gateway/stapling/stapling_test.h"

namespace countersign::gateway {
namespace {

TEST_F(OwnStaples, AreJudgedBeforeTheyAreShown) {
  const Issued other = pki_.internal_server("gateway", "other.example").issue();
  const auto stranger = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  base::Bytes broken = response({});
  constexpr std::string_view kProducedAt = "20260615120000Z";
  broken[base::as_text(broken).find(kProducedAt)] = '1';  // a thousand years ago
  base::Bytes longer = response({});
  longer.push_back(0);
  base::Bytes stretched = response({});
  ASSERT_EQ(stretched[1], 0x82);
  stretched[1] = 0x83;
  stretched.insert(stretched.begin() + 2, 0);
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
        Row{"in another encoding than DER", stretched, "malformed"},
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
  EXPECT_FALSE(keeper_.awaits_one()) << "nothing says that it must be stapled";
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

}  // namespace
}  // namespace countersign::gateway
