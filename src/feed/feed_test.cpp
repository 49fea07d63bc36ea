#include <algorithm>

#include <gtest/gtest.h>

#include "base/files.h"
#include "feed/copy.h"
#include "feed/credential_files.h"
#include "feed/follower.h"
#include "feed/holdings.h"
#include "feed/judge_authority.h"
#include "feed/knowledge.h"
#include "feed/renewal.h"
#include "testing/folder.h"
#include "testing/pki.h"

namespace countersign::feed {
namespace {

using testing::Folder;
using testing::Issued;
using testing::Pki;

Snapshot snapshot_of(const Pki& pki, std::uint64_t sequence) {
  Snapshot snapshot{
      sequence, {RootFact{pki.partner_root().certificate}, RootFact{pki.provider_root().certificate}}, "run-1"};
  for (const trust::IssuingCa& ca : pki.issuing_cas())
    snapshot.facts.emplace_back(ca);
  for (const trust::CertificateFact& fact : pki.facts())
    snapshot.facts.emplace_back(fact);
  return snapshot;
}

Change revocation_of(const Issued& issued, std::uint64_t sequence) {
  trust::CertificateFact fact = issued.fact();
  fact.revoked_for = "key_compromise";
  return {sequence, fact};
}

bool is_revoked(const Knowledge& knowledge, const Issued& issued) {
  const auto fact = knowledge.registry().certificate(issued.certificate.fingerprint());
  return fact && fact->revoked_for;
}

TEST(Facts, EachKindSurvivesTheWire) {
  Pki pki;
  const Issued issued = pki.client().issue();
  const base::Slug acme = *base::Slug::parse("acme");
  const std::vector<Change> sent = {
      {1, RootFact{pki.partner_root().certificate}},
      {2, pki.issuing_cas().front()},
      {3, issued.fact()},
      revocation_of(issued, 4),
      {5, trust::SuspensionFact{base::Environment::uat, acme, std::nullopt, true}},
      {6, trust::SuspensionFact{base::Environment::uat, acme, *base::Slug::parse("payments"), false}},
      {7, trust::WithdrawnCa{issued.chain.at(1), trust::WithdrawalCause::retired}},
      {8, TokenKeyFact{"k1", "https://auth.example", "{\"kty\":\"EC\"}", pki.now()}},
      {9, TokenRevocationFact{"token-1", pki.now(), pki.now()}},
      {10, TokenCutFact{*issued.identity, pki.now(), pki.now()}}};
  const std::string text = to_json_text(10, sent);
  const auto received = parse_changes(text, 0);
  ASSERT_TRUE(received) << received.error().detail;
  EXPECT_EQ(to_json_text(10, received->changes), text);
  EXPECT_TRUE(received->unreadable.empty());
}

struct BadText {
  std::string name;
  std::string text;
};
class BadFeed : public ::testing::TestWithParam<BadText> {};

TEST_P(BadFeed, IsRefusedWithItsCode) {
  const auto snapshot = parse_snapshot(GetParam().text);
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, "feed.malformed");
}

INSTANTIATE_TEST_SUITE_P(Rows, BadFeed,
                         ::testing::Values(BadText{"empty", ""}, BadText{"not_json", "{"},
                                           BadText{"no_format", R"({"feed":"a","sequence":1,"facts":[]})"},
                                           BadText{"no_feed", R"({"format":1,"sequence":1,"facts":[]})"},
                                           BadText{"next_format", R"({"format":2,"feed":"a","sequence":1,"facts":[]})"},
                                           BadText{"negative_sequence",
                                                   R"({"format":1,"feed":"a","sequence":-1,"facts":[]})"}),
                         [](const auto& row) { return row.param.name; });

TEST(BadFeedTwin, TheSameShapeWithoutTheFaultIsRead) {
  EXPECT_TRUE(parse_snapshot(R"({"format":1,"feed":"a","sequence":1,"facts":[]})"));
}

class UnreadableFact : public ::testing::TestWithParam<BadText> {};

TEST_P(UnreadableFact, IsReportedAndHoldsUpNothingBehindIt) {
  const std::string good = R"({"type":"suspension","environment":"uat","organisation":"a","suspended":true})";
  const auto changes = parse_changes(R"({"sequence":2,"changes":[{"sequence":1,"fact":)" + GetParam().text +
                                         R"(},{"sequence":2,"fact":)" + good + "}]}",
                                     0);
  ASSERT_TRUE(changes) << changes.error().detail;
  ASSERT_EQ(changes->unreadable.size(), 1U);
  EXPECT_EQ(changes->unreadable.front().sequence, 1U);
  ASSERT_EQ(changes->changes.size(), 1U);
  EXPECT_EQ(changes->changes.front().sequence, 2U);
}

constexpr const char* kZeros = "0000000000000000000000000000000000000000000000000000000000000000";

std::string certificate_fact(const std::string& fingerprint, const std::string& purpose) {
  return R"({"type":"certificate","fingerprint":")" + fingerprint + R"(","urn":"urn:countersign:uat:a:b","purpose":")" +
         purpose + R"(","not_after":1})";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, UnreadableFact,
    ::testing::Values(
        BadText{"unknown_type", R"({"type":"rumour"})"}, BadText{"no_type", "{}"}, BadText{"no_object", "[]"},
        BadText{"short_fingerprint", certificate_fact("00", "transport")},
        BadText{"unknown_purpose", certificate_fact(kZeros, "levitation")},
        BadText{"extra_member",
                R"({"type":"suspension","environment":"uat","organisation":"a","suspended":true,"note":"x"})"},
        BadText{"signing_certificate_of_nothing",
                R"({"type":"signing_certificate","urn":"urn:countersign:uat:a:b","certificate":""})"},
        BadText{"signing_certificate_of_nobody", R"({"type":"signing_certificate","certificate":"AQID"})"},
        BadText{"suspension_without_saying", R"({"type":"suspension","environment":"uat","organisation":"a"})"}),
    [](const auto& row) { return row.param.name; });

