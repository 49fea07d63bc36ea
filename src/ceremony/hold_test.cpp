// Whole ceremonies in a folder: what is made, that a check shows the very bytes, and that nothing is signed twice.
#include "ceremony/hold.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/files.h"
#include "testing/code_of.h"
#include "testing/fake_clock.h"
#include "testing/folder.h"
#include "x509/csr.h"

namespace countersign::ceremony {
namespace {

namespace fs = std::filesystem;
using testing::code_of;

constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'790'000'000);  // 2026-09-21T14:13:20Z

class Holding : public ::testing::Test {
 protected:
  std::string head(const std::string& title, const std::string& out,
                   const std::string& at = "2026-09-21T14:00:00Z") const {
    return "[ceremony]\ntitle = \"" + title + "\"\nat = \"" + at +
           "\"\nwitnesses = [\"Ada\", \"Grace\"]\nstate = \"roots\"\nout = \"" + out + "\"\n";
  }
  std::string root(const std::string& name, const std::string& common_name) const {
    return "[[roots]]\nname = \"" + name + "\"\ncommon_name = \"" + common_name +
           "\"\norganisation = \"Example\"\nlife = \"7300d\"\n";
  }
  std::string certify(const std::string& name, const std::string& more = "") {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    EXPECT_TRUE(base::write_file(folder_ / (name + ".csr"), x509::Csr::make_pem(key, {"hint", "", ""}).value(),
                                 base::FileMode::world_readable));
    return "[[certify]]\nname = \"" + name + "\"\nroot = \"partner-root\"\nrequest = \"" + name +
           ".csr\"\nspki_sha256 = \"" + base::to_hex(key.public_key().spki_sha256()) + "\"\ncommon_name = \"Example " +
           name + "\"\norganisation = \"Example\"\nlife = \"3650d\"\n" + more;
  }
  static std::string crl(const std::string& withdrawn = "") {
    return "[[crls]]\nroot = \"partner-root\"\nlife = \"90d\"\nurl = \"http://pki.example/r.crl\"\n" + withdrawn;
  }
  static std::string withdrawn(const std::string& serial) {
    return "[[crls.withdrawn]]\nserial = \"" + serial +
           "\"\nreason = \"ca_compromise\"\nat = \"2026-09-20T10:00:00Z\"\n";
  }
  base::Result<std::string> run(const std::string& text, Mode mode = Mode::sign) {
    BASE_TRY(const Plan plan, Plan::parse(text, folder_ / "plan.toml"));
    return hold(plan, {mode, text, "plan.toml", "countersign test", clock, passphrase});
  }
  x509::Certificate made(const std::string& file) const {
    return x509::Certificate::one_from(base::read_file(folder_ / file).value()).value();
  }
  bool there(const std::string& file) const { return fs::exists(folder_ / file); }
  std::string journal() const { return base::read_file(folder_ / "roots/journal.jsonl").value_or(""); }
  void write_journal(const std::string& text) {
    ASSERT_TRUE(base::write_file(folder_ / "roots/journal.jsonl", text, base::FileMode::owner_only));
  }

  testing::FakeClock clock{kNow};
  base::Secret passphrase{std::string_view("correct horse battery staple")};
  testing::Folder folder_;
};

/// Every line of the transcript that tells what the signed part is.
std::vector<std::string> signed_parts(const std::string& transcript) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; (at = transcript.find("Signed part", at)) != std::string::npos; ++at)
    parts.push_back(transcript.substr(at, transcript.find('\n', at) - at));
  return parts;
}

