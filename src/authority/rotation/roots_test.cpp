// How one root follows another: both are believed, issuing CAs change over, and the old one goes.
#include "authority/rotation/roots.h"

#include <filesystem>

#include "authority/authority.h"
#include "authority/fixture_test.h"
#include "authority/rotation/root_crl.h"
#include "ceremony/ca_profile.h"
#include "crypto/pem.h"
#include "feed/holdings.h"
#include "testing/run.h"
#include "trust/verdict.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using testing::code_of;
using trust::Purpose;

/// As ceremonies make them.
struct MadeRoot {
  crypto::PrivateKey key;
  x509::Certificate certificate;
};

class NewRoots : public ::testing::Test {
 protected:
  void SetUp() override {
    EstablishedData::shared().copy_to(folder());
    reopen();
    ASSERT_TRUE(authority().directory().create_organisation(admin(), slug("acme"), "Acme"));
    ASSERT_TRUE(authority().directory().create_application(admin(), {identity(kPayments), "", {}}));
  }
  fs::path folder() const { return base_ / "authority"; }
  Authority& authority() { return *authority_; }
  Roots roots() { return Roots(authority().ledger(), authority().hierarchy()); }
  void reopen() {
    authority_.reset();
    Settings settings;
    settings.provider = "Example Payments";
    settings.data = folder();
    settings.registry = testing::registry_at(DataFolder(folder()).registry());
    settings.server_names = {"localhost"};
    settings.policy = IssuancePolicy(kDay * 350);
    auto opened = Authority::open(settings, EstablishedData::shared().passphrase(),
                                  {clock, random_, log_.log(), observer_, listener_});
    ASSERT_TRUE(opened) << base::to_string(opened.error());
    authority_ = std::move(*opened);
  }

  ceremony::CaOrder order_of(const std::string& name, const crypto::PublicKey& key) const {
    return {.rank = ceremony::CaRank::root,
            .subject = {name, "Example Payments", {}},
            .key = key,
            .not_before = clock.now(),
            .not_after = clock.now() + kDay * 365 * 10,
            .path_length = 1};
  }
  MadeRoot make_root(const std::string& name = "Example Payments Partner Root CA G2") {
    auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    ceremony::CaOrder order = order_of(name, key.public_key());
    order.path_length = 2;
    const auto draft = ceremony::draft(order, nullptr, clock.now(), random_).value();
    auto certificate = draft.assemble(key.sign(draft.tbs().der).value()).value();
    return {std::move(key), std::move(certificate)};
  }
  MadeRoot old_root(Root line) {
    auto key = load_key(key_file(DataFolder(folder()).keys(), std::string(name(line)) + "-root"),
                        EstablishedData::shared().passphrase())
                   .value();
    return {std::move(key), authority().hierarchy().first_root(line)};
  }
  x509::Certificate cross(const MadeRoot& of, const MadeRoot& by) {
    const auto order = order_of(of.certificate.subject().common_name, of.key.public_key());
    const auto draft = ceremony::draft(order, &by.certificate, clock.now(), random_).value();
    return draft.assemble(by.key.sign(draft.tbs().der).value()).value();
  }
  base::Result<std::string> import(const NewRootOrder& order) {
    auto imported = roots().import(admin(), order);
    EXPECT_TRUE(authority().refresh());
    return imported;
  }
  base::Result<void> retire(const std::string& root) {
    auto retired = roots().retire(admin(), root);
    EXPECT_TRUE(authority().refresh());
    return retired;
  }
  /// A new issuing CA of the line, under `root`, that issues from now on.
  std::string change_over(const std::string& line, const MadeRoot& root) {
    Rotation& rotation = authority().rotation();
    const std::string ca = rotation.prepare(admin(), line, "p256").value();
    const std::string csr = rotation.show(ca)->prospect->csr;
    ceremony::CaOrder order = order_of(line + " under the new root", x509::Csr::parse(csr)->public_key());
    order.rank = ceremony::CaRank::issuing;
    order.path_length = 0;
    order.not_after = clock.now() + kDay * 365 * 5;
    const auto draft = ceremony::draft(order, &root.certificate, clock.now(), random_).value();
    const auto certificate = draft.assemble(root.key.sign(draft.tbs().der).value()).value();
    EXPECT_EQ(code_of(rotation.import(admin(), ca, certificate)), "ok");
    EXPECT_TRUE(authority().refresh());
    EXPECT_EQ(code_of(rotation.distribute(admin(), ca)), "ok");
    EXPECT_TRUE(authority().refresh());
    EXPECT_EQ(code_of(rotation.activate(admin(), ca, {{}, "nobody follows in this test"})), "ok");
    EXPECT_TRUE(authority().refresh());
    return ca;
  }
  Issued enrol(Purpose purpose = Purpose::transport) {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const auto code = authority().enrolment().create_code(admin(), {identity(kPayments), {purpose}});
    const std::string csr = x509::Csr::make_pem(key, {"", "", ""}).value();
    const auto outcome = authority().enrolment().redeem({code->code.text().reveal_text(), purpose, csr});
    EXPECT_TRUE(outcome) << base::to_string(outcome.error());
    return std::get<Issued>(*outcome);
  }
  std::string judge(const Issued& issued, const x509::Certificate& issuer) {
    const trust::Policy policy{.purposes = {Purpose::transport}};
    auto chain = trust::verify_chain({issued.certificate, issuer}, policy, *authority().trust(), clock.now());
    if (!chain) return std::string(trust::name(chain.error().reason));
    const auto admitted = trust::admit(std::move(*chain), authority().view());
    return admitted ? "ok" : std::string(trust::name(admitted.error().reason));
  }