TEST(SigningCertificateFact, GoesThereAndBackAndIsFoundByWhoseItIs) {
  Pki pki;
  Knowledge knowledge;
  ASSERT_TRUE(knowledge.replace(snapshot_of(pki, 1)));
  const auto tell = [&](const Issued& issued, std::uint64_t sequence) {
    const Fact fact = SigningCertificate{*issued.identity, issued.certificate.der()};
    const auto again = fact_from_json(to_json(fact));
    ASSERT_TRUE(again) << base::to_string(again.error());
    ASSERT_TRUE(knowledge.apply({sequence, *again}));
  };
  const Issued first = pki.client("acme", "payments").purpose(trust::Purpose::signing).issue();
  const Issued second = pki.client("acme", "payments").purpose(trust::Purpose::signing).issue();
  const Issued of_other = pki.client("acme", "refunds").purpose(trust::Purpose::signing).issue();
  const Issued stranger = pki.client("rival", "payments").purpose(trust::Purpose::signing).issue();
  tell(first, 2);
  tell(second, 3);
  tell(of_other, 4);
  tell(stranger, 5);
  tell(first, 6);
  const SigningCertificates& known = knowledge.signing_certificates();
  ASSERT_EQ(known.of_application(*first.identity).size(), 2U);
  EXPECT_EQ(known.of_application(*first.identity).front()->fingerprint, second.certificate.fingerprint());
  EXPECT_EQ(known.of_organisation(*first.identity).size(), 3U);
  EXPECT_EQ(known.of_application(*stranger.identity).size(), 1U);
  EXPECT_TRUE(known.of_application(*pki.client("acme", "other").issue().identity).empty());
  Snapshot snapshot = snapshot_of(pki, 9);
  snapshot.facts.emplace_back(SigningCertificate{*stranger.identity, stranger.certificate.der()});
  ASSERT_TRUE(knowledge.replace(snapshot));
  EXPECT_EQ(known.size(), 1U);
}

