// First run and every later start: what is made, what is completed, and what is refused clearly.
#include "authority/founding/establish.h"

#include <functional>

#include <sys/stat.h>

#include "authority/authority.h"
#include "authority/fixture_test.h"
#include "authority/founding/ceremony.h"
#include "authority/registry/audit_verification.h"
#include "authority/revocation/revocation.h"
#include "base/files.h"
#include "trust/verdict.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using testing::code_of;

class NoSink final : public base::LogSink {
  void write(std::string_view) override {}
};

/// Opens whole authorities on one data folder.
class Starts : public ::testing::Test {
 protected:
  void SetUp() override { EstablishedData::shared().copy_to(folder()); }

  fs::path folder() const { return base_ / "authority"; }
  DataFolder data() const { return DataFolder(folder()); }
  testing::RawRegistry raw() const { return testing::RawRegistry(data().registry()); }
  void begin_anew() const {
    fs::remove_all(folder());
    EstablishedData::shared().copy_to(folder());
  }
  base::Result<std::unique_ptr<Authority>> open() { return open_with(EstablishedData::shared().passphrase()); }
  base::Result<std::unique_ptr<Authority>> open_with(const base::Secret& passphrase) {
    Settings settings;
    settings.provider = "Example Payments";
    settings.data = folder();
    settings.registry = testing::registry_at(data().registry());
    settings.server_names = server_names;
    settings.policy = IssuancePolicy(kDay * 350);
    settings.danger_open_files = danger_open_files;
    settings.notices.mail = mail;
    return Authority::open(settings, passphrase, {clock, random, log_, observer, listener_});
  }
  tls::Credential load(const feed::CredentialFiles& files) const {
    auto credential = feed::load(files);
    EXPECT_TRUE(credential) << base::to_string(credential.error());
    return std::move(*credential);
  }

  testing::FakeClock clock{kNow};
  testing::SeededRandom random{11};
  StopAt observer;
  bool danger_open_files = false;
  std::optional<MailSettings> mail;
  std::vector<std::string> server_names = {"localhost", "127.0.0.1"};

 private:
  testing::Folder base_;
  NoSink sink_;
  base::Log log_{base::Log::Options{"test"}, clock, sink_};
  CountPublications listener_;
};

TEST_F(Starts, FromNothing) {
  fs::remove_all(folder());
  testing::remove_registry(data().registry());
  const auto authority = open();
  ASSERT_TRUE(authority) << base::to_string(authority.error());
  const Hierarchy& hierarchy = (*authority)->hierarchy();
  EXPECT_EQ(hierarchy.issuing_cas().size(), 8U);
  EXPECT_EQ(hierarchy.root(Root::partner).subject().common_name, "Example Payments Partner Root CA");
  const x509::Certificate& issuing = hierarchy.find_issuing_ca("production-transport")->certificate;
  EXPECT_EQ(issuing.subject().common_name, "Example Payments Production Transport Issuing CA");
  EXPECT_EQ(issuing.key_usages(), (std::set{x509::KeyUsage::cert_sign, x509::KeyUsage::crl_sign}));
  for (const char* file :
       {"registry.db", "keys/partner-root.pem", "keys/production-transport.pem", "server.key", "operator/admin.key"}) {
    if (testing::on_postgresql() && file == std::string("registry.db")) continue;
    struct stat status {};
    ASSERT_EQ(::stat((folder() / file).c_str(), &status), 0) << file;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << file;
  }
  const std::string key = *base::read_file(data().keys() / "internal.pem");
  EXPECT_TRUE(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  EXPECT_EQ(x509::Certificate::all_from_pem(*base::read_file(data().provider_chain()))->size(), 4U);
  EXPECT_EQ(x509::Certificate::all_from_pem(*base::read_file(data().partner_chain()))->size(), 6U);
}

TEST_F(Starts, TwoRootsVouchForDifferentPeople) {
  const auto authority = open();
  ASSERT_TRUE(authority);
  for (const IssuingCa& ca : (*authority)->hierarchy().issuing_cas()) {
    const bool of_partners = ca.purposes.contains(trust::Purpose::transport) ||
                             ca.purposes.contains(trust::Purpose::signing) ||
                             ca.purposes.contains(trust::Purpose::person);
    EXPECT_EQ(ca.root, of_partners ? Root::partner : Root::provider) << ca.name;
    const Root other = of_partners ? Root::provider : Root::partner;
    EXPECT_FALSE(ca.certificate.is_signed_by((*authority)->hierarchy().root(other).public_key())) << ca.name;
  }
}

TEST_F(Starts, AgainWithTheSameEverything) {
  std::string serial;
  {
    const auto authority = open();
    ASSERT_TRUE(authority);
    serial = load(server_files(data())).chain.front().serial().hex();
  }
  ASSERT_TRUE(open());
  EXPECT_EQ(load(server_files(data())).chain.front().serial().hex(), serial);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "2");
}