TEST_F(Holding, MakesRootsThenCasThenCrls) {
  const auto first = run(head("First", "one") + root("partner-root", "Example Partner Root CA") + crl());
  ASSERT_TRUE(first) << base::to_string(first.error());
  const auto second = run(head("Second", "two") + certify("uat") + certify("live"));
  ASSERT_TRUE(second) << base::to_string(second.error());
  const x509::Certificate root_certificate = made("one/partner-root.pem");
  EXPECT_TRUE(made("two/uat.pem").is_signed_by(root_certificate.public_key()));
  EXPECT_EQ(made("two/uat.pem").path_length(), 0);
  EXPECT_EQ(made("two/uat.pem").subject().common_name, "Example uat");
  for (const char* part : {"Witness     Ada", "Title       Second", "SHA-256 ", "countersign test", "CA, pathLen 0",
                           "keyCertSign, cRLSign", "BEGIN CERTIFICATE"})
    EXPECT_NE(second->find(part), std::string::npos) << part;
  EXPECT_EQ(base::read_file(folder_ / "two/transcript.txt").value(), *second);
  const std::string key = base::read_file(folder_ / "roots/partner-root.key").value();
  EXPECT_NE(key.find("ENCRYPTED PRIVATE KEY"), std::string::npos);

  const std::string serial = made("two/uat.pem").serial().hex();
  const auto third = run(head("Third", "three", "2026-09-21T14:10:00Z") + crl(withdrawn(serial)));
  ASSERT_TRUE(third) << base::to_string(third.error());
  const auto der = base::read_file(folder_ / "roots/partner-root.crl").value();
  const auto list = x509::Crl::from_der(base::as_bytes(der)).value();
  EXPECT_EQ(list.number(), 2U);
  ASSERT_EQ(list.revoked().size(), 1U);
  EXPECT_EQ(list.revoked().front().reason, x509::CrlReason::ca_compromise);
  EXPECT_TRUE(list.is_signed_by(root_certificate.public_key()));
  EXPECT_EQ(code_of(run(head("Fourth", "four", "2026-09-21T14:12:00Z") + crl())), "ceremony.crl") << "it forgets one";
  EXPECT_EQ(code_of(run(head("Fifth", "five", "2026-09-21T14:10:00Z") + crl(withdrawn(serial)))), "ceremony.crl");
}

TEST_F(Holding, ShowsBeforehandTheVeryBytes) {
  ASSERT_TRUE(run(head("First", "one") + root("partner-root", "Example Partner Root CA")));
  const std::string text = head("Second", "two") + certify("uat") + crl();
  const std::string before = journal();
  const auto shown = run(text, Mode::check);
  ASSERT_TRUE(shown) << base::to_string(shown.error());
  EXPECT_NE(shown->find("THIS IS A CHECK"), std::string::npos);
  EXPECT_FALSE(there("two"));
  EXPECT_EQ(journal(), before);
  const auto done = run(text);
  ASSERT_TRUE(done);
  EXPECT_EQ(signed_parts(*shown), signed_parts(*done));
  EXPECT_EQ(signed_parts(*done).size(), 2U);
}