TEST(SigningCertificateFact, AnApplicationThatHasManyLosesTheOldest) {
  SigningCertificates known;
  const base::Identity one = base::Identity::from_urn("urn:countersign:uat:acme:a").value();
  const base::Identity other = base::Identity::from_urn("urn:countersign:uat:acme:b").value();
  known.add({other, {0}});
  for (std::uint8_t i = 1; i <= SigningCertificates::kMost + 1; ++i)
    known.add({one, {i}});
  EXPECT_EQ(known.of_application(one).size(), SigningCertificates::kMost);
  EXPECT_EQ(known.of_application(one).back()->told.der, base::Bytes{2});
  EXPECT_EQ(known.of_application(other).size(), 1U);
}

TEST(UnreadableFactTwin, TheSameShapeWithoutTheFaultIsRead) {
  const auto json = base::parse_json(certificate_fact(kZeros, "transport"));
  EXPECT_TRUE(fact_from_json(*json));
}

TEST(Changes, FollowWithoutAHole) {
  Pki pki;
  const Issued issued = pki.client().issue();
  EXPECT_TRUE(parse_changes(to_json_text(8, {{7, issued.fact()}, {8, issued.fact()}}), 6));
  EXPECT_FALSE(parse_changes(to_json_text(8, {{7, issued.fact()}, {8, issued.fact()}}), 5)) << "6 is missing";
  EXPECT_FALSE(parse_changes(to_json_text(9, {{7, issued.fact()}, {9, issued.fact()}}), 6)) << "8 is missing";
  EXPECT_FALSE(parse_changes(to_json_text(7, {{7, issued.fact()}, {7, issued.fact()}}), 6)) << "7 comes twice";
}

TEST(Knowledge, ABadIssuingCaIsPassedOverAndLeavesTrustAsItWas) {
  Pki pki;
  const Issued issued = pki.client().issue();
  Knowledge knowledge;
  ASSERT_TRUE(knowledge.replace(snapshot_of(pki, 5)));
  const auto before = knowledge.trust();
  const trust::IssuingCa no_ca{issued.certificate, base::Environment::production, {trust::Purpose::transport}};
  EXPECT_FALSE(knowledge.apply({6, no_ca}));
  EXPECT_EQ(knowledge.trust(), before);
  ASSERT_TRUE(knowledge.apply(revocation_of(issued, 7)));
  EXPECT_TRUE(is_revoked(knowledge, issued));
  ASSERT_TRUE(knowledge.apply({8, pki.issuing_cas().front()}));
}

TEST(Knowledge, AnEmptySnapshotNeverReplacesGoodKnowledge) {
  Pki pki;
  const Issued issued = pki.client().issue();
  Knowledge knowledge;
  EXPECT_FALSE(knowledge.replace(Snapshot{1, {}}));
  EXPECT_EQ(knowledge.trust(), nullptr);
  ASSERT_TRUE(knowledge.replace(snapshot_of(pki, 5)));
  const auto before = knowledge.trust();
  EXPECT_FALSE(knowledge.replace(Snapshot{9, {}}));
  EXPECT_EQ(knowledge.trust(), before);
  EXPECT_EQ(knowledge.sequence(), 5U);
  EXPECT_TRUE(knowledge.registry().certificate(issued.certificate.fingerprint()));
}

TEST(Knowledge, OldChangesAreIgnoredNewOnesAct) {
  Pki pki;
  const Issued issued = pki.client().issue();
  Knowledge knowledge;
  ASSERT_TRUE(knowledge.replace(snapshot_of(pki, 5)));
  ASSERT_TRUE(knowledge.apply(revocation_of(issued, 5)));
  EXPECT_FALSE(is_revoked(knowledge, issued));
  ASSERT_TRUE(knowledge.apply(revocation_of(issued, 6)));
  EXPECT_TRUE(is_revoked(knowledge, issued));
  EXPECT_EQ(knowledge.sequence(), 6U);
}