TEST_F(Starts, OnlyOnceAtATime) {
  const auto first = open();
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(open()), "authority.already_running");
}

TEST_F(Starts, AfterACrashInTheFirstRun) {
  struct Row {
    const char* name;
    std::function<void(const DataFolder&)> damage;
    const char* code;
  };
  const auto drop_registry = [](const DataFolder& data) { testing::remove_registry(data.registry()); };
  const Row rows[] = {
      {"before any key",
       [&](const DataFolder& data) {
         fs::remove_all(data.root());
         drop_registry(data);
       },
       "ok"},
      {"while the keys were written",
       [&](const DataFolder& data) {
         drop_registry(data);
         fs::rename(data.keys(), data.new_keys());
         fs::remove(data.new_keys() / "uat-ehi.pem");
       },
       "ok"},
      {"after the registry was committed", [](const DataFolder& data) { fs::rename(data.keys(), data.new_keys()); },
       "ok"},
      {"no crash: the registry was lost later", drop_registry, "authority.registry_lost"},
      {"no crash: the keys were lost later", [](const DataFolder& data) { fs::remove_all(data.keys()); },
       "keys.missing"},
      {"no crash: one key was lost later", [](const DataFolder& data) { fs::remove(data.keys() / "internal.pem"); },
       "keys.missing"},
      {"no crash: the keys are of another backup",
       [](const DataFolder& data) {
         fs::copy_file(data.keys() / "uat-ehi.pem", data.keys() / "internal.pem", fs::copy_options::overwrite_existing);
       },
       "keys.mismatch"},
  };
  for (const Row& row : rows) {
    begin_anew();
    row.damage(data());
    EXPECT_EQ(code_of(open()), row.code) << row.name;
  }
}

TEST_F(Starts, OnlyWithItsPassphrase) {
  EXPECT_EQ(code_of(open_with(base::Secret(std::string_view("another")))), "keys.passphrase");
  EXPECT_EQ(code_of(open()), "ok");
}

TEST_F(Starts, CompleteTheirOwnCredentialsAfterACrashAtEveryStep) {
  struct Row {
    const char* name;
    int let_pass;      ///< the server certificate comes first, the operator's second
    const char* code;  ///< without an operator the authority comes up all the same, and says so
  };
  for (const Row& row : {Row{"server", 0, "test.crash"}, Row{"operator", 1, "ok"}})
    for (const Step step : {Step::after_check, Step::after_record, Step::after_sign, Step::after_publish}) {
      SCOPED_TRACE(std::string(row.name) + " " + std::string(name(step)));
      fs::remove_all(folder());
      EstablishedData::shared().copy_to(folder());
      observer.stop_at = step;
      observer.let_pass = row.let_pass;
      EXPECT_EQ(code_of(open()), row.code);
      observer.stop_at.reset();
      const auto authority = open();
      ASSERT_TRUE(authority) << base::to_string(authority.error());
      const auto server = load(server_files(data()));
      EXPECT_TRUE((*authority)->view().certificate(server.chain.front().fingerprint()));
      EXPECT_EQ(load(operator_files(data())).chain.front().subject().common_name, "admin");
      EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "2");
    }
}