  testing::FakeClock clock{kNow};
  testing::SeededRandom random_{77};

 private:
  testing::Folder base_;
  testing::KeptLog log_;
  NoObserver observer_;
  CountPublications listener_;
  std::unique_ptr<Authority> authority_;
};

TEST_F(NewRoots, AreTakenInOnlyAsTheProfileSays) {
  const MadeRoot fresh = make_root();
  const MadeRoot other = make_root("Somebody else");
  const MadeRoot partner = old_root(Root::partner);
  const MadeRoot provider = old_root(Root::provider);
  const x509::Certificate good = cross(fresh, partner);
  struct Row {
    const char* name;
    NewRootOrder order;
    const char* code;
  };
  const Row rows[] = {
      {"no cross certificate, no reason", {Root::partner, fresh.certificate}, "root.no_cross"},
      {"crossed by the other line", {Root::partner, fresh.certificate, {cross(fresh, provider)}}, "root.cross"},
      {"of the other line", {Root::provider, fresh.certificate, {good}}, "root.cross"},
      {"a cross of another root", {Root::partner, fresh.certificate, {cross(other, partner)}}, "root.cross"},
      {"one bad among good ones", {Root::partner, fresh.certificate, {good, cross(fresh, other)}}, "root.cross"},
      {"the cross itself as the root", {Root::partner, good, {good}}, "ca.profile"},
      {"an issuing CA",
       {Root::partner, authority().hierarchy().find_issuing_ca("uat-transport")->certificate, {}, "why not"},
       "ca.profile"},
      {"the other line's root", {Root::partner, provider.certificate, {}, "why not"}, "key.in_use"},
      {"good", {Root::partner, fresh.certificate, {good}}, "ok"},
      {"again", {Root::partner, fresh.certificate, {good}}, "ok"},
      {"without a cross, for a reason", {Root::partner, other.certificate, {}, "the old key is lost"}, "ok"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(code_of(import(row.order)), row.code) << row.name;
  EXPECT_EQ(authority().hierarchy().roots().size(), 4U);
  const MadeRoot name_sake = make_root("Somebody else");
  EXPECT_EQ(code_of(import({Root::partner, name_sake.certificate, {}, "why not"})), "ca.name_taken");
}

TEST_F(NewRoots, FollowTheOldOneWithoutARefusal) {
  const Issued before = enrol();
  const x509::Certificate old_issuer = before.issuer->certificate;
  const MadeRoot fresh = make_root();
  const MadeRoot old = old_root(Root::partner);
  ASSERT_EQ(import({Root::partner, fresh.certificate, {cross(fresh, old)}}), "partner-2");
  reopen();
  EXPECT_EQ(judge(before, old_issuer), "ok");
  const auto both = authority().hierarchy().trust_chain(Root::partner);
  EXPECT_EQ(both[0], old.certificate) << "oldest first";
  EXPECT_EQ(both[1], fresh.certificate);
  EXPECT_EQ(authority().hierarchy().root(Root::partner), fresh.certificate) << "what comes is to be under it";
  std::size_t told = 0;
  for (const feed::Fact& fact : authority().hierarchy().to_facts())
    if (const auto* root = std::get_if<feed::RootFact>(&fact);
        root != nullptr && root->certificate == fresh.certificate)
      told += root->crosses.size();
  EXPECT_EQ(told, 1U) << "with what the old one says of it";

  EXPECT_EQ(code_of(retire("partner")), "root.in_use");
  const std::string ca = change_over("production-transport", fresh);
  EXPECT_EQ(authority().hierarchy().find_issuing_ca(ca)->root_name, "partner-2");
  const Issued after = enrol();
  const x509::Certificate new_issuer = after.issuer->certificate;
  EXPECT_EQ(judge(before, old_issuer), "ok");
  EXPECT_EQ(judge(after, new_issuer), "ok");
  for (const char* line : {"uat-transport", "uat-signing", "production-signing", "people"}) {
    change_over(line, fresh);
    EXPECT_EQ(code_of(authority().rotation().retire(admin(), line, {})), "ok") << line;
    EXPECT_TRUE(authority().refresh());
  }
  EXPECT_EQ(code_of(retire("partner")), "root.in_use") << "one is left";
  EXPECT_EQ(code_of(authority().rotation().retire(admin(), "production-transport", {1})), "ok");
  EXPECT_TRUE(authority().refresh());
  EXPECT_EQ(code_of(retire("partner")), "ok");
  EXPECT_EQ(code_of(retire("partner")), "ok") << "again";
  EXPECT_NE(judge(before, old_issuer), "ok");
  EXPECT_EQ(judge(after, new_issuer), "ok");
  EXPECT_EQ(authority().hierarchy().trust_chain(Root::partner)[0], fresh.certificate);
  EXPECT_EQ(code_of(retire("partner-2")), "root.last");
  EXPECT_EQ(code_of(retire("partner-3")), "root.unknown");
  reopen();
  EXPECT_EQ(judge(after, new_issuer), "ok");
  EXPECT_NE(judge(before, old_issuer), "ok");
}

/// Whoever believes the old provider root alone verifies the authority and the gateway over the cross certificate.
TEST_F(NewRoots, OfTheProviderAreBelievedOverTheCrossCertificate) {
  const MadeRoot old = old_root(Root::provider);
  const MadeRoot fresh = make_root("Example Payments Provider Root CA G2");
  ASSERT_EQ(import({Root::provider, fresh.certificate, {cross(fresh, old)}}), "provider-2");
  change_over("internal", fresh);
  ASSERT_TRUE(authority().provide_server_certificate());
  const auto server = feed::load(server_files(authority().folder())).value();
  EXPECT_EQ(server.chain.size(), 3U) << "leaf, issuing CA, cross certificate";
  const trust::TrustSet of_old = trust::TrustSet::of_roots({old.certificate}, {}).value();
  const trust::Policy policy{.purposes = {Purpose::server}, .server_name = "localhost"};
  EXPECT_TRUE(trust::verify_chain(server.chain, policy, of_old, clock.now()));
  const trust::PresentedChain without(server.chain.begin(), server.chain.begin() + 2);
  EXPECT_FALSE(trust::verify_chain(without, policy, of_old, clock.now()));
}

TEST_F(NewRoots, HaveCrlsOfTheirOwn) {
  const MadeRoot fresh = make_root();
  ASSERT_EQ(import({Root::partner, fresh.certificate, {cross(fresh, old_root(Root::partner))}}), "partner-2");
  const auto make_crl = [&](const MadeRoot& by) {
    const auto tbs = x509::build_tbs({.number = 2,
                                      .this_update = clock.now() + std::chrono::seconds(5),
                                      .next_update = clock.now() + kDay,
                                      .urls = {"http://pki.example/crl/partner-2-root-0.crl"},
                                      .scope = x509::CrlScope::ca_certificates,
                                      .revoked = {}},
                                     by.certificate);
    return crypto::to_pem("X509 CRL", x509::assemble(*tbs, by.key.sign(tbs->der).value()));
  };
  const auto bring = [&](const char* root, const std::string& crl) {
    return code_of(import_root_crl(authority().ledger(), authority().hierarchy(), admin(),
                                   *authority().hierarchy().find_root(root), crl));
  };
  EXPECT_EQ(bring("partner-2", make_crl(old_root(Root::partner))), "crl.foreign");
  EXPECT_EQ(bring("partner-2", make_crl(fresh)), "ok");
}

}  // namespace
}  // namespace countersign::authority
