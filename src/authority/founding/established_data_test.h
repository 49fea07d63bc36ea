// What the authority's tests share, the data: a folder after its first run, made once, copied for each test.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "authority/founding/establish.h"
#include "authority/issuance/issuance.h"
#include "authority/issuance/signer.h"
#include "base/check.h"
#include "testing/fake_clock.h"
#include "testing/folder.h"
#include "testing/registries.h"
#include "testing/seeded_random.h"
#include "testing/times.h"

namespace countersign::authority {

/// Whom tests know from the start.
inline constexpr const char* kPayments = "production:acme:payments";
using testing::kDay;
using testing::kNow;

class CountPublications final : public PublicationListener {
 public:
  void published(std::uint64_t sequence) override {
    ++count;
    last = sequence;
  }
  std::size_t count = 0;
  std::uint64_t last = 0;
};

inline base::Identity identity(std::string_view urn_end) {
  return base::Identity::from_urn("urn:countersign:" + std::string(urn_end)).value();
}
inline base::Slug slug(std::string_view text) { return base::Slug::parse(text).value(); }
inline Actor admin() { return {"urn:countersign:internal:operator:admin"}; }

/// A data folder after its first run. Made once for all tests; the keys are costly on purpose.
class EstablishedData {
 public:
  static const EstablishedData& shared() {
    static const EstablishedData data;
    return data;
  }
  void copy_to(const std::filesystem::path& folder) const {
    std::filesystem::copy(folder_.path(), folder, std::filesystem::copy_options::recursive);
    if (testing::on_postgresql()) testing::copy_registry(data().registry(), DataFolder(folder).registry());
  }
  const base::Secret& passphrase() const { return passphrase_; }
  base::Secret audit_key() const { return base::Secret(base::as_text(audit_key_.reveal())); }
  /// Holds the keys of every copy.
  FileSigner& signer() const { return *signer_; }

 private:
  EstablishedData() {
    auto registry = store::Registry::open(testing::registry_at(data().registry())).value();
    testing::FakeClock clock(kNow);
    testing::SeededRandom random(1);
    trust::RegistryView view;
    CountPublications listener;
    const DataFolder folder = data();
    AuditSeal seal(folder.audit_head());
    Ledger ledger({registry, seal, clock, view, listener});
    const auto made = establish(ledger, {folder, "Example Payments", {"localhost", "127.0.0.1"}, passphrase_, random});
    BASE_CHECK(made.has_value());
    audit_key_ = open_audit_key(folder.keys(), passphrase_).value();
    auto rows = ledger.read().value();
    hierarchy_.emplace(Hierarchy::load(rows).value());
    signer_ = std::make_unique<FileSigner>(FileSigner::open(folder.keys(), *hierarchy_, passphrase_).value());
  }
  DataFolder data() const { return DataFolder(folder_.path()); }
  testing::Folder folder_;
  base::Secret passphrase_{std::string_view("correct horse battery staple")};
  base::Secret audit_key_;
  std::optional<Hierarchy> hierarchy_;
  std::unique_ptr<FileSigner> signer_;
};

}  // namespace countersign::authority