TEST(Knowledge, ANewIssuingCaIsANewGenerationOfTrust) {
  Pki pki;
  Knowledge knowledge;
  Snapshot snapshot{1, {RootFact{pki.partner_root().certificate}, pki.issuing_cas().front()}};
  ASSERT_TRUE(knowledge.replace(snapshot));
  const auto before = knowledge.trust()->generation();
  ASSERT_TRUE(knowledge.apply({2, pki.issuing_cas().back()}));
  EXPECT_GT(knowledge.trust()->generation(), before);
  EXPECT_EQ(knowledge.trust()->issuing_cas().size(), 2U);
}

TEST(Knowledge, AWithdrawnCaIsBelievedNoMore) {
  Pki pki;
  const Issued issued = pki.client().issue();
  const trust::WithdrawnCa gone{issued.chain.at(1), trust::WithdrawalCause::compromised};
  Snapshot snapshot{1, {RootFact{pki.partner_root().certificate}}};
  for (const trust::IssuingCa& ca : pki.issuing_cas())
    snapshot.facts.emplace_back(ca);
  Knowledge knowledge;
  ASSERT_TRUE(knowledge.replace(snapshot));
  const auto before = knowledge.trust();
  EXPECT_NE(holdings_in(*before).find(holding_of(gone.certificate)), std::string::npos);
  ASSERT_TRUE(knowledge.apply({2, gone}));
  EXPECT_EQ(knowledge.trust()->find_issuing_ca(gone.certificate), nullptr);
  EXPECT_EQ(holdings_in(*knowledge.trust()).find(holding_of(gone.certificate)), std::string::npos);
  EXPECT_TRUE(knowledge.registry().withdrawal(gone.certificate.fingerprint()));
  ASSERT_TRUE(knowledge.apply({3, pki.issuing_cas().back()})) << "what is said of others does not bring it back";
  EXPECT_EQ(knowledge.trust()->find_issuing_ca(gone.certificate), nullptr);
}

/// The only CA there is: nothing would be left to trust, and it is refused all the same.
TEST(Knowledge, TheLastCaIsWithdrawnLikeAnother) {
  Pki pki;
  const trust::IssuingCa only = pki.issuing_cas().front();
  Knowledge knowledge;
  ASSERT_TRUE(knowledge.replace({1, {RootFact{pki.partner_root().certificate}, only}}));
  EXPECT_FALSE(knowledge.apply({2, trust::WithdrawnCa{only.certificate, trust::WithdrawalCause::retired}}));
  EXPECT_TRUE(knowledge.registry().withdrawal(only.certificate.fingerprint()));
  EXPECT_EQ(knowledge.sequence(), 2U);
}

/// What cannot be verified here is not held, whoever told it.
TEST(Holdings, AreOfCasUnderARootOfOurs) {
  Pki pki;
  Snapshot snapshot{1, {RootFact{pki.provider_root().certificate}}};
  for (const trust::IssuingCa& ca : pki.issuing_cas())
    snapshot.facts.emplace_back(ca);
  Knowledge knowledge;
  ASSERT_TRUE(knowledge.replace(snapshot));
  const auto held = parse_holdings(holdings_in(*knowledge.trust()));
  ASSERT_TRUE(held);
  for (const trust::IssuingCa& ca : pki.issuing_cas()) {
    const bool ours = ca.certificate.is_signed_by(pki.provider_root().certificate.public_key());
    EXPECT_EQ(std::ranges::find(*held, holding_of(ca.certificate)) != held->end(), ours);
  }
  for (const char* text : {"", "0123456789abcdef", "0123456789abcdef,fedcba9876543210"})
    EXPECT_TRUE(parse_holdings(text)) << text;
  for (const char* text : {"0123", "0123456789ABCDEF", "0123456789abcdef;", "0123456789abcdef,,0123456789abcdef"})
    EXPECT_FALSE(parse_holdings(text)) << text;
  std::string many;
  for (std::size_t i = 0; i <= kHoldingsLimit; ++i)
    many += (many.empty() ? "" : ",") + std::string("0123456789abcdef");
  EXPECT_FALSE(parse_holdings(many));
}

