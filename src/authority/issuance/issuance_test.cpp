// Law 1, each guarantee by itself: what is on disk when a signature is made, and what a crash at each step leaves.
#include "authority/issuance/issuance.h"

#include <algorithm>
#include <set>

#include <openssl/x509v3.h>

#include "authority/fixture_test.h"
#include "authority/issuance/recovery.h"
#include "authority/registry/rows.h"
#include "crypto/handle.h"
#include "store/issuances.h"
#include "trust/verdict.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

static_assert(!std::is_default_constructible_v<SigningPermit> && !std::is_copy_constructible_v<SigningPermit> &&
              !std::is_move_assignable_v<SigningPermit>);
static_assert(!std::is_constructible_v<SigningPermit, SigningPermit::Content>);
static_assert(!std::is_constructible_v<Linted, Approved, x509::TbsCertificate>);
static_assert(!std::is_constructible_v<Approved, Checked, std::optional<Approved::Request>>);
static_assert(!std::is_default_constructible_v<Approved>);
static_assert(!std::is_default_constructible_v<Checked> && !std::is_default_constructible_v<Linted>);

using Issuing = AuthorityTest;

TEST_F(Issuing, GivesACertificateThatOurOwnVerdictAccepts) {
  const auto key = make_key();
  const auto issued = enrol("production:acme:payments", key);
  ASSERT_TRUE(issued) << base::to_string(issued.error());
  const x509::Certificate& certificate = issued->certificate;
  EXPECT_EQ(certificate.public_key().spki_sha256(), key.public_key().spki_sha256());
  EXPECT_EQ(certificate.not_before(), kNow - kBackdating);
  EXPECT_EQ(certificate.not_after(), kNow + kDay * 350);
  EXPECT_EQ(issued->issuer->name, "production-transport");
  const auto trust = office().hierarchy.to_trust_set();
  auto chain = trust::verify_chain({certificate}, {.purposes = {Purpose::transport}}, *trust, kNow);
  ASSERT_TRUE(chain);
  EXPECT_TRUE(trust::admit(std::move(*chain), office().view));
}

TEST_F(Issuing, IsWhatTheTrustFeedSays) {
  const std::size_t before = office().listener.count;
  const auto issued = enrol("production:acme:payments", make_key());
  ASSERT_TRUE(issued);
  EXPECT_EQ(office().listener.count, before + 1);
  const auto fact = office().view.certificate(issued->certificate.fingerprint());
  ASSERT_TRUE(fact);
  EXPECT_EQ(fact->identity, identity("production:acme:payments"));
  EXPECT_EQ(fact->purpose, Purpose::transport);
}

/// Signs as told, after a look at what is on disk at that moment.
class WatchingSigner final : public CertificateSigner {
 public:
  explicit WatchingSigner(std::filesystem::path registry) : registry_(std::move(registry)) {}
  base::Result<x509::Certificate> sign(SigningPermit permit) override {
    ++calls;
    testing::RawRegistry raw(registry_);
    on_disk = raw.ask("SELECT state || ' ' || tbs_sha256 FROM issuances WHERE state = 'recorded'");
    certificates = raw.ask("SELECT COUNT(*) FROM certificates");
    auto certificate = EstablishedData::shared().signer().sign(std::move(permit));
    signed_tbs = certificate ? base::to_hex(crypto::sha256(certificate->tbs_der())) : "";
    return certificate;
  }
  int calls = 0;
  std::string on_disk;
  std::string certificates;
  std::string signed_tbs;

 private:
  std::filesystem::path registry_;
};

TEST_F(Issuing, HasADurableIntentOfTheVeryBytesBeforeTheSignature) {
  WatchingSigner watching(DataFolder(data()).registry());
  signer = &watching;
  reopen();
  ASSERT_TRUE(enrol("production:acme:payments", make_key()));
  EXPECT_EQ(watching.calls, 1);
  EXPECT_EQ(watching.on_disk, "recorded " + watching.signed_tbs);
  EXPECT_EQ(watching.certificates, "0");
}

struct CrashRow {
  Step step;
  std::size_t intents;       ///< on disk after the crash, of any state
  std::size_t certificates;  ///< on disk after the crash
  std::size_t abandoned;     ///< by the next start
};

class Crash : public AuthorityTest, public ::testing::WithParamInterface<CrashRow> {
 protected:
  std::size_t count(const std::string& table) { return std::stoul(raw().ask("SELECT COUNT(*) FROM " + table)); }
};