TEST_F(Starts, MakeANewOperatorOnlyWhenNobodyCouldGetIn) {
  struct Row {
    const char* name;
    std::function<void()> change;
    bool made;
  };
  const auto sql = [this](const std::string& text) { ASSERT_TRUE(raw().run(text)) << text; };
  const std::string of_admin = " WHERE organisation = 'operator'";
  const Row rows[] = {
      {"the operator took the credential away: it is still valid", [] {}, false},
      {"it was revoked", [&] { sql("UPDATE certificates SET revoked_at = 1, revoked_for = 'unspecified'" + of_admin); },
       true},
      {"it has expired", [&] { clock.advance(kDay * 400); }, true},
      {"it is not valid yet", [&] { clock.advance(-kDay * 2); }, true},
  };
  ASSERT_TRUE(open());
  for (const Row& row : rows) {
    fs::remove_all(data().operator_folder());
    row.change();
    ASSERT_TRUE(open()) << row.name;
    EXPECT_EQ(fs::exists(operator_files(data()).key), row.made) << row.name;
  }
}

TEST_F(Starts, OnlyWithFilesThatAreItsOwn) {
  using fs::perms;
  struct Row {
    const char* name;
    const char* file;
    perms mode;
    const char* code;
  };
  ASSERT_TRUE(base::write_file(folder() / "mail-password", "s3cret\n", base::FileMode::owner_only));
  mail = MailSettings{{"mail.example", 587},
                      courier::MailSecurity::starttls,
                      *courier::MailAddress::parse("a@b"),
                      "ca",
                      folder() / "mail-password",
                      {}};
  ASSERT_TRUE(open());
  for (const Row& row :
       {Row{"folder for everybody", "", perms(0755), "file.open"}, Row{"folder of a group", "", perms(0750), "ok"},
        Row{"a group writes", "", perms(0770), "file.open"},
        Row{"key read", "keys/internal.pem", perms(0604), "file.open"},
        Row{"key written", "keys/internal.pem", perms(0602), "file.open"},
        Row{"audit key read", "keys/audit.key", perms(0644), "file.open"},
        Row{"operator's key read", "operator/admin.key", perms(0644), "file.open"},
        Row{"registry written", "registry.db", perms(0620), "file.open"},
        Row{"mail password read", "mail-password", perms(0604), "file.open"},
        Row{"certificates are for all", "operator/admin.pem", perms(0644), "ok"}}) {
    const fs::path path = folder() / row.file;
    if (!fs::exists(path)) continue;  // a registry that is no file
    const perms before = fs::status(path).permissions();
    fs::permissions(path, row.mode);
    EXPECT_EQ(code_of(open()), row.code) << row.name;
    danger_open_files = true;
    EXPECT_EQ(code_of(open()), "ok") << row.name;
    danger_open_files = false;
    fs::permissions(path, before);
  }
  EXPECT_EQ(code_of(open()), "ok");
}

TEST_F(Starts, RemoveWhatInterruptedWritesLeft) {
  ASSERT_TRUE(open());
  struct Row {
    const char* file;
    bool removed;
  };
  const Row rows[] = {
      {"server.pem.new.123", true},   {"server.key.next.new.4", true},    {"operator/admin.key.new.55", true},
      {"keys/audit.key.new.6", true}, {"../trust-chain.pem.new.7", true}, {"../gateway.json.new.7", false},
      {"server.pem.new.", false},     {"server.pem.new.12a", false},      {"notes.txt", false}};
  for (const Row& row : rows)
    ASSERT_TRUE(base::write_file(folder() / row.file, "half", base::FileMode::owner_only)) << row.file;
  ASSERT_TRUE(open());
  for (const Row& row : rows)
    EXPECT_NE(fs::exists(folder() / row.file), row.removed) << row.file;
}

TEST_F(Starts, RecoverAnOperatorWhenAsked) {
  ASSERT_TRUE(open());
  const auto before = load(operator_files(data())).chain.front();
  ASSERT_TRUE(raw().run("UPDATE applications SET suspended = 1 WHERE organisation = 'operator'"));
  const auto authority = open();
  ASSERT_TRUE(authority) << "without any operator it comes up all the same";
  ASSERT_TRUE((*authority)->make_new_operator());
  const auto after = load(operator_files(data()));
  EXPECT_NE(after.chain.front().serial().hex(), before.serial().hex());
  const auto chain =
      trust::verify_chain(after.chain, {.purposes = {trust::Purpose::service}}, *(*authority)->trust(), clock.now());
  EXPECT_TRUE(trust::admit(*chain, (*authority)->view()));
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'operator.recovered'"), "1");
}