TEST(Copy, HoldsSnapshotAndChangesAcrossARestart) {
  Pki pki;
  const Folder folder;
  const Issued issued = pki.client().issue();
  const Copy copy(folder.path() / "trust-feed.json");
  ASSERT_TRUE(copy.load());
  EXPECT_FALSE(*copy.load());
  ASSERT_TRUE(copy.start(snapshot_of(pki, 3)));
  ASSERT_TRUE(copy.append({{revocation_of(issued, 4)}}));
  const auto content = copy.load();
  ASSERT_TRUE(content && *content) << content.error().detail;
  EXPECT_EQ((*content)->snapshot.sequence, 3U);
  ASSERT_EQ((*content)->changes.changes.size(), 1U);
  EXPECT_EQ((*content)->changes.changes.front().sequence, 4U);
  EXPECT_EQ((*content)->snapshot.feed, "run-1");
}

TEST(Copy, ATornLastLineIsDroppedAndThenCutOff) {
  Pki pki;
  const Folder folder;
  const Issued issued = pki.client().issue();
  const Copy copy(folder.path() / "trust-feed.json");
  ASSERT_TRUE(copy.start(snapshot_of(pki, 3)));
  ASSERT_TRUE(copy.append({{revocation_of(issued, 4)}}));
  const std::string whole = *base::read_file(copy.path());
  for (const std::size_t torn : {std::size_t{1}, std::size_t{20}}) {
    ASSERT_TRUE(base::write_file(copy.path(), whole.substr(0, whole.size() - torn), base::FileMode::owner_only));
    ASSERT_TRUE(copy.load() && *copy.load());
    EXPECT_TRUE((*copy.load())->changes.changes.empty());
  }
  ASSERT_TRUE(copy.append({{revocation_of(issued, 4)}}));
  ASSERT_EQ((*copy.load())->changes.changes.size(), 1U);
  EXPECT_EQ((*copy.load())->changes.changes.front().sequence, 4U);
}

TEST(Copy, AHoleIsRefused) {
  Pki pki;
  const Folder folder;
  const Issued issued = pki.client().issue();
  const Copy copy(folder.path() / "trust-feed.json");
  ASSERT_TRUE(copy.start(snapshot_of(pki, 3)));
  ASSERT_TRUE(copy.append({{revocation_of(issued, 5)}}));
  const auto content = copy.load();
  ASSERT_FALSE(content) << "change 4 may have been a revocation";
  EXPECT_EQ(content.error().code, "feed.malformed");
}

TEST(Copy, DamageInsideIsRefused) {
  Pki pki;
  const Folder folder;
  const Copy copy(folder.path() / "trust-feed.json");
  ASSERT_TRUE(copy.start(snapshot_of(pki, 3)));
  std::string text = *base::read_file(copy.path());
  text.replace(text.size() / 2, 4, "\"\"\"\"");
  ASSERT_TRUE(base::write_file(copy.path(), text, base::FileMode::owner_only));
  EXPECT_FALSE(copy.load());
  ASSERT_TRUE(base::write_file(copy.path(), "", base::FileMode::owner_only));
  EXPECT_FALSE(copy.load());
}

class NoSink final : public base::LogSink {
  void write(std::string_view) override {}
};

TEST(Follower, BelievesOnlyTheRootsThatWereInstalled) {
  Pki pki;
  const Folder folder;
  Snapshot snapshot = snapshot_of(pki, 3);
  snapshot.facts.emplace_back(RootFact{pki.look_alike_partner_root().certificate});
  ASSERT_TRUE(Copy(folder / "trust-feed.json").start(snapshot));
  NoSink sink;
  const base::Log log({.program = "test"}, pki.clock(), sink);
  net::Loop loop;
  Knowledge knowledge;
  Follower follower(loop,
                    {.link = {},
                     .credential = {},
                     .copy = folder / "trust-feed.json",
                     .roots = {pki.partner_root().certificate, pki.provider_root().certificate}},
                    knowledge, pki.clock(), log);
  ASSERT_TRUE(follower.start_from_copy());
  const auto anchors = knowledge.trust()->anchors().anchors();
  EXPECT_EQ(anchors.size(), 2U);
  EXPECT_EQ(std::ranges::count(anchors, pki.look_alike_partner_root().certificate), 0);
}