TEST_P(Crash, LeavesAStateThatARetryCompletes) {
  const CrashRow& row = GetParam();
  const auto key = make_key();
  const std::string code = make_code("production:acme:payments");

  observer.stop_at = row.step;
  EXPECT_EQ(code_of(redeem(code, key)), "test.crash");
  observer.stop_at.reset();
  reopen();
  EXPECT_EQ(count("issuances"), row.intents);
  EXPECT_EQ(count("certificates"), row.certificates);
  EXPECT_EQ(count("certificates WHERE serial NOT IN (SELECT serial FROM issuances)"), 0U);

  EXPECT_EQ(abandon_open_intents(office().ledger), row.abandoned);
  EXPECT_EQ(count("audit WHERE action = 'issuance.abandoned'"), row.abandoned);
  const auto issued = redeem(code, key);
  ASSERT_TRUE(issued) << base::to_string(issued.error());
  EXPECT_EQ(count("certificates"), 1U);
  EXPECT_EQ(count("issuances WHERE state = 'issued'"), 1U);
  EXPECT_EQ(raw().ask("SELECT state FROM issuances WHERE serial = '" + issued->certificate.serial().hex() + "'"),
            "issued");
  EXPECT_EQ(redeem(code, key)->certificate, issued->certificate);
  EXPECT_EQ(abandon_open_intents(office().ledger), 0U);
}

INSTANTIATE_TEST_SUITE_P(Steps, Crash,
                         ::testing::Values(CrashRow{Step::after_check, 0, 0, 0}, CrashRow{Step::after_lint, 0, 0, 0},
                                           CrashRow{Step::after_record, 1, 0, 1}, CrashRow{Step::after_sign, 1, 0, 1},
                                           CrashRow{Step::after_publish, 1, 1, 0}),
                         [](const auto& row) { return std::string(name(row.param.step)); });

TEST_F(Issuing, RetriesWithoutARestartToo) {
  const auto key = make_key();
  const std::string code = make_code("production:acme:payments");
  observer.stop_at = Step::after_sign;
  EXPECT_EQ(code_of(redeem(code, key)), "test.crash");
  observer.stop_at.reset();
  EXPECT_EQ(code_of(redeem(code, make_key())), "code.used");
  EXPECT_EQ(code_of(redeem(code, key)), "ok");
}

/// Gives the same bytes again and again.
class StuckRandom final : public crypto::Random {
 public:
  base::Result<void> fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out)
      byte = 0x42;
    return {};
  }
};

TEST_F(Issuing, NeverUsesASerialTwice) {
  const std::string codes[] = {make_code("production:acme:payments"), make_code("production:acme:payments")};
  WatchingSigner watching(DataFolder(data()).registry());
  StuckRandom stuck;
  Office office({data(), clock, stuck, watching, observer, policy});
  const auto try_code = [&](const std::string& code) {
    const std::string csr = make_csr(make_key());
    return office.enrolment.redeem({code, Purpose::transport, csr});
  };
  EXPECT_EQ(code_of(try_code(codes[0])), "ok");
  EXPECT_EQ(code_of(try_code(codes[1])), "issuance.serial_taken");
  EXPECT_EQ(watching.calls, 1);
}

TEST_F(Issuing, StopsWhenTheAuditLogCannotBeWritten) {
  WatchingSigner watching(DataFolder(data()).registry());
  signer = &watching;
  reopen();
  const auto key = make_key();
  const std::string code = make_code("production:acme:payments");
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(redeem(code, key));
  EXPECT_EQ(watching.calls, 0);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances"), "0");
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(code_of(redeem(code, key)), "ok");
}

TEST_F(Issuing, GivesNothingWhenOnlyTheLastAuditRecordFails) {
  const auto key = make_key();
  const std::string code = make_code("production:acme:payments");
  ASSERT_TRUE(raw().refuse_audit("certificate.issued"));
  const std::size_t published = office().listener.count;
  EXPECT_FALSE(redeem(code, key));
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "0");
  EXPECT_EQ(office().listener.count, published);
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(code_of(redeem(code, key)), "ok");
}

TEST_F(Issuing, EndsAtOnceWhatCouldNotBePublished) {
  ASSERT_TRUE(raw().refuse_audit("certificate.issued"));
  EXPECT_FALSE(enrol("production:acme:payments", make_key()));
  EXPECT_EQ(raw().ask("SELECT state FROM issuances"), "abandoned");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'issuance.abandoned'"), "1");
}

