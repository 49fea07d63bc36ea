// Renewal on disk: which pair is held after a crash at any point, and which key is asked for.
#include "cli/renewal_fixture_test.h"

namespace countersign::cli {
namespace {

using testing::code_of;
using testing::Folder;
using testing::Pki;
using trust::Purpose;

class RenewalTest : public ::testing::Test {
 protected:
  void SetUp() override { save_pair(files_.current, old_); }

  Question prepare() {
    auto held = load_held(folder_.path(), Purpose::transport);
    EXPECT_TRUE(held) << base::to_string(held.error());
    return prepare_renewal(*held, files_, Purpose::transport, crypto::PrivateKey::Kind::p256).value();
  }
  Issued certify(const Question& question) {
    const ApiAnswer answer = desk_.certify(question.enrolment.key, Purpose::transport);
    return std::get<Issued>(read_outcome(answer, question.enrolment, pki_.now()).value());
  }

  Pki pki_;
  Folder folder_;
  RenewalFiles files_ = RenewalFiles::in(folder_.path(), Purpose::transport);
  testing::Issued old_ = pki_.client().issue();
  FakeDesk desk_{pki_};
};

TEST_F(RenewalTest, SwapsPairAndLeafAndKeepsTheOldOnes) {
  const Question question = prepare();
  const Issued issued = certify(question);
  ASSERT_TRUE(swap_in(files_, question, issued));
  const auto held = load_held(folder_.path(), Purpose::transport);
  ASSERT_TRUE(held) << base::to_string(held.error());
  EXPECT_EQ(held->current, issued.certificate);
  EXPECT_FALSE(held->under_way);
  EXPECT_EQ(base::read_file(files_.current.certificate), issued.certificate.to_pem());
  const auto previous = tls::load_credential(files_.previous.chain, files_.previous.key);
  ASSERT_TRUE(previous);
  EXPECT_EQ(previous->chain.front(), old_.certificate);
  EXPECT_EQ(base::read_file(files_.previous.certificate), old_.certificate.to_pem());
}

TEST_F(RenewalTest, AsksForTheSameKeyUntilItIsCertified) {
  const Question first = prepare();
  EXPECT_EQ(prepare().enrolment.key.spki_sha256(), first.enrolment.key.spki_sha256());
  EXPECT_TRUE(load_held(folder_.path(), Purpose::transport)->under_way);
  ASSERT_TRUE(drop_next_key(files_));
  EXPECT_NE(prepare().enrolment.key.spki_sha256(), first.enrolment.key.spki_sha256());
}

/// So many of the steps of swap_in() were done when the plug was pulled: the new key beside the old, the chain, the
/// key, the new key away, the leaf.
class CutOffSwap : public RenewalTest, public ::testing::WithParamInterface<int> {};

TEST_P(CutOffSwap, IsCompletedByTheNextLook) {
  const Question question = prepare();  // the first step
  const Issued issued = certify(question);
  const std::string key(question.key.to_pem()->reveal_text());
  const auto write = [](int step, const std::filesystem::path& file, std::string_view text) {
    return GetParam() < step || base::write_file(file, text, base::FileMode::owner_only).has_value();
  };
  ASSERT_TRUE(write(2, files_.current.chain, issued.chain_pem()));
  ASSERT_TRUE(write(3, files_.current.key, key));
  if (GetParam() >= 4) std::filesystem::remove(files_.next_key);
  EXPECT_TRUE(has_matching_pair(folder_.path(), Purpose::transport));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto held = load_held(folder_.path(), Purpose::transport);
    ASSERT_TRUE(held) << base::to_string(held.error());
    const bool swapped = GetParam() >= 2;
    EXPECT_EQ(held->current, swapped ? issued.certificate : old_.certificate);
    EXPECT_EQ(held->under_way, !swapped) << "a key in use waits for nothing";
    EXPECT_EQ(base::read_file(files_.current.certificate), held->current.to_pem());
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, CutOffSwap, ::testing::Values(1, 2, 3, 4));

TEST_F(RenewalTest, SigningIsRenewedWithTheTransportCertificateOfTheSameApplication) {
  const RenewalFiles signing = RenewalFiles::in(folder_.path(), Purpose::signing);
  EXPECT_EQ(code_of(load_held(folder_.path(), Purpose::signing)), "renewal.nothing");
  save_pair(signing.current, pki_.client().purpose(Purpose::signing).issue());
  const auto held = load_held(folder_.path(), Purpose::signing);
  ASSERT_TRUE(held) << base::to_string(held.error());
  EXPECT_EQ(held->credential.chain.front(), old_.certificate);
  save_pair(signing.current, pki_.client("acme", "refunds").purpose(Purpose::signing).issue());
  EXPECT_EQ(code_of(load_held(folder_.path(), Purpose::signing)), "renewal.other_identity");
}

TEST_F(RenewalTest, AnswersForAnybodyElseAreNotBelieved) {
  const Question question = prepare();
  const auto read = [&](const ApiAnswer& answer) {
    return code_of(read_outcome(answer, question.enrolment, pki_.now()));
  };
  EXPECT_EQ(read(desk_.certify(question.enrolment.key, Purpose::transport)), "ok");
  EXPECT_EQ(read(desk_.certify(old_.key.public_key(), Purpose::transport)), "answer.other_key");
  EXPECT_EQ(read(desk_.certify(question.enrolment.key, Purpose::signing)), "answer.refused");
  desk_.identity = base::Identity::from_urn("urn:countersign:production:acme:refunds").value();
  EXPECT_EQ(read(desk_.certify(question.enrolment.key, Purpose::transport)), "answer.other_name");
  EXPECT_EQ(read(pending_answer(1, {})), "ok");
  EXPECT_EQ(read({202, R"({"status":"pending"})"}), "answer.malformed");
  EXPECT_EQ(read({201, "[]"}), "authority.answer");
}

TEST(RenewalWords, SayWhatTheNewKeyMustBeAndWhichRefusalIsAboutIt) {
  using Kind = crypto::PrivateKey::Kind;
  for (const Kind kind : {Kind::p256, Kind::p384, Kind::ed25519, Kind::rsa2048, Kind::rsa3072})
    EXPECT_EQ(kind_like(crypto::PrivateKey::generate(kind)->public_key()), kind);
  const struct {
    const char* code;
    bool about_key;
  } rows[] = {{"key.not_allowed", true},  {"key.reused", true},
              {"key.compromised", true},  {"key.unusable", false},
              {"request.refused", false}, {"renewal.superseded", false},
              {"net.timeout", false},     {"organisation.suspended", false}};
  for (const auto& row : rows)
    EXPECT_EQ(is_about_the_key({base::Kind::denied, row.code, ""}), row.about_key) << row.code;
}

}  // namespace
}  // namespace countersign::cli