TEST(JudgeAuthority, BelievesTheAuthorityOnlyAndNotOnceItsCertificateIsRevoked) {
  Pki pki;
  const Issued authority = pki.internal_server("authority").issue();
  const Issued gateway = pki.internal_server("gateway").issue();
  trust::RegistryView registry;
  const auto trust = std::make_shared<const trust::TrustSet>(pki.provider_trust());
  const JudgeAuthority judge{trust, "localhost", &pki.clock(), &registry};
  EXPECT_TRUE(judge(authority.chain)) << "one that is not listed passes: it may be newer than what is known";
  EXPECT_EQ(judge(gateway.chain).error().reason, trust::Reason::wrong_name);
  trust::CertificateFact fact = authority.fact();
  registry.apply(fact);
  EXPECT_TRUE(judge(authority.chain));
  fact.revoked_for = "key_compromise";
  registry.apply(fact);
  EXPECT_EQ(judge(authority.chain).error().reason, trust::Reason::revoked);
}

/// What a crash leaves behind: how many of the three steps of replace() were done.
class InterruptedSwap : public ::testing::TestWithParam<int> {};

TEST_P(InterruptedSwap, AlwaysLeavesAMatchingPair) {
  Pki pki;
  const Folder folder;
  const CredentialFiles files = CredentialFiles::in(folder.path(), "service");
  const Issued before = pki.service().issue();
  const Issued after = pki.service().issue();
  ASSERT_TRUE(replace(files, *before.key.to_pem(), x509::to_pem(before.chain)));
  const auto write_from_step = [](int step, const std::filesystem::path& path, std::string_view text) {
    return GetParam() < step || base::write_file(path, text, base::FileMode::owner_only).has_value();
  };
  ASSERT_TRUE(write_from_step(1, files.key.string() + ".next", after.key.to_pem()->reveal_text()));
  ASSERT_TRUE(write_from_step(2, files.chain, x509::to_pem(after.chain)));
  ASSERT_TRUE(write_from_step(3, files.key, after.key.to_pem()->reveal_text()));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto loaded = load(files);
    ASSERT_TRUE(loaded) << loaded.error().detail;
    EXPECT_EQ(loaded->chain.front(), GetParam() >= 2 ? after.certificate : before.certificate);
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, InterruptedSwap, ::testing::Values(0, 1, 2, 3));

TEST(NextKey, IsTheSameUntilItIsInUse) {
  Pki pki;
  const Folder folder;
  const CredentialFiles files = CredentialFiles::in(folder.path(), "service");
  const Issued current = pki.service().issue();
  const auto next = [&] { return open_or_make_next_key(files, current.certificate)->public_key().spki_sha256(); };
  const crypto::Digest256 first = next();
  EXPECT_EQ(next(), first);
  const std::string file = files.key.string() + ".next";
  ASSERT_TRUE(base::write_file(file, "torn", base::FileMode::owner_only));
  const crypto::Digest256 second = next();
  EXPECT_NE(second, first);
  ASSERT_TRUE(base::write_file(file, current.key.to_pem()->reveal_text(), base::FileMode::owner_only));
  EXPECT_NE(next(), current.key.public_key().spki_sha256()) << "a crash after the swap leaves the key in use there";
  drop_next_key(files);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Renewal, IsDueFromTwoThirdsOfALife) {
  Pki pki;
  const auto start = pki.now();
  const Issued issued = pki.service().valid(start, start + std::chrono::hours(300)).issue();
  EXPECT_FALSE(is_due(issued.certificate, start + std::chrono::hours(199)));
  EXPECT_TRUE(is_due(issued.certificate, start + std::chrono::hours(200)));
  EXPECT_TRUE(is_due(issued.certificate, start - std::chrono::seconds(1))) << "not valid yet: made under a wrong clock";
}

}  // namespace
}  // namespace countersign::feed