/// The disk is full from the moment of the signature on.
class LastWordSigner final : public CertificateSigner {
 public:
  explicit LastWordSigner(std::filesystem::path registry) : registry_(std::move(registry)) {}
  base::Result<x509::Certificate> sign(SigningPermit permit) override {
    if (std::exchange(armed, false)) {
      EXPECT_TRUE(testing::RawRegistry(registry_).refuse_audit());
    }
    return EstablishedData::shared().signer().sign(std::move(permit));
  }
  bool armed = false;

 private:
  std::filesystem::path registry_;
};

TEST_F(Issuing, EndsBeforeTheNextWhatCouldNotBeEndedAtOnce) {
  LastWordSigner last_word(DataFolder(data()).registry());
  signer = &last_word;
  reopen();
  const std::string codes[] = {make_code("production:acme:payments"), make_code("production:acme:payments")};
  last_word.armed = true;
  EXPECT_FALSE(redeem(codes[0], make_key()));
  EXPECT_EQ(raw().ask("SELECT state FROM issuances"), "recorded");
  EXPECT_FALSE(redeem(codes[1], make_key()));
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances"), "1") << "nothing new as long as the last is open";
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(code_of(redeem(codes[1], make_key())), "ok");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances WHERE state = 'abandoned'"), "1");
  EXPECT_EQ(abandon_open_intents(office().ledger), 0U);
}

/// Signs something else than it was permitted to.
class FaultySigner final : public CertificateSigner {
 public:
  enum class Fault { none, other_key, other_bytes };
  base::Result<x509::Certificate> sign(SigningPermit permit) override {
    SigningPermit::Content content = std::move(permit).spend();
    // Only the last byte of a name is changed, so that it still parses.
    if (fault == Fault::other_bytes) change_name(content.tbs.der);
    BASE_TRY(const auto signature, other_.sign(content.tbs.der));
    return x509::assemble(content.tbs, signature);
  }
  Fault fault = Fault::other_key;

 private:
  static void change_name(base::Bytes& der) {
    const std::string_view name = "payments";
    const auto found = std::search(der.begin(), der.end(), name.begin(), name.end());
    BASE_CHECK(found != der.end());
    *found = 'q';
  }
  crypto::PrivateKey other_ = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
};

TEST_F(Issuing, ThrowsAwayWhatAFaultySignerMade) {
  FaultySigner faulty;
  signer = &faulty;
  reopen();
  for (const auto fault : {FaultySigner::Fault::other_key, FaultySigner::Fault::other_bytes}) {
    faulty.fault = fault;
    EXPECT_EQ(code_of(enrol("production:acme:payments", make_key())), "signer.faulty");
  }
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "0");
}

TEST_F(Issuing, PermitIsSpentOnce) {
  class Spender final : public CertificateSigner {
   public:
    base::Result<x509::Certificate> sign(SigningPermit permit) override {
      SigningPermit moved = std::move(permit);
      EXPECT_DEATH(std::move(permit).spend(), "content_");  // NOLINT(bugprone-use-after-move): the point of the test
      (void)std::move(moved).spend();
      EXPECT_DEATH(std::move(moved).spend(), "content_");  // NOLINT(bugprone-use-after-move)
      return base::fail(base::Kind::internal, "test.spent", "spent");
    }
  };
  Spender spender;
  signer = &spender;
  reopen();
  EXPECT_EQ(code_of(enrol("production:acme:payments", make_key())), "test.spent");
}

