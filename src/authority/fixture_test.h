// What the authority's tests share: an office that can be closed and opened again on the same data, as after a crash.
#pragma once

#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "authority/enrolment/enrolment.h"
#include "authority/founding/established_data_test.h"
#include "authority/registry/directory.h"
#include "authority/registry/feed_source.h"
#include "authority/stand_ins_test.h"
#include "testing/code_of.h"

namespace countersign::authority {

/// Where the certificates of tests say that their status is published.
inline StatusUrls status_urls() { return StatusUrls::parse("http://pki.example").value(); }

/// The domain put together by hand, so that a test can replace each part.
class Office {
 public:
  struct Parts {
    std::filesystem::path data;
    const base::Clock& clock;
    crypto::Random& random;
    Signer& signer;
    StepObserver& observer;
    const IssuancePolicy& policy;
    std::filesystem::path registry = {};  ///< empty: that of `data`

    store::Location location() const {
      return testing::registry_at(registry.empty() ? DataFolder(data).registry() : registry);
    }
  };
  explicit Office(const Parts& parts)
      : registry(store::Registry::open(parts.location()).value()),
        seal(open_seal(parts.data)),
        ledger({registry, seal, parts.clock, view, listener}),
        hierarchy(load(ledger)),
        policy(parts.policy),
        approvals(ledger, policy, parts.random),
        issuance(Checker(ledger, hierarchy, parts.random, {policy, status_urls()}), approvals, ledger, parts.signer,
                 parts.observer),
        enrolment(ledger, hierarchy, issuance, parts.random),
        directory(ledger) {
    EXPECT_TRUE(fill_view(view, ledger, hierarchy));
  }

  store::Registry registry;
  trust::RegistryView view;
  CountPublications listener;
  AuditSeal seal;
  Ledger ledger;
  Hierarchy hierarchy;
  IssuancePolicy policy;
  Approvals approvals;
  Issuance issuance;
  Enrolment enrolment;
  Directory directory;

 private:
  static AuditSeal open_seal(const std::filesystem::path& data) {
    AuditSeal seal(DataFolder(data).audit_head());
    seal.use_key(EstablishedData::shared().audit_key());
    EXPECT_TRUE(seal.read());
    return seal;
  }
  static Hierarchy load(Ledger& ledger) {
    auto rows = ledger.read().value();
    return Hierarchy::load(rows).value();
  }
};

/// Tests start with an office that knows acme with production/acme/payments.
class AuthorityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EstablishedData::shared().copy_to(data());
    reopen();
    add_application("production:acme:payments");
  }

  std::filesystem::path data() const { return folder_ / "authority"; }
  testing::RawRegistry raw() const { return testing::RawRegistry(DataFolder(data()).registry()); }
  Office& office() { return *office_; }
  /// Closes and opens the registry again, with everything above it.
  void close() { office_.reset(); }
  void reopen() {
    close();
    office_ = std::make_unique<Office>(Office::Parts{data(), clock, random, *signer, observer, policy});
  }

  void add_application(std::string_view urn_end) {
    const base::Identity wanted = identity(urn_end);
    const auto organisation = office().directory.create_organisation(admin(), wanted.organisation, "Of a test");
    ASSERT_TRUE(organisation || organisation.error().code == "organisation.exists");
    ASSERT_TRUE(office().directory.create_application(admin(), {wanted, "", {}}));
  }
  std::string make_code(std::string_view urn_end, std::vector<trust::Purpose> purposes = {}) {
    const auto code = office().enrolment.create_code(admin(), {identity(urn_end), std::move(purposes)});
    EXPECT_TRUE(code) << base::to_string(code.error());
    return std::string(code->code.text().reveal_text());
  }
  static crypto::PrivateKey make_key() { return crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value(); }
  static std::string make_csr(const crypto::PrivateKey& key) {
    return x509::Csr::make_pem(key, {"hint", "", ""}).value();
  }
  /// What an office that opens now demands beyond the defaults: the text of [[profiles]] tables.
  void demand(const std::string& profiles) {
    auto document = base::ConfigSection::parse(profiles, "test.toml").value();
    policy = IssuancePolicy::read(document.sections("profiles").value(), kDay * 350).value();
    reopen();
  }
  base::Result<Outcome> ask(const std::string& code, const crypto::PrivateKey& key,
                            trust::Purpose purpose = trust::Purpose::transport) {
    const std::string csr = make_csr(key);
    return office().enrolment.redeem({code, purpose, csr});
  }
  base::Result<Issued> redeem(const std::string& code, const crypto::PrivateKey& key,
                              trust::Purpose purpose = trust::Purpose::transport) {
    return issued(ask(code, key, purpose));
  }
  /// The certificate, where nobody has to approve; `test.pending` otherwise.
  static base::Result<Issued> issued(base::Result<Outcome> outcome) {
    if (!outcome) return base::unexpected(std::move(outcome).error());
    if (auto* certificate = std::get_if<Issued>(&*outcome)) return std::move(*certificate);
    return base::fail(base::Kind::unavailable, "test.pending", "approvals are awaited");
  }
  /// A certificate in the ordinary way, with a code of its own.
  base::Result<Issued> enrol(std::string_view urn_end, const crypto::PrivateKey& key,
                             trust::Purpose purpose = trust::Purpose::transport) {
    return redeem(make_code(urn_end), key, purpose);
  }

  testing::FakeClock clock{kNow};
  testing::SeededRandom random{42};
  StopAt observer;
  IssuancePolicy policy{kDay * 350};  ///< of offices opened from now on
  Signer* signer = &EstablishedData::shared().signer();

 private:
  testing::Folder folder_;
  std::unique_ptr<Office> office_;
};

}  // namespace countersign::authority
