// What tests of several authorities on one registry share: two of them, and an interruption of what one is doing.
#pragma once

#include <functional>
#include <utility>

#include "authority/fixture_test.h"

namespace countersign::authority {

/// Does something at one step of one issuance.
class Interrupt final : public StepObserver {
 public:
  base::Result<void> reached(Step step) override {
    if (step == at) std::exchange(act, [] {})();
    return {};
  }
  Step at = Step::after_check;
  std::function<void()> act = [] {};
};

/// office() and another() are two authorities with data folders of their own on one registry.
class Several : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    std::filesystem::copy(data(), other_data(), std::filesystem::copy_options::recursive);
    another_ = std::make_unique<Office>(
        Office::Parts{other_data(), clock, random, *signer, interrupt, policy, DataFolder(data()).registry()});
  }
  std::filesystem::path other_data() const { return other_ / "authority"; }
  Office& another() { return *another_; }
  base::Result<Issued> redeem_at_another(const std::string& code, const crypto::PrivateKey& key) {
    const std::string csr = make_csr(key);
    return issued(another().enrolment.redeem({code, trust::Purpose::transport, csr}));
  }
  static bool is_suspended(const Office& office, std::string_view urn_end) {
    return office.view.is_suspended(identity(urn_end));
  }

  Interrupt interrupt;

 private:
  testing::Folder other_;
  std::unique_ptr<Office> another_;
};

}  // namespace countersign::authority
