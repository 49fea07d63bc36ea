// CA keys in a token: first run, later starts, losses, and what is refused. With a module that fails on demand; with
// SoftHSM2 in tests/e2e/token_test.py.
#include <functional>

#include "authority/authority.h"
#include "authority/fixture_test.h"
#include "authority/founding/ceremony.h"
#include "authority/issuance/token_signer.h"
#include "authority/secrets/token_pin.h"
#include "base/files.h"
#include "testing/fake_pkcs11.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using testing::code_of;
using testing::FakePkcs11;

class KeepEvents final : public base::LogSink {
 public:
  void write(std::string_view line) override { lines += std::string(line) + "\n"; }
  std::string lines;
};

base::Secret secret(std::string_view text) { return base::Secret(text); }

/// Opens whole authorities on one data folder and one token.
class InToken : public ::testing::Test {
 protected:
  static TokenSettings token_settings() {
    TokenSettings token;
    token.module = FAKE_PKCS11;
    token.label = "issuing keys";
    token.key_prefix = "countersign";
    return token;
  }
  base::Result<std::unique_ptr<Authority>> open() {
    Settings settings;
    settings.provider = "Example Payments";
    settings.data = folder();
    settings.registry = testing::registry_at(data().registry());
    settings.server_names = {"localhost"};
    settings.policy = IssuancePolicy(kDay * 350);
    settings.token = token;
    const base::Secret passphrase = secret("correct horse battery staple");
    const base::Secret shown = secret(pin);
    return Authority::open(settings, passphrase, {clock, random, log_, observer, listener_, {}, &shown});
  }
  fs::path folder() const { return base_ / "authority"; }
  DataFolder data() const { return DataFolder(folder()); }
  bool was_logged(const std::string& event) const { return sink_.lines.find('"' + event + '"') != std::string::npos; }

  std::string make_code(Authority& authority) {
    const base::Identity wanted = identity("production:acme:payments");
    (void)authority.directory().create_organisation(admin(), wanted.organisation, "Acme");
    (void)authority.directory().create_application(admin(), {wanted, "", {}});
    return std::string(authority.enrolment().create_code(admin(), {wanted, {}})->code.text().reveal_text());
  }
  static base::Result<Issued> redeem(Authority& authority, const std::string& code, const crypto::PrivateKey& key) {
    const std::string csr = x509::Csr::make_pem(key, {"hint", "", ""}).value();
    BASE_TRY(auto outcome, authority.enrolment().redeem({code, trust::Purpose::transport, csr}));
    return std::get<Issued>(std::move(outcome));  // nobody has to approve
  }
  std::string ask(const std::string& sql) const { return testing::RawRegistry(data().registry()).ask(sql); }

  FakePkcs11& fake = FakePkcs11::of(FAKE_PKCS11);
  std::optional<TokenSettings> token = token_settings();
  std::string pin = "1234";
  testing::FakeClock clock{kNow};
  testing::SeededRandom random{11};
  StopAt observer;

 private:
  testing::Folder base_;
  KeepEvents sink_;
  base::Log log_{base::Log::Options{"test"}, clock, sink_};
  CountPublications listener_;
};