TEST_F(Holding, RefusesWhatIsOutsideOfTheProfile) {
  ASSERT_TRUE(run(head("First", "one") + root("partner-root", "Example Partner Root CA")));
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  const auto replaced = [](std::string text, const std::string& what, const std::string& by) {
    return text.replace(text.find(what), what.size(), by);
  };
  const std::string good = certify("uat");
  const Row rows[] = {
      {"a pathLen", good + "path_length = 1\n", "ca.profile"},
      {"the root's own name", replaced(good, "Example uat", "Example Partner Root CA"), "ca.profile"},
      {"another key", replaced(good, "spki_sha256 = \"", "spki_sha256 = \"ff") + "", "ceremony.plan"},
      {"no such root", replaced(good, "partner-root", "other-root"), "ceremony.no_root"},
      {"no such request", replaced(good, "uat.csr", "gone.csr"), "file.not_found"},
      {"good", good, "ok"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(code_of(run(head(row.name, "out") + row.text, Mode::check)), row.code) << row.name;
    EXPECT_FALSE(there("out")) << row.name;
  }
  const std::string serial_before = journal();
  EXPECT_EQ(code_of(run(head("x", "out") + good + "path_length = 1\n")), "ca.profile");
  EXPECT_EQ(journal().find("intent", serial_before.size()), std::string::npos) << "nothing was signed";
  std::string other = good;
  char& digit = other[other.find("spki_sha256") + 16];
  digit = digit == '0' ? '1' : '0';
  EXPECT_EQ(code_of(run(head("exchanged", "out2") + other, Mode::check)), "ceremony.key");
}

TEST_F(Holding, SignsNothingTwice) {
  const std::string text = head("First", "one") + root("partner-root", "Example Partner Root CA");
  ASSERT_TRUE(run(text));
  EXPECT_EQ(code_of(run(text)), "ceremony.done");
  EXPECT_EQ(code_of(run(text, Mode::check)), "ceremony.done");
  EXPECT_EQ(code_of(run(head("Again", "one") + certify("uat"))), "ceremony.out_exists");
  EXPECT_EQ(code_of(run(head("Again", "two") + root("partner-root", "Another"))), "ceremony.key_exists");
  EXPECT_EQ(code_of(run(head("Again", "three") + certify("uat"))), "ok");
}

TEST_F(Holding, CompletesWhatWasCutOff) {
  ASSERT_TRUE(run(head("First", "one") + root("partner-root", "Example Partner Root CA")));
  const std::string text = head("Second", "two") + root("other-root", "Another Root") + certify("uat") + crl();
  const std::string before = journal();
  ASSERT_TRUE(run(text));
  const std::string whole = journal();
  const std::string serial = made("two/uat.pem").serial().hex();
  const auto root_key = base::read_file(folder_ / "roots/other-root.key").value();
  // Cut off behind each line of the journal, the last one torn.
  for (std::size_t end = whole.find('\n', whole.find("making other-root")); end + 1 < whole.size();
       end = whole.find('\n', end + 1)) {
    SCOPED_TRACE(whole.substr(before.size(), end - before.size()));
    write_journal(whole.substr(0, end + 1) + R"({"event":"int)");
    fs::remove(folder_ / "two/transcript.txt");
    const auto again = run(text);
    ASSERT_TRUE(again) << base::to_string(again.error());
    EXPECT_EQ(made("two/uat.pem").serial().hex(), serial) << "the same bytes";
    const auto list = x509::Crl::from_der(base::as_bytes(base::read_file(folder_ / "roots/partner-root.crl").value()));
    EXPECT_EQ(list->number(), 1U);
    EXPECT_EQ(code_of(run(text)), "ceremony.done");
  }
  EXPECT_EQ(base::read_file(folder_ / "roots/other-root.key").value(), root_key) << "a root's key is made once";
}

TEST_F(Holding, NeedsItsFolderAndItsClock) {
  ASSERT_TRUE(run(head("First", "one") + root("partner-root", "Example Partner Root CA")));
  EXPECT_EQ(code_of(run(head("Late", "two", "2026-06-01T10:00:00Z") + certify("uat"))), "ceremony.clock");
  const base::Secret right(passphrase.reveal_text());
  passphrase = base::Secret(std::string_view("wrong"));
  EXPECT_EQ(code_of(run(head("Wrong", "three") + certify("uat"))), "ceremony.passphrase");
  passphrase = base::Secret(right.reveal_text());
  write_journal("no journal\n" + journal());
  EXPECT_EQ(code_of(run(head("Damaged", "four") + certify("uat"))), "ceremony.journal");
}

/// An issuing CA that partners believe already is vouched for by a new root, and a new root by an old one.
TEST_F(Holding, CertifiesAcross) {
  ASSERT_TRUE(run(head("First", "one") + root("partner-root", "Example Partner Root CA") + "path_length = 2\n"));
  ASSERT_TRUE(run(head("Second", "two") + root("next-root", "Example Partner Root CA G2") + certify("uat")));
  const std::string issuing =
      "[[certify]]\nname = \"uat-under-next\"\nroot = \"next-root\"\ncertificate = "
      "\"two/uat.pem\"\nlife = \"3000d\"\n";
  const std::string cross =
      "[[certify]]\nname = \"next-under-old\"\nroot = \"partner-root\"\nrank = "
      "\"root\"\ncertificate = \"two/next-root.pem\"\nlife = \"3000d\"\n";
  const auto done = run(head("Third", "three") + issuing + cross);
  ASSERT_TRUE(done) << base::to_string(done.error());
  const x509::Certificate again = made("three/uat-under-next.pem");
  EXPECT_EQ(again.subject().der, made("two/uat.pem").subject().der);
  EXPECT_EQ(again.public_key().to_spki(), made("two/uat.pem").public_key().to_spki());
  EXPECT_TRUE(again.is_signed_by(made("two/next-root.pem").public_key()));
  EXPECT_TRUE(made("three/next-under-old.pem").is_signed_by(made("one/partner-root.pem").public_key()));
}

}  // namespace
}  // namespace countersign::ceremony