/// A CSR that asks for names, a CA and a purpose of its own.
std::string greedy_csr(const crypto::PrivateKey& key) {
  const crypto::Handle<X509_REQ, X509_REQ_free> request(X509_REQ_new());
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  for (const auto& [field, value] : {std::pair{"CN", "admin"}, {"O", "operator"}, {"OU", "internal"}})
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value), -1, -1, 0);
  STACK_OF(X509_EXTENSION)* extensions = nullptr;
  for (const auto& [nid, value] :
       {std::pair{NID_subject_alt_name, "DNS:api.example.com,URI:urn:countersign:internal:operator:admin"},
        {NID_basic_constraints, "critical,CA:TRUE"},
        {NID_ext_key_usage, "serverAuth,codeSigning"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509v3_add_ext(&extensions, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_REQ_add_extensions(request.get(), extensions);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  X509_REQ_set_pubkey(request.get(), key.native());
  BASE_CHECK(X509_REQ_sign(request.get(), key.native(), EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int length = i2d_X509_REQ(request.get(), &der);
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return text;
}

TEST_F(Issuing, TakesOnlyTheKeyFromACsr) {
  const auto key = make_key();
  const std::string csr = greedy_csr(key);
  const auto given =
      issued(office().enrolment.redeem({make_code("production:acme:payments"), Purpose::transport, csr}));
  ASSERT_TRUE(given) << base::to_string(given.error());
  const x509::Certificate& certificate = given->certificate;
  EXPECT_EQ(certificate.subject().text, "CN=payments,OU=production,O=acme");
  EXPECT_EQ(certificate.subject_alt_names().uris, std::vector<std::string>{"urn:countersign:production:acme:payments"});
  EXPECT_TRUE(certificate.subject_alt_names().dns.empty());
  EXPECT_FALSE(certificate.is_ca());
  EXPECT_EQ(*certificate.extended_key_usages(), std::vector<std::string>{std::string(x509::oid::kClientAuth)});
}

TEST_F(Issuing, NeverOutlivesTheIssuer) {
  const base::Instant end = office().hierarchy.find_issuing_ca("production-transport")->certificate.not_after();
  struct Row {
    const char* name;
    base::Instant now;
    const char* code;
  };
  for (const Row& row : {Row{"a day before", end - kDay, "ok"}, Row{"at the end", end, "issuer.expired"}}) {
    SCOPED_TRACE(row.name);
    clock.set(row.now - kDay / 2);
    const std::string code = make_code("production:acme:payments");
    clock.set(row.now);
    const auto issued = redeem(code, make_key());
    EXPECT_EQ(code_of(issued), row.code);
    if (issued) {
      EXPECT_EQ(issued->certificate.not_after(), end);
    }
  }
}

struct ProfileRow {
  std::string urn;
  Purpose purpose;
  std::string issuer;  ///< empty: refused
};

class Profiles : public AuthorityTest, public ::testing::WithParamInterface<ProfileRow> {};

TEST_P(Profiles, AreExact) {
  const ProfileRow& row = GetParam();
  if (row.urn.ends_with("acme:payments") && row.urn != "production:acme:payments") add_application(row.urn);
  const auto csr = x509::Csr::parse(make_csr(make_key()));
  const auto given = issued(office().issuance.issue({identity(row.urn), row.purpose, *csr, admin()}));
  if (row.issuer.empty()) {
    EXPECT_EQ(code_of(given), "purpose.not_allowed");
    return;
  }
  ASSERT_TRUE(given) << base::to_string(given.error());
  EXPECT_EQ(given->issuer->name, row.issuer);
  const Profile profile = profile_of(row.purpose);
  EXPECT_EQ(given->certificate.key_usages(), profile.key_usage);
  EXPECT_EQ(given->certificate.extended_key_usages().value_or(std::vector<std::string>()), profile.extended_key_usage);
  EXPECT_EQ(given->certificate.subject_alt_names().dns.empty(), !profile.carries_server_names);
}

INSTANTIATE_TEST_SUITE_P(
    All, Profiles,
    ::testing::Values(ProfileRow{"production:acme:payments", Purpose::transport, "production-transport"},
                      ProfileRow{"production:acme:payments", Purpose::signing, "production-signing"},
                      ProfileRow{"uat:acme:payments", Purpose::transport, "uat-transport"},
                      ProfileRow{"uat:acme:payments", Purpose::signing, "uat-signing"},
                      ProfileRow{"internal:service:gateway", Purpose::service, "internal"},
                      ProfileRow{"internal:service:gateway", Purpose::server, "internal"},
                      ProfileRow{"internal:operator:admin", Purpose::service, "internal"},
                      ProfileRow{"uat:provider:ehi", Purpose::ehi, "uat-ehi"},
                      ProfileRow{"production:provider:ehi", Purpose::ehi, "production-ehi"},
                      ProfileRow{"production:provider:ehi", Purpose::signing, "production-signing"},
                      ProfileRow{"production:acme:payments", Purpose::service, ""},
                      ProfileRow{"production:acme:payments", Purpose::server, ""},
                      ProfileRow{"production:acme:payments", Purpose::ehi, ""},
                      ProfileRow{"internal:service:gateway", Purpose::transport, ""},
                      ProfileRow{"internal:operator:admin", Purpose::server, ""},
                      ProfileRow{"production:provider:ehi", Purpose::transport, ""}),
    [](const auto& row) {
      std::string text = row.param.urn + "_" + std::string(trust::name(row.param.purpose));
      std::ranges::replace(text, ':', '_');
      return text;
    });

}  // namespace
}  // namespace countersign::authority