TEST_F(InToken, FirstRunMakesEveryKeyOfACaThere) {
  const auto authority = open();
  ASSERT_TRUE(authority) << base::to_string(authority.error());
  EXPECT_EQ(fake.keys.size(), 10U);
  for (const char* absent : {"keys/internal.pem", "keys/partner-root.pem"})
    EXPECT_FALSE(fs::exists(folder() / absent)) << absent;
  EXPECT_TRUE(base::read_file(folder() / "keys/audit.key")->starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  EXPECT_TRUE(was_logged("token.ready"));
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const auto issued = redeem(**authority, make_code(**authority), key);
  ASSERT_TRUE(issued) << base::to_string(issued.error());
  EXPECT_TRUE(issued->certificate.is_signed_by(issued->issuer->certificate.public_key()));
}

/// Rotation: the next key is made there, the root signs there, and a later start finds both.
TEST_F(InToken, OneCaFollowsAnotherThere) {
  auto opened = open();
  ASSERT_TRUE(opened) << base::to_string(opened.error());
  Authority& authority = **opened;
  const std::string next = authority.rotation().prepare(admin(), "production-transport", "").value();
  EXPECT_EQ(fake.keys.size(), 11U);
  EXPECT_EQ(fake.keys.back().label, "countersign-" + next);
  EXPECT_FALSE(fs::exists(folder() / "keys" / (next + ".pem")));
  const std::function<base::Result<void>()> steps[] = {
      [&] { return authority.rotation().certify(admin(), next); },
      [&] { return authority.rotation().distribute(admin(), next); },
      [&] {
        return authority.rotation().activate(admin(), next, {{}, "nobody follows in this test"});
      }};
  for (const auto& step : steps) {
    EXPECT_EQ(code_of(step()), "ok");
    ASSERT_TRUE(authority.refresh());
  }
  const auto issue = [this](Authority& by) {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const auto issued = redeem(by, make_code(by), key);
    EXPECT_TRUE(issued) << base::to_string(issued.error());
    return issued ? issued->issuer->name : "";
  };
  EXPECT_EQ(issue(authority), next);
  opened->reset();
  const auto again = open();
  ASSERT_TRUE(again) << base::to_string(again.error());
  EXPECT_EQ(issue(**again), next);
}

TEST_F(InToken, RootsAreFilesWhereTheSettingsSaySo) {
  token->roots = TokenSettings::Roots::files;
  ASSERT_TRUE(open());
  EXPECT_EQ(fake.keys.size(), 8U);
  EXPECT_TRUE(fs::exists(folder() / "keys/partner-root.pem"));
  EXPECT_TRUE(fs::exists(folder() / "keys/provider-root.pem"));
  EXPECT_EQ(code_of(open()), "ok");
}

TEST_F(InToken, StartsAgainOnlyWithItsKeys) {
  struct Row {
    const char* name;
    std::function<void()> change;
    const char* code;
    const char* words = "";
  };
  const Row rows[] = {
      {"nothing changed", [] {}, "ok"},
      {"a key is missing", [this] { fake.keys[3].label = "moved away"; }, "keys.missing"},
      {"two keys are changed for each other", [this] { std::swap(fake.keys[2].label, fake.keys[3].label); },
       "keys.mismatch", "is not that of the issuing CA"},
      {"the private half is another's", [this] { fake.keys[3].private_half = fake.keys[2].key; }, "keys.mismatch",
       "has another private half"},
      {"a key may leave the token", [this] { fake.keys[3].extractable = true; }, "token.bad_key"},
      {"the token is away", [this] { fake.unplug(); }, "token.absent"},
      {"another token is there", [this] { fake.label = "another"; }, "token.absent"},
      {"another prefix is configured", [this] { token->key_prefix = "other"; }, "keys.missing"},
      {"no token is configured", [this] { token.reset(); }, "keys.in_token"},
  };
  ASSERT_TRUE(open());
  const auto keys = fake.keys;
  for (const Row& row : rows) {
    row.change();
    if (const auto opened = open(); !opened) {
      EXPECT_EQ(opened.error().code, row.code) << row.name;
      EXPECT_NE(opened.error().detail.find(row.words), std::string::npos) << opened.error().detail;
    } else {
      EXPECT_STREQ(row.code, "ok") << row.name;
    }
    fake.keys = keys;
    fake.label = "issuing keys";
    fake.plug_in();
    token = token_settings();
    EXPECT_EQ(code_of(open()), "ok") << row.name;
  }
}

TEST_F(InToken, AFirstRunThatWasInterruptedBeginsAnewWithItsOwnKeys) {
  struct Row {
    const char* name;
    const char* call;
    int after;  ///< calls that go well
  };
  for (const Row& row :
       {Row{"before the first key", "C_GenerateKeyPair", 0}, Row{"between two keys", "C_GenerateKeyPair", 4},
        Row{"before the root signs", "C_Sign", 0}, Row{"when all keys are there", "C_Sign", 8}}) {
    fake.reset();
    fs::remove_all(folder());
    testing::remove_registry(data().registry());
    fake.fail_after(row.call, row.after, 0x80001234UL);
    EXPECT_EQ(code_of(open()), "token.failed") << row.name;
    const std::size_t made = fake.keys.size();
    EXPECT_FALSE(fs::exists(data().keys())) << row.name;
    fake.fail(row.call, 0, 0);
    const auto authority = open();
    ASSERT_TRUE(authority) << row.name << ": " << base::to_string(authority.error());
    EXPECT_EQ(fake.keys.size(), 10U) << row.name << ", " << made << " were there";
  }
}

TEST_F(InToken, NoOneElsesKeysAreTaken) {
  ASSERT_TRUE(open());
  fs::rename(folder(), folder().string() + ".lost");
  testing::remove_registry(data().registry());
  EXPECT_EQ(code_of(open()), "keys.exist");
  EXPECT_EQ(code_of(open()), "keys.exist") << "trying again changes nothing";
  EXPECT_EQ(fake.keys.size(), 10U);
  token->key_prefix = "second";
  EXPECT_EQ(code_of(open()), "ok");
  EXPECT_EQ(fake.keys.size(), 20U);
}

TEST_F(InToken, WithoutItsRegistryNothingIsMadeAnew) {
  ASSERT_TRUE(open());
  testing::remove_registry(data().registry());
  EXPECT_EQ(code_of(open()), "authority.registry_lost");
}

TEST_F(InToken, WhileTheTokenIsAwayNothingIsIssuedAndNothingIsLeftOver) {
  const auto opened = open();
  ASSERT_TRUE(opened);
  Authority& authority = **opened;
  const std::string code = make_code(authority);
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const std::string before = ask("SELECT COUNT(*) FROM certificates");
  fake.unplug();
  for (int i = 0; i < 2; ++i) {
    const auto refused = redeem(authority, code, key);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "signer.unavailable");
    EXPECT_EQ(refused.error().kind, base::Kind::unavailable);
    EXPECT_EQ(refused.error().cause->code, "token.absent");
    EXPECT_EQ(refused.error().detail.find("issuing keys"), std::string::npos) << "callers learn nothing of the token";
  }
  EXPECT_EQ(ask("SELECT COUNT(*) FROM certificates"), before);
  EXPECT_EQ(ask("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), "0");
  EXPECT_EQ(ask("SELECT COUNT(*) FROM issuances WHERE state = 'abandoned'"), "2");
  EXPECT_EQ(ask("SELECT COUNT(*) FROM audit WHERE action = 'issuance.abandoned'"), "2");
  EXPECT_TRUE(was_logged("token.lost"));
  EXPECT_FALSE(was_logged("token.back"));
  fake.plug_in();
  const auto issued = redeem(authority, code, key);
  ASSERT_TRUE(issued) << base::to_string(issued.error());
  EXPECT_TRUE(was_logged("token.back"));
  EXPECT_EQ(ask("SELECT COUNT(*) FROM issuances WHERE serial = '" + issued->certificate.serial().hex() +
                "' AND state = 'issued'"),
            "1");
}

TEST_F(InToken, ATokenThatHangsHoldsUpNothingElse) {
  token->call_time = std::chrono::seconds(1);
  const auto opened = open();
  ASSERT_TRUE(opened);
  Authority& authority = **opened;
  const std::string code = make_code(authority);
  const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  fake.hang();
  EXPECT_EQ(code_of(redeem(authority, code, key)), "signer.unavailable");
  EXPECT_TRUE(authority.directory().suspend_organisation(admin(), slug("acme")));
  fake.let_go();
}

TEST_F(InToken, ARefusedPinIsNotTriedAgainByTheNextStart) {
  pin = "4321";
  EXPECT_EQ(code_of(open()), "token.pin");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(code_of(open()), "token.pin_refused");
  EXPECT_EQ(fake.calls_of("C_Login"), 1);
  pin = "1234";
  EXPECT_EQ(code_of(open()), "ok");
  EXPECT_FALSE(fs::exists(data().refused_pin()));
  pin = "4321";
  EXPECT_EQ(code_of(open()), "token.pin") << "once, since the token accepted another one in between";
  fake.pin = "4321";
  EXPECT_EQ(code_of(open()), "token.pin_refused");
  fs::remove(data().refused_pin());
  EXPECT_EQ(code_of(open()), "ok");
}

TEST(TokenPin, ARefusalIsThatOfOnePinAtOneToken) {
  const testing::Folder folder;
  const base::Secret passphrase = secret("passphrase");
  const base::Secret pin = secret("1234");
  TokenSettings settings;
  settings.module = "/lib/a.so";
  settings.label = "one";
  const fs::path file = folder / "refused";
  EXPECT_EQ(code_of(check_not_refused(file, {settings, pin, passphrase})), "ok");
  ASSERT_TRUE(note_refused(file, {settings, pin, passphrase}));
  EXPECT_EQ(code_of(check_not_refused(file, {settings, pin, passphrase})), "token.pin_refused");
  EXPECT_EQ(code_of(check_not_refused(file, {settings, secret("12345"), passphrase})), "ok");
  EXPECT_EQ(code_of(check_not_refused(file, {settings, pin, secret("another")})), "ok");
  settings.label = "two";
  EXPECT_EQ(code_of(check_not_refused(file, {settings, pin, passphrase})), "ok");
  EXPECT_EQ(base::read_file(file)->find("1234\n"), std::string::npos);
}

TEST(TokenPin, ComesFromTheFirstSourceThereIs) {
  const testing::Folder folder;
  ASSERT_TRUE(base::write_file(folder / "countersign-token-pin", "1111\n", base::FileMode::owner_only));
  ASSERT_TRUE(base::write_file(folder / "configured", "2222", base::FileMode::owner_only));
  ASSERT_TRUE(base::write_file(folder / "empty", "\n", base::FileMode::owner_only));
  EXPECT_EQ(find_token_pin({"0000", folder.path(), folder / "configured"})->reveal_text(), "0000");
  EXPECT_EQ(find_token_pin({std::nullopt, folder.path(), folder / "configured"})->reveal_text(), "1111");
  EXPECT_EQ(find_token_pin({std::nullopt, {}, folder / "configured"})->reveal_text(), "2222");
  EXPECT_EQ(code_of(find_token_pin({})), "token.no_pin");
  EXPECT_EQ(code_of(find_token_pin({std::nullopt, {}, folder / "empty"})), "token_pin.empty");
  EXPECT_EQ(code_of(find_token_pin({std::nullopt, {}, folder / "absent"})), "token_pin.unreadable");
}

base::Result<std::optional<TokenSettings>> read(const std::string& text) {
  auto document = base::ConfigSection::parse("[authority]\n" + text, "test");
  EXPECT_TRUE(document);
  BASE_TRY(const auto settings, Settings::read(*document, "/srv/cs"));
  return settings.token;
}

TEST(TokenSettings, NameEveryMistake) {
  const std::string least = "[authority.token]\nmodule = '/lib/x.so'\nlabel = 'ca'\n";
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  for (const Row& row :
       {Row{"none", "", "ok"}, Row{"least", least, "ok"},
        Row{"all", least + "pin_file = 'pin'\nkey_prefix = 'cs-1'\nkey = 'rsa3072'\nroots = 'files'\ncall_time = '2s'",
            "ok"},
        Row{"no module", "[authority.token]\nlabel = 'ca'", "config.missing"},
        Row{"no label", "[authority.token]\nmodule = '/lib/x.so'", "config.missing"},
        Row{"empty module", "[authority.token]\nmodule = ''\nlabel = 'ca'", "config.value"},
        Row{"empty label", "[authority.token]\nmodule = '/x'\nlabel = ''", "config.value"},
        Row{"long label", "[authority.token]\nmodule = '/x'\nlabel = '" + std::string(33, 'x') + "'", "config.value"},
        Row{"unknown key", least + "pin = '1234'", "config.unknown_key"},
        Row{"bad prefix", least + "key_prefix = 'A b'", "config.value"},
        Row{"key that tokens do not have", least + "key = 'ed25519'", "config.value"},
        Row{"key of no kind", least + "key = 'dsa'", "config.value"},
        Row{"roots nowhere", least + "roots = 'paper'", "config.value"},
        Row{"no patience", least + "call_time = '50ms'", "config.value"},
        Row{"too much patience", least + "call_time = '2m'", "config.value"}})
    EXPECT_EQ(code_of(read(row.text)), row.code) << row.name;
  const auto all = read(least + "pin_file = 'pin'\nkey = 'rsa3072'\nroots = 'files'").value();
  EXPECT_EQ(all->pin_file, "/srv/cs/pin");
  EXPECT_EQ(all->key, crypto::PrivateKey::Kind::rsa3072);
  EXPECT_EQ(all->roots, TokenSettings::Roots::files);
  EXPECT_EQ(all->label_of("internal"), "countersign-internal");
}

}  // namespace
}  // namespace countersign::authority