TEST_F(Starts, OutliveARenewalThatFails) {
  struct Row {
    const char* name;
    base::Duration later;
    const char* code;
  };
  for (const Row& row : {Row{"due and still valid", kDay * 300, "ok"}, Row{"over", kDay * 351, "test.crash"}}) {
    begin_anew();
    ASSERT_TRUE(open());
    clock.advance(row.later);
    observer.stop_at = Step::after_check;
    observer.let_pass = 0;
    EXPECT_EQ(code_of(open()), row.code) << row.name;
    observer.stop_at.reset();
    ASSERT_TRUE(open());
  }
}

TEST_F(Starts, RenewTheServerCertificate) {
  struct Row {
    const char* name;
    std::function<void()> change;
    bool renewed;
  };
  const Row rows[] = {
      {"nothing changed", [] {}, false},
      {"half of its life is over", [this] { clock.advance(kDay * 175); }, false},
      {"two thirds are over", [this] { clock.advance(kDay * 60); }, true},
      {"its names changed", [this] { server_names = {"authority.example"}; }, true},
      {"it is not valid yet", [this] { clock.advance(-kDay * 2); }, true},
      {"its key is gone", [this] { fs::remove(server_files(data()).key); }, true},
      {"its file is damaged",
       [this] { ASSERT_TRUE(base::write_file(server_files(data()).chain, "nothing", base::FileMode::world_readable)); },
       true},
  };
  ASSERT_TRUE(open());
  for (const Row& row : rows) {
    const std::string before = raw().ask("SELECT COUNT(*) FROM certificates WHERE purpose = 'server'");
    row.change();
    ASSERT_TRUE(open()) << row.name;
    const std::string after = raw().ask("SELECT COUNT(*) FROM certificates WHERE purpose = 'server'");
    EXPECT_EQ(std::stoi(after) - std::stoi(before), row.renewed ? 1 : 0) << row.name;
    EXPECT_TRUE(load(server_files(data())).chain.front().matches_host(server_names.front())) << row.name;
  }
}

TEST_F(Starts, SayThatTheAuditLogWasChangedUntilSomebodyHasLooked) {
  ASSERT_TRUE(open());
  const auto sql = [this](const std::string& text) { return raw().run(text); };
  const auto problem = [this] { return verify_audit((*open())->ledger())->problem; };
  EXPECT_EQ(problem(), "");
  ASSERT_TRUE(sql("UPDATE audit SET actor = 'nobody' WHERE sequence = 2"));
  EXPECT_NE(problem(), "");
  ASSERT_TRUE(sql("UPDATE audit SET actor = 'authority' WHERE sequence = 2"));
  EXPECT_NE(problem(), "") << "mended, but it was broken";
  EXPECT_NE(problem(), "");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'audit.found_broken'"), "1");
  ASSERT_TRUE(acknowledge_audit((*open())->ledger(), admin()));
  EXPECT_EQ(problem(), "");
}

TEST(Ceremony, KeepsNamesWithinTheirBounds) {
  testing::SeededRandom random(5);
  struct Row {
    std::string provider;
    std::string common_name;
  };
  for (const Row& row :
       {Row{"Bank", "Bank Partner Root CA"},
        Row{"The International Payments Processing Company", "The International Payments Proce Partner Root CA"},
        Row{"Zahlungsdienst K\xc3\xb6nigstra\xc3\x9f"
            "e AG \xc3\xbc",
            "Zahlungsdienst K\xc3\xb6nigstra\xc3\x9f"
            "e AG Partner Root CA"}}) {
    const testing::Folder folder;
    const base::Secret passphrase(std::string_view("x"));
    FileCaKeys keys(folder.path(), passphrase, crypto::PrivateKey::Kind::p256);
    const auto ceremony = hold_ceremony({row.provider, kNow}, {keys, random});
    ASSERT_TRUE(ceremony) << base::to_string(ceremony.error());
    EXPECT_EQ(ceremony->roots[0].certificate.subject().common_name, row.common_name);
    EXPECT_EQ(ceremony->roots[0].certificate.subject().organisation, row.provider);
  }
}

}  // namespace
}  // namespace countersign::authority
